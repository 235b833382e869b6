"""The events of tasks, made in the process that changes them: as many are written as tasks are run, so they must be cheap."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson
from uuid_utils import uuid7

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
)
"""Every column whose default is volatile is given: PostgreSQL then stores the rows of a COPY in blocks, not one by one."""


def event_row(
    event: EventType,
    task_id: int,
    tenant_id: int,
    workspace_id: int | None,
    data: Mapping[str, Any],
    time: datetime,
) -> tuple[Any, ...]:
    """A row for EVENT_COLUMNS. Its id grows with time, so that the index of ids is written at its end only.

    `data` has what the catalogue says of the event, and `transitions`, and of a requeued task the reason.
    """
    subject = f"task/{task_id}"
    return (
        uuid7(),
        event.name,
        SOURCE,
        subject,
        subject,
        orjson.dumps(data).decode(),
        tenant_id,
        workspace_id,
        event.audience,
        time,
    )
