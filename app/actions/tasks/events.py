"""What events of tasks say, made in the process that changes them: as many are written as tasks are run."""

from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from uuid import UUID

import orjson

from app.tasks.messages import NewTask

Transition = tuple[str, datetime]
"""A state, and when it was entered."""
QUEUED = "queued"


def event_data(
    message_id: UUID,
    actor_name: str,
    queue_name: str,
    state: str,
    aggregated_status: str,
    retries: int,
    attempt: int,
    log_count: int,
    eta: datetime | None,
    transitions: Iterable[Transition],
    **more: object,
) -> bytes:
    """The JSON of an event that a runner writes. `more` is what only some have."""
    known = _known(actor_name, queue_name, state, aggregated_status, retries, attempt, log_count)
    rest = {"eta": eta, "transitions": transitions, **more}
    return b'{"message_id":"%b",%b,%b' % (str(message_id).encode(), known, orjson.dumps(rest)[1:])


def queued_data(task: NewTask, time: datetime) -> str:
    """The JSON of the event that a task was sent, but for its beginning, `{"message_id": …,`, which is each task's own."""
    data = {
        "actor_name": task.actor_name,
        "queue_name": task.queue_name,
        "state": QUEUED,
        "aggregated_status": QUEUED,
        "retries": task.retries,
        "attempt": 0,
        "eta": task.eta,
        "log_count": int(task.log),
        "transitions": [(QUEUED, time)],
    }
    return orjson.dumps(data).decode()[1:]


@lru_cache(256)
def _known(
    actor_name: str,
    queue_name: str,
    state: str,
    aggregated_status: str,
    retries: int,
    attempt: int,
    log_count: int,
) -> bytes:
    """What is the same for most of the tasks that end at about the same time."""
    return orjson.dumps(locals())[1:-1]
