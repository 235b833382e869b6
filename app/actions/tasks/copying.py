"""Lines and events of tasks, as the bytes that COPY takes: as many are written as tasks are run.

The driver would look up how to write each value of each row, which took a third of what storing the ends of tasks takes here. The
format is PostgreSQL's, documented with COPY: for each row the number of its columns, for each value its length and its bytes.
"""

from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime
from functools import lru_cache
from struct import Struct
from typing import Any

import asyncpg
import orjson
from uuid_utils import uuid7

from app.events import SOURCE, EventType
from app.models.tasks import LogEvent

LOG_COLUMNS = (
    *("id", "task_id", "timestamp", "number", "attempt", "previous"),
    *("attributes", "event", "log_level", "logger"),
)
EVENT_COLUMNS = (
    *("id", "tenant_id", "created_at", "workspace_id", "subject", "partition_key", "data"),
    *("event_type", "source", "audience"),
)
"""Every column whose default is volatile is given: PostgreSQL then stores the rows of a COPY in blocks, not one by one."""

Rows = list[bytes]
"""Pieces of rows, one after the other."""


def log_row(line: LogEvent, task_id: int, number: int, attempt: int, previous: bool) -> bytes:
    """A row for LOG_COLUMNS. Its id is what `line_id` makes of it in the database."""
    time = microseconds(line.timestamp)
    time_and_number = (time // 1000 + _EPOCH_MS & _48_BITS) << 16 | 0x7000 | number >> 14 & 0xFFF
    number_and_task = (0x8000 | number & 0x3FFF) << 48 | task_id
    start = _LOG_START(
        *(len(LOG_COLUMNS), 16, time_and_number, number_and_task, 8, task_id, 8, time),
        *(4, number, 4, attempt, 1, previous),
    )
    if line.attributes:
        return start + _jsonb(line.attributes) + _words(line.event, line.log_level, line.logger)
    return start + _repeated(line.event, line.log_level, line.logger)


def event_row(
    event: EventType, task_id: int, tenant_id: int, workspace_id: int | None, data: bytes, time: int
) -> bytes:
    """A row for EVENT_COLUMNS. Its id grows with time.

    `data` is the JSON of what the catalogue says of the event, and `transitions`, and of a requeued task the reason; `time` is in
    `microseconds`.
    """
    start = _EVENT_START(len(EVENT_COLUMNS), 16, uuid7().bytes, 8, tenant_id, 8, time)
    workspace = _NULL if workspace_id is None else _WORKSPACE(8, workspace_id)
    subject = b"task/%d" % task_id
    subject = _LENGTH(len(subject)) + subject
    kind = _kind(event.name, event.audience)
    return b"".join((start, workspace, subject, subject, _LENGTH(len(data)), data, kind))


def microseconds(time: datetime) -> int:
    """A time as PostgreSQL counts it."""
    since = time - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


async def copy_lines(connection: "asyncpg.Connection[Any]", rows: Iterable[bytes]) -> None:
    """Store lines of logs."""
    await _copy(connection, "task_log", LOG_COLUMNS, rows)


async def copy_events(connection: "asyncpg.Connection[Any]", rows: Iterable[bytes]) -> None:
    """Store events."""
    await _copy(connection, "outbox_event", EVENT_COLUMNS, rows)


async def _copy(
    connection: "asyncpg.Connection[Any]", table: str, columns: Iterable[str], rows: Iterable[bytes]
) -> None:
    data = b"".join((_HEADER, *rows, _TRAILER))

    async def once() -> AsyncIterator[bytes]:
        yield data

    await connection.copy_to_table(table, source=once(), columns=columns, format="binary")


def _text(text: str) -> bytes:
    encoded = text.encode()
    return _LENGTH(len(encoded)) + encoded


def _words(*texts: str) -> bytes:
    return b"".join(map(_text, texts))


def _jsonb(value: Any) -> bytes:
    encoded = orjson.dumps(value)
    return _LENGTH(len(encoded) + 1) + b"\1" + encoded


@lru_cache(256)
def _repeated(event: str, log_level: str, logger: str) -> bytes:
    """Of lines without attributes: most are the engine's own, which are always the same."""
    return _jsonb({}) + _words(event, log_level, logger)


@lru_cache
def _kind(name: str, audience: str) -> bytes:
    return _words(name, SOURCE, audience)


_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER = b"\xff\xff"
_NULL = b"\xff\xff\xff\xff"
_LENGTH = Struct(">i").pack
_WORKSPACE = Struct(">iq").pack
_LOG_START = Struct(">hiQQiqiqiiiii?").pack
_EVENT_START = Struct(">hi16siqiq").pack
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_EPOCH_MS = 946_684_800_000
_48_BITS = 0xFFFF_FFFF_FFFF
