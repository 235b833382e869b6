"""Chores that runners send as soon as they see that they are needed, which is often: short, quiet, and before all others.

What they see is told in app/actions/tasks/promoting.py.
"""

from app.chores.batches import QUEUE
from app.tasks import actor
from app.tasks.actors import Decorator


def needed_actor(name: str) -> Decorator:
    """Declares the actor of such a chore."""
    return actor(
        actor_name=name,
        queue_name=QUEUE,
        priority=-100,
        max_retries=0,
        time_limit=60_000,
        log=False,
        events=False,
        keep=3600,
    )
