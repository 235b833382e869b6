"""What runners report of the tasks that they have: how far they are, what they logged, how they ended, what they sent.

All that one flush brings is one transaction. Whatever a runner says of an attempt that is no longer its own is dropped with
all that belongs to it: its lines, its events, its messages.
"""

import asyncio
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

import asyncpg

from app.actions.outbox import written
from app.actions.tasks.claiming import Claimed
from app.actions.tasks.clocks import difference, shifted
from app.actions.tasks.copying import copy_events, copy_lines, event_row, log_row, microseconds
from app.actions.tasks.enqueueing import store_tasks
from app.actions.tasks.events import Transition, event_data
from app.actions.tasks.groups import count_down, store_groups
from app.actions.tasks.purging import purge_at
from app.clock import now
from app.events import TaskDone, TaskProgressed, TaskRejected, TaskRequeued
from app.models.tasks import LogEvent, LogLevel, TaskState
from app.tasks.messages import NewTask
from app.tasks.outcomes import Outcome
from app.tasks.running import CANCELLED_LINE, MACHINERY

DONE, QUEUED = TaskState.DONE, TaskState.QUEUED
SEVERITY = {"done": 0, "debug": 0, "info": 1, "warning": 2, "error": 3}
"""The worst level of a log is the one with the highest number; lines for debugging do not count."""


@dataclass(slots=True)
class Progress:
    """Where a task is, and what it has logged since its runner last told of it. Its reports are given in their order."""

    task: Claimed
    state: TaskState
    transitions: Sequence[Transition]
    lines: Sequence[LogEvent]
    number: int
    """Of the first of the lines."""
    worst_level: str
    """Of the attempt so far, these lines included."""
    events: bool = True
    refused: bool = field(default=False, init=False)
    """Set by `flush` when the attempt was not the runner's any more, or this was stored before."""


@dataclass(slots=True)
class End:
    """How an attempt ended. Nothing is reported of it afterwards."""

    task: Claimed
    outcome: Outcome
    number: int
    """Of the first line of the outcome."""
    worst_level: str
    """Of the attempt, the outcome's lines included."""
    keep: float
    """Seconds, once it is final."""
    rotate: bool = False
    """The log so far becomes that of a previous attempt, which the line `requeued` follows."""
    refused: bool = field(default=False, init=False)
    eta: datetime | None = field(default=None, init=False)
    """Set by `flush`: the outcome's, by PostgreSQL's clock."""

    @property
    def plain(self) -> bool:
        """It is done and left nothing behind, as most are: nothing that is found out while storing changes what is told of it."""
        outcome = self.outcome
        return outcome.state is DONE and outcome.result is None and outcome.label is None


Report = Progress | End
R = TypeVar("R", Progress, End, Progress | End)


async def flush(connection: "asyncpg.Connection[Any]", worker_id: UUID, reports: Sequence[Report]) -> None:
    """Store reports, all or none. Those that come too late are marked `refused`; nothing of them is stored."""
    plain = [report for report in reports if type(report) is End and report.plain]
    others = [report for report in reports if type(report) is Progress or not report.plain]  # type: ignore[union-attr]
    await connection.execute(_BEGIN)
    # Made up while PostgreSQL changes the rows: flushes come one after the other, and what each waits for limits a busy runner.
    making = asyncio.create_task(_told_of(plain))
    try:
        await _store_states(connection, worker_id, plain, others)
        told = await making
        if any(report.refused for report in plain):
            told = await _told_of(_accepted(plain))
        others = _accepted(others)
        await _store_lines(connection, others, told)
        ends = [report for report in (*others, *plain) if type(report) is End and not report.refused]
        sent = await _store_effects(connection, ends)
        written_any = await _store_events(connection, others, told)
        await _wake_others(connection, ends)
        await connection.execute("COMMIT")
    except BaseException:
        making.cancel()
        if not connection.is_closed():
            await connection.execute("ROLLBACK")
        raise
    if written_any or any(task.events for task in sent):
        written()


# States --------------------------------------------------------------------------------------------------------------


async def _store_states(
    connection: "asyncpg.Connection[Any]", worker_id: UUID, plain: Sequence[End], others: Sequence[Report]
) -> None:
    """Change the rows that are still the runner's; of the others the reports are refused."""
    for wave in _waves([report for report in others if type(report) is Progress]):
        _refuse(wave, await connection.fetch(_GO_ON, worker_id, *_columns(wave, _went_on)))
    done: dict[float, list[End]] = {}
    for report in plain:
        done.setdefault(report.keep, []).append(report)
    for keep, ends in done.items():
        _refuse(ends, await connection.fetch(_DONE, worker_id, keep, *_columns(ends, _was_done)))
    ends = [report for report in others if type(report) is End]
    if ends:
        await _reject_cancelled(connection, ends)
        await _set_etas(connection, ends)
        _refuse(ends, await connection.fetch(_END, worker_id, *_columns(ends, _ended)))


async def _reject_cancelled(connection: "asyncpg.Connection[Any]", ends: Sequence[End]) -> None:
    """What somebody cancelled is not queued again, although its runner had not heard of that when it ended."""
    again = {end.task.id: end for end in ends if end.outcome.state is TaskState.QUEUED}
    if again:
        for row in await connection.fetch(_CANCELLED, list(again)):
            _reject(again[row["id"]])


def _reject(end: End) -> None:
    line = LogEvent(CANCELLED_LINE, LogLevel.WARNING, MACHINERY)
    outcome = end.outcome
    outcome.state, outcome.requeued, outcome.eta, outcome.reason = TaskState.REJECTED, None, None, None
    outcome.logs = [*outcome.logs, line]
    outcome.transitions = [*outcome.transitions[:-1], (TaskState.REJECTED, line.timestamp)]
    end.worst_level, end.rotate = worse(end.worst_level, [line]), False


async def _set_etas(connection: "asyncpg.Connection[Any]", ends: Sequence[End]) -> None:
    """Find out when those are due that are tried again later: a pause is counted by PostgreSQL's clock, not by ours."""
    later = [end for end in ends if end.outcome.eta is not None]
    if later:
        ahead = await difference(connection.fetch)
        for end in later:
            assert end.outcome.eta is not None
            end.eta = shifted(end.outcome.eta, ahead)


def _waves(reports: Sequence[Progress]) -> Sequence[Sequence[Progress]]:
    """Parts in which each task has one report at most: a row is changed once by a statement."""
    waves: list[list[Progress]] = []
    seen: Counter[int] = Counter()
    for report in reports:
        wave = seen[report.task.id]
        if wave == len(waves):
            waves.append([])
        waves[wave].append(report)
        seen[report.task.id] += 1
    return waves


def _columns(reports: Sequence[Any], row: Any) -> Iterable[list[Any]]:
    return map(list, zip(*map(row, reports), strict=True))


def _went_on(report: Progress) -> tuple[Any, ...]:
    task, before = report.task, report.number - 1
    return task.id, task.attempt, report.state, before, before + len(report.lines), report.worst_level


def _was_done(report: End) -> tuple[Any, ...]:
    task = report.task
    return task.id, task.attempt, report.number - 1 + len(report.outcome.logs), report.worst_level


def _ended(report: End) -> tuple[Any, ...]:
    task, outcome = report.task, report.outcome
    next_lines = () if outcome.requeued is None else (outcome.requeued,)
    return (
        task.id,
        task.attempt,
        outcome.state,
        report.number - 1 + len(outcome.logs) + len(next_lines),
        worse("done", next_lines) if report.rotate else report.worst_level,
        outcome.message,
        outcome.retries,
        outcome.result,
        outcome.result_ttl,
        report.keep,
        outcome.label,
        report.eta,
    )


def _refuse(reports: Sequence[Report], rows: Sequence[asyncpg.Record]) -> None:
    if len(rows) != len(reports):
        accepted = {row[0] for row in rows}
        for report in reports:
            report.refused = report.task.id not in accepted


def _accepted(reports: Sequence[R]) -> list[R]:
    return [report for report in reports if not report.refused]


def worse(level: str, lines: Iterable[LogEvent]) -> str:
    """The worst of a level and those of lines."""
    for line in lines:
        if SEVERITY[line.log_level] > SEVERITY[level]:
            level = line.log_level
    return level


# Lines ---------------------------------------------------------------------------------------------------------------


class _Told(NamedTuple):
    """What is told of reports, as rows for COPY."""

    lines: list[bytes]
    events: list[bytes]


async def _told_of(reports: Sequence[Report]) -> _Told:
    return _Told(list(_lines(reports, ())), _events(reports))


async def _store_lines(connection: "asyncpg.Connection[Any]", reports: Sequence[Report], told: _Told) -> None:
    """Those of these reports, and those that were made up before."""
    rotated = {report.task.id for report in reports if type(report) is End and report.rotate}
    if rotated:
        await connection.execute(_ROTATE, list(rotated))
    rows = [*_lines(reports, rotated), *told.lines]
    if rows:
        await copy_lines(connection, rows)


def _lines(reports: Sequence[Report], rotated: Collection[int]) -> Iterator[bytes]:
    for report in reports:
        task, number = report.task, report.number
        task_id, attempt = task.id, task.attempt
        end = report.outcome if type(report) is End else None
        previous = task_id in rotated
        for line in end.logs if end is not None else report.lines:  # type: ignore[union-attr]
            yield log_row(line, task_id, number, attempt, previous)
            number += 1
        if end is not None and end.requeued is not None:
            yield log_row(end.requeued, task_id, number, attempt, False)


# Effects, events -----------------------------------------------------------------------------------------------------


async def _store_effects(connection: "asyncpg.Connection[Any]", ends: Sequence[End]) -> Sequence[NewTask]:
    """Store what was sent, and what the groups send whose last member is among them."""
    outcomes = [report.outcome for report in ends]
    sending = [each for each in outcomes if each.effects or each.groups or each.counted is not None]
    if not sending:
        return ()
    groups = [group for each in sending for group in each.groups]
    if groups:
        await store_groups(connection.fetch, groups)
    tasks = [task for each in sending for task in each.effects]
    counted = [each.counted for each in sending if each.counted is not None]
    if counted:
        tasks += await count_down(connection.fetch, counted)
    if tasks:
        await store_tasks(connection.fetch, tasks)
    return tasks


async def _store_events(
    connection: "asyncpg.Connection[Any]", reports: Sequence[Report], told: _Told
) -> bool:
    """Write one event for each of these reports, then those that were made up before: a task's progress comes before its end.

    So those of each task are in their order in the log: nobody else writes events of a task while a runner has it, and each flush
    of a runner begins after its last one ended.
    """
    rows = [*_events(reports), *told.events]
    if rows:
        await copy_events(connection, rows)
    return bool(rows)


def _events(reports: Sequence[Report]) -> list[bytes]:
    time = microseconds(now())
    return [
        _ending(report, time) if type(report) is End else _progress(report, time)  # type: ignore[arg-type]
        for report in reports
        if (report.outcome.events if type(report) is End else report.events)  # type: ignore[union-attr]
    ]


def _ending(report: End, time: int) -> bytes:
    task, outcome = report.task, report.outcome
    state = outcome.state
    word = state._value_
    done = state is DONE
    data = event_data(
        task.message_id,
        task.actor_name,
        task.queue_name,
        word,
        report.worst_level if done else word,
        outcome.retries,
        task.attempt,
        report.number - 1 + len(outcome.logs) + (outcome.requeued is not None),
        report.eta,
        outcome.transitions,
        **({"crashes": task.crashes, "reason": outcome.reason} if state is QUEUED else {}),
    )
    return event_row(
        TaskDone if done else _EVENTS[state], task.id, task.tenant_id, task.workspace_id, data, time
    )


def _progress(report: Progress, time: int) -> bytes:
    task, state = report.task, report.state
    data = event_data(
        task.message_id,
        task.actor_name,
        task.queue_name,
        state.value,
        state.value,
        task.retries,
        task.attempt,
        report.number - 1 + len(report.lines),
        task.eta,
        report.transitions,
    )
    return event_row(TaskProgressed, task.id, task.tenant_id, task.workspace_id, data, time)


_EVENTS = {
    TaskState.REJECTED: TaskRejected,
    TaskState.QUEUED: TaskRequeued,
}


async def _wake_others(connection: "asyncpg.Connection[Any]", ends: Sequence[End]) -> None:
    """Tell of tasks that wait again, if a runner waits for some: the trigger tells of new rows only."""
    queues = {
        report.task.queue_name
        for report in ends
        if report.outcome.state is QUEUED and report.outcome.eta is None
    }
    if queues:
        await connection.fetch(_WAKE, list(queues))


# Rows are looked up, never searched for: PostgreSQL would read the whole table for a thousand of them when it errs in its
# size, which took a hundred times as long. It may not say so in the session: behind a pooler that is not the runner's own.
_BEGIN = (
    "BEGIN; SELECT set_config(name, value, true) FROM (VALUES ('enable_seqscan', 'off'), ('enable_hashjoin', 'off'), "
    "('enable_mergejoin', 'off'), ('workyard.has_tasks', 'yes')) AS setting(name, value)"
)

# A row either says who has the task, or still reads as if it waited. Then it belongs to whoever took it for the attempt that is
# next: who gives it back, or takes it from its runner, counts the attempt up. The CASE keeps PostgreSQL from looking at the id of
# the runner by itself. Where it expected few rows with it, it took those first, or went through all, and compared each with every
# report: that cost a third of a millisecond for every task.
_MINE = """task.id = report.id AND CASE WHEN task.worker_id = $1 THEN task.attempt = report.attempt
    WHEN task.state = 'queued' THEN task.attempt = report.attempt - 1 ELSE false END"""

# A report that was stored without the runner hearing of it is not stored again: the log is longer by then, or the state is that.
# But for the first state, which others may have written for the runner, without telling of it (`write_claims`): then its time is
# still that of the claim.
_GO_ON = f"""
UPDATE task SET state = report.state, ready = false, worker_id = $1, attempt = report.attempt,
    mtime = CASE WHEN task.state = report.state AND report.state <> 'consumed' THEN task.mtime ELSE now() END,
    log_count = report.log_count, worst_level = report.worst_level
FROM unnest($2::bigint[], $3::int[], $4::text[], $5::int[], $6::int[], $7::text[])
    AS report(id, attempt, state, lines_before, log_count, worst_level)
WHERE {_MINE} AND task.log_count = report.lines_before
    AND (task.state <> report.state OR report.log_count > report.lines_before OR report.state = 'consumed' AND task.mtime IN (
        SELECT claimed_at FROM task_claim WHERE task_claim.worker_id = $1 AND task.id = ANY (task_claim.task_ids)))
RETURNING task.id
"""

# The most frequent end has a statement of its own: every column of a report costs a third of a microsecond. It changes no
# column that is in an index, as the indexes of the table were made for it.
_DONE = f"""
UPDATE task SET state = 'done', ready = false, worker_id = NULL, attempt = report.attempt, mtime = now(),
    message = '', eta = NULL, dedupe_key = NULL, result = NULL, result_expiry = NULL,
    expires_at = (SELECT now() + make_interval(secs => $2)),
    purge_at = {purge_at("task", "make_interval(secs => $2)", alike=True)},
    log_count = report.log_count, worst_level = report.worst_level
FROM unnest($3::bigint[], $4::int[], $5::int[], $6::text[]) AS report(id, attempt, log_count, worst_level)
WHERE {_MINE}
RETURNING task.id
"""

_END = f"""
UPDATE task SET state = report.state, worker_id = NULL, attempt = report.attempt, mtime = now(),
    ready = report.state = 'queued' AND (report.eta IS NULL OR report.eta <= now()),
    message = CASE WHEN report.state = 'done' THEN '' ELSE coalesce(report.message, task.message) END,
    retries = report.retries, eta = report.eta, result = report.result,
    result_expiry = now() + make_interval(secs => report.result_ttl),
    expires_at = CASE WHEN report.state <> 'queued' THEN now() + make_interval(secs => report.keep) END,
    purge_at = CASE WHEN report.state = 'queued' THEN task.purge_at
        ELSE {purge_at("task", "make_interval(secs => report.keep)")} END,
    dedupe_key = CASE WHEN report.state = 'queued' THEN task.dedupe_key END,
    _uid = coalesce(report.label, task._uid), log_count = report.log_count, worst_level = report.worst_level
FROM unnest($2::bigint[], $3::int[], $4::text[], $5::int[], $6::text[], $7::bytea[], $8::bigint[], $9::bytea[],
            $10::float8[], $11::float8[], $12::text[], $13::timestamptz[])
    AS report(id, attempt, state, log_count, worst_level, message, retries, result, result_ttl, keep, label, eta)
WHERE {_MINE}
RETURNING task.id
"""

_CANCELLED = """
SELECT id FROM task WHERE id = ANY ($1) AND cancel_requested_at IS NOT NULL ORDER BY id FOR NO KEY UPDATE
"""

_ROTATE = "UPDATE task_log SET previous = true WHERE task_id = ANY ($1) AND NOT previous"

_WAKE = """
SELECT pg_notify('workyard_tasks', queue_name)
FROM (SELECT DISTINCT queue_name FROM task_idle WHERE queue_name = ANY ($1)) AS awaited
"""
