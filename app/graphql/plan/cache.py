"""Plans by operation and shape, kept while they are in use."""

from collections import OrderedDict
from collections.abc import Hashable

import strawberry
import structlog
from graphql import OperationType
from graphql.execution.values import VariableValues

from app.graphql.documents import Operation
from app.graphql.plan.declared import Declined
from app.graphql.plan.planning import Planner
from app.graphql.plan.running import Read
from app.graphql.plan.shape import Shape, condition_variables, conditions

log = structlog.get_logger("graphql")


class Planned:
    """The root fields of an operation under one shape, in their order: what answers each, or why nothing of ours does."""

    def __init__(self, roots: dict[str, Read | Declined]) -> None:
        self.reads = {key: read for key, read in roots.items() if not isinstance(read, Declined)}
        self.declined = {key: str(why) for key, why in roots.items() if isinstance(why, Declined)}
        self.order = tuple(roots)

    @property
    def whole(self) -> bool:
        """True when all of the operation is compiled."""
        return not self.declined


class Plans:
    """A bounded cache of plans."""

    def __init__(self, schema: strawberry.Schema, *, most: int = 1000) -> None:
        self._schema = schema
        self.schema = schema._schema
        self._most = most
        self._kept: OrderedDict[Hashable, Planned] = OrderedDict()
        self._conditions: OrderedDict[Operation, tuple[str, ...]] = OrderedDict()

    def of(self, operation: Operation, variables: VariableValues) -> Planned | None:
        """How the operation is read under these variables; None when nothing of it is compiled."""
        if operation.type is not OperationType.QUERY or operation.puts_off:
            return None
        names = self._conditions.get(operation)
        if names is None:
            names = self._conditions[operation] = condition_variables(operation.prepared.document)
            if len(self._conditions) > self._most:
                self._conditions.popitem(last=False)
        key = (operation, conditions(names, variables))
        planned = self._kept.get(key)
        if planned is None:
            planned = self._kept[key] = self._plan(operation, variables)
            if len(self._kept) > self._most:
                self._kept.popitem(last=False)
        else:
            self._kept.move_to_end(key)
        return planned if planned.reads else None

    def _plan(self, operation: Operation, variables: VariableValues) -> Planned:
        shape = Shape(self.schema, operation.prepared.document, operation.node, variables)
        planner = Planner(self._schema, shape)
        roots: dict[str, Read | Declined] = {}
        for root in shape.roots():
            try:
                roots[root.key] = planner.plan(root)
            except Declined as declined:
                roots[root.key] = declined
            except Exception as error:  # what cannot be planned is run as ever; its faults are worded there
                log.warning("graphql.not_planned", field=root.name, exc_info=error)
                roots[root.key] = Declined(repr(error))
        return Planned(roots)
