"""What runners report of the tasks that they have: how far they are, what they logged, how they ended, what they sent.

All that one flush brings is one transaction. Whatever a runner says of an attempt that is no longer its own is dropped with
all that belongs to it: its lines, its events, its messages.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import orjson
from uuid_utils import uuid7

from app.actions.outbox import written
from app.actions.tasks.claiming import Claimed
from app.actions.tasks.enqueueing import store_tasks
from app.actions.tasks.events import EVENT_COLUMNS, Transition, event_data, event_row
from app.events import TaskDone, TaskProgressed, TaskRejected, TaskRequeued
from app.models.tasks import LogEvent, TaskState
from app.tasks.messages import NewTask

SEVERITY = {"done": 0, "debug": 0, "info": 1, "warning": 2, "error": 3}
"""The worst level of a log is the one with the highest number; lines for debugging do not count."""


@dataclass(slots=True)
class Report:
    """What a runner has to say of one attempt. A task's reports come in order, and the one that ends the attempt last."""

    task: Claimed
    state: TaskState
    """DONE, REJECTED or QUEUED end the attempt; any other says where it is."""
    transitions: Sequence[Transition]
    lines: Sequence[LogEvent] = ()
    number: int = 1
    """Of the first of the lines."""
    worst_level: str = "done"
    """Of the attempt so far, these lines included."""
    events: bool = True

    # of what ends the attempt
    message: bytes | None = None
    """To store instead of the one that was claimed."""
    retries: int = 0
    result: bytes | None = None
    result_ttl: float | None = None
    """Seconds."""
    keep: float = 0.0
    """Seconds."""
    label: str | None = None
    effects: Sequence[NewTask] = ()

    # of what is QUEUED again
    reason: str = ""
    eta: datetime | None = None
    rotate: bool = False
    """The log so far becomes that of a previous attempt, and `next_lines` follow."""
    next_lines: Sequence[LogEvent] = ()

    refused: bool = field(default=False, init=False)
    """Set by `flush` when the attempt was not the runner's any more."""

    @property
    def log_count(self) -> int:
        """How many lines the log has with these."""
        return self.number - 1 + len(self.lines) + len(self.next_lines)


async def flush(connection: "asyncpg.Connection[Any]", worker_id: UUID, reports: Sequence[Report]) -> None:
    """Store reports, all or none. Those that come too late are marked `refused`; nothing of them is stored."""
    await connection.execute(_BEGIN)
    try:
        accepted = await _store_states(connection, worker_id, reports)
        await _store_lines(connection, accepted)
        await _store_effects(connection, accepted)
        told = await _store_events(connection, accepted)
        await _wake_others(connection, accepted)
        await connection.execute("COMMIT")
    except BaseException:
        if not connection.is_closed():
            await connection.execute("ROLLBACK")
        raise
    if told:
        written()


async def _store_states(
    connection: "asyncpg.Connection[Any]", worker_id: UUID, reports: Sequence[Report]
) -> Sequence[Report]:
    """Change the rows that are still the runner's, and return what was said of them."""
    underway = [report for report in reports if report.state not in _ENDS]
    ends = [report for report in reports if report.state in _ENDS]
    for wave in _waves(underway):
        _refuse(wave, await connection.fetch(_GO_ON, worker_id, *_columns(wave, _underway)))
    if ends:
        _refuse(ends, await connection.fetch(_END, worker_id, *_columns(ends, _ended)))
    return [report for report in reports if not report.refused]


def _waves(reports: Sequence[Report]) -> Iterable[Sequence[Report]]:
    """Parts in which each task has one report at most: a row is changed once by a statement."""
    waves: list[list[Report]] = []
    seen: Counter[int] = Counter()
    for report in reports:
        wave = seen[report.task.id]
        if wave == len(waves):
            waves.append([])
        waves[wave].append(report)
        seen[report.task.id] += 1
    return waves


def _columns(reports: Sequence[Report], row: Any) -> Iterable[list[Any]]:
    return map(list, zip(*map(row, reports), strict=True))


def _underway(report: Report) -> tuple[Any, ...]:
    task = report.task
    return task.id, task.attempt, report.state.value, report.number - 1, report.log_count, report.worst_level


def _ended(report: Report) -> tuple[Any, ...]:
    task = report.task
    return (
        task.id,
        task.attempt,
        report.state.value,
        report.log_count,
        worse("done", report.next_lines) if report.rotate else report.worst_level,
        report.message,
        report.retries,
        report.result,
        report.result_ttl,
        report.keep,
        report.label,
        report.eta,
    )


def _refuse(reports: Sequence[Report], rows: Sequence[asyncpg.Record]) -> None:
    if len(rows) != len(reports):
        accepted = {row[0] for row in rows}
        for report in reports:
            report.refused = report.task.id not in accepted


async def _store_lines(connection: "asyncpg.Connection[Any]", reports: Sequence[Report]) -> None:
    rotated = {report.task.id for report in reports if report.rotate}
    if rotated:
        await connection.execute(_ROTATE, list(rotated))
    rows = [
        (
            uuid7(),
            report.task.id,
            line.event,
            line.log_level.value,
            line.logger,
            line.timestamp,
            orjson.dumps(line.attributes).decode() if line.attributes else "{}",
            previous,
            report.task.attempt,
            number,
        )
        for report in reports
        for line, previous, number in _numbered(report, report.task.id in rotated)
    ]
    if rows:
        await connection.copy_records_to_table("task_log", records=rows, columns=_LOG_COLUMNS)


def _numbered(report: Report, rotated: bool) -> Iterable[tuple[LogEvent, bool, int]]:
    number = report.number
    for line in report.lines:
        yield line, rotated, number
        number += 1
    for line in report.next_lines:
        yield line, False, number
        number += 1


async def _store_effects(connection: "asyncpg.Connection[Any]", reports: Sequence[Report]) -> None:
    tasks = [task for report in reports for task in report.effects]
    if tasks:
        await store_tasks(connection.fetch, tasks)


async def _store_events(connection: "asyncpg.Connection[Any]", reports: Sequence[Report]) -> bool:
    """Write one event for each report. Their order in the log is that of the reports: what a task's row is locked for by
    another transaction writes none while a runner has the task, and each flush begins after the last one ended."""
    rows = [_event(report) for report in reports if report.events]
    if rows:
        await connection.copy_records_to_table("outbox_event", records=rows, columns=EVENT_COLUMNS)
    return bool(rows) or any(task.events for report in reports for task in report.effects)


def _event(report: Report) -> Sequence[Any]:
    task, state = report.task, report.state
    columns = {
        "message_id": str(task.message_id),
        "actor_name": task.actor_name,
        "queue_name": task.queue_name,
        "state": state.value,
        "aggregated_status": report.worst_level if state is TaskState.DONE else state.value,
        "retries": report.retries if state in _ENDS else task.retries,
        "attempt": task.attempt,
        "eta": report.eta if state in _ENDS else task.eta,
        "log_count": report.log_count,
        "crashes": task.crashes,
    }
    extra = {"reason": report.reason} if state is TaskState.QUEUED else {}
    event = _EVENTS.get(state, TaskProgressed)
    data = event_data(event, columns, report.transitions, **extra)
    return event_row(event, task.id, task.tenant_id, task.workspace_id, data)


async def _wake_others(connection: "asyncpg.Connection[Any]", reports: Sequence[Report]) -> None:
    """Tell of tasks that wait again, if a runner waits for some: the trigger tells of new rows only."""
    queues = {
        report.task.queue_name
        for report in reports
        if report.state is TaskState.QUEUED and report.eta is None
    }
    if queues:
        await connection.fetch(_WAKE, list(queues))


def worse(level: str, lines: Iterable[LogEvent]) -> str:
    """The worst of a level and those of lines."""
    for line in lines:
        if SEVERITY[line.log_level] > SEVERITY[level]:
            level = line.log_level.value
    return level


_ENDS = frozenset({TaskState.DONE, TaskState.REJECTED, TaskState.QUEUED})
_EVENTS = {
    TaskState.DONE: TaskDone,
    TaskState.REJECTED: TaskRejected,
    TaskState.QUEUED: TaskRequeued,
}

# Rows are looked up, never searched for: PostgreSQL would read the whole table for a thousand of them when it errs in its
# size, which took a hundred times as long. It may not say so in the session: behind a pooler that is not the runner's own.
_BEGIN = """BEGIN; SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off"""

# A report that was stored without the runner hearing of it is not stored again: the log is longer by then, or the state is that.
_GO_ON = """
UPDATE task SET state = report.state, mtime = CASE WHEN task.state = report.state THEN task.mtime ELSE now() END,
    log_count = report.log_count, worst_level = report.worst_level
FROM unnest($2::bigint[], $3::int[], $4::text[], $5::int[], $6::int[], $7::text[])
    AS report(id, attempt, state, lines_before, log_count, worst_level)
WHERE task.id = report.id AND task.worker_id = $1 AND task.attempt = report.attempt
    AND task.log_count = report.lines_before AND (task.state <> report.state OR report.log_count > report.lines_before)
RETURNING task.id
"""

_END = """
UPDATE task SET state = report.state, worker_id = NULL, mtime = now(),
    ready = report.state = 'queued' AND (report.eta IS NULL OR report.eta <= now()),
    message = CASE WHEN report.state = 'done' THEN '' ELSE coalesce(report.message, task.message) END,
    retries = report.retries, eta = report.eta, result = report.result,
    result_expiry = now() + make_interval(secs => report.result_ttl),
    expires_at = CASE WHEN report.state <> 'queued' THEN now() + make_interval(secs => report.keep) END,
    dedupe_key = CASE WHEN report.state = 'queued' THEN task.dedupe_key END,
    _uid = coalesce(report.label, task._uid), log_count = report.log_count, worst_level = report.worst_level
FROM unnest($2::bigint[], $3::int[], $4::text[], $5::int[], $6::text[], $7::bytea[], $8::bigint[], $9::bytea[],
            $10::float8[], $11::float8[], $12::text[], $13::timestamptz[])
    AS report(id, attempt, state, log_count, worst_level, message, retries, result, result_ttl, keep, label, eta)
WHERE task.id = report.id AND task.worker_id = $1 AND task.attempt = report.attempt
RETURNING task.id
"""

_ROTATE = "UPDATE task_log SET previous = true WHERE task_id = ANY ($1) AND NOT previous"

_WAKE = """
SELECT pg_notify('workyard_tasks', queue_name)
FROM (SELECT DISTINCT queue_name FROM task_idle WHERE queue_name = ANY ($1)) AS awaited
"""

_LOG_COLUMNS = (
    "id",
    "task_id",
    "event",
    "log_level",
    "logger",
    "timestamp",
    "attributes",
    "previous",
    "attempt",
    "number",
)
