"""The events of tasks, made in the process that changes them: writing as many as tasks are run must cost next to nothing."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
from uuid_utils import uuid7

from app.clock import now
from app.events import SOURCE, EventType

Transition = tuple[str, datetime]
"""A state, and when it was entered."""

EVENT_COLUMNS = (
    "id",
    "event_type",
    "source",
    "subject",
    "partition_key",
    "data",
    "tenant_id",
    "workspace_id",
    "audience",
    "created_at",
    "updated_at",
    "scheduled_at",
)
"""Every column whose default is volatile is given: PostgreSQL then stores the rows of a COPY in blocks, not one by one."""


def event_data(
    event: EventType, columns: Mapping[str, Any], transitions: Iterable[Transition], **extra: Any
) -> str:
    """What an event says of a task: the columns that the catalogue names, the transitions, and more if there is."""
    data = {name: columns[name] for name in event.data}
    return orjson.dumps({**data, "transitions": list(transitions), **extra}, default=str).decode()


def event_row(
    event: EventType, task_id: int, tenant_id: int, workspace_id: int | None, data: str
) -> Sequence[Any]:
    """A row for EVENT_COLUMNS. Its id grows with time, so that the index of ids is written at its end only."""
    subject, time = f"task/{task_id}", now()
    return (
        uuid7(),
        event.name,
        SOURCE,
        subject,
        subject,
        data,
        tenant_id,
        workspace_id,
        event.audience.value,
        time,
        time,
        time,
    )
