"""Reads, compiled: from an operation to a statement for each level of lists, and a function that renders its rows.

    document → shape (shape.py)        which fields, under these values of @skip and @include
    shape    → plan  (planning.py)     which columns, joins and lists; what was declared of a field is in declared.py
    plan     → SQL   (statements.py)   always on top of Model.visible_to(viewer)
             → Python (leaves.py, rendering.py)
    running.py reads a level after the other, together.py single rows for several requests; cache.py keeps plans;
    reading.py answers requests; report.py tells what is compiled, and why the rest is not

There is no SQL in any query and no second description of a type: all comes from the schema and the models. What is not
understood is declined, root field by root field, and runs in the ordinary executor, which also words every error.
"""

from app.graphql.plan.cache import Plans
from app.graphql.plan.doing import Handed
from app.graphql.plan.payloads import NOT_READ, PayloadRows
from app.graphql.plan.reading import Compiled, run_compiled

__all__ = ["NOT_READ", "Compiled", "Handed", "PayloadRows", "Plans", "run_compiled"]
