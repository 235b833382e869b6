"""Running work: claimed, renewed, logged, completed, given back, recovered. The claim and the usual completion are one
SQL statement each, their event included."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from tortoise.exceptions import IntegrityError

from app import events
from app.access import Capability, Viewer
from app.actions.notifications.rules import notify, notify_of_end
from app.actions.outbox import insert_events, record, written
from app.actions.work.ending import settle_dependants, supersede
from app.database import atomic, fetch
from app.errors import Conflict, Forbidden, Invalid, NotFound, StaleAttempt
from app.models import LogStream, NotificationEvent, WorkRequest, WorkRequestResult
from app.models.work import COMPLETED, GOOD_RESULTS, PENDING

MIN_LEASE, MAX_LEASE = 1, 3600
MAX_CLAIMS = 20
MAX_OUTPUT = 1024 * 1024
MAX_ERRORS = 20
MAX_LINES = 1000
MAX_LINE = 8 * 1024
MAX_TEXT = 4000


@dataclass(frozen=True)
class NewLogLine:
    """One line of a task's output, without its end."""

    stream: LogStream
    text: str
    time: datetime


# The claim -----------------------------------------------------------------------------------------------------------


async def acquire_work_request(viewer: Viewer, *, lease_seconds: int = 60) -> WorkRequest | None:
    """Give the viewer, a worker, the first request that it can run, already RUNNING; None when there is none.

    In one statement: the worker is enabled, connected and has a free slot; the request needs no tag that the worker lacks. The
    order is priority, then age. Whoever is first at a row has it: others skip it.
    """
    viewer.require(Capability.RUN_WORK)
    _check_lease(lease_seconds)
    for _ in range(MAX_CLAIMS):
        try:
            rows = await fetch(_CLAIM, viewer.worker_id, lease_seconds)
        except IntegrityError:  # another claim of the same worker took the slot just now
            continue
        if rows:
            written()
        return _row(rows[0]) if rows else None
    return None


_CLAIM = f"""
WITH me AS MATERIALIZED (
    SELECT worker.id, worker.tenant_id, worker.provided_tags, (
               SELECT min(slot) FROM generate_series(1, worker.concurrency) AS slot WHERE NOT EXISTS (
                   SELECT FROM work_request AS taken
                   WHERE taken.worker_id = $1 AND taken.slot = slot.slot AND taken.status = 'running')) AS slot
    FROM worker JOIN token ON token.id = worker.token_id
    WHERE worker.id = $1 AND token.enabled AND worker.connected_at IS NOT NULL
    FOR SHARE OF worker),
heads AS (
    (SELECT head.*, me.slot FROM me JOIN tag_set ON tag_set.tags <@ me.provided_tags AND me.slot IS NOT NULL CROSS JOIN LATERAL (
        SELECT queued.id, queued.priority, queued.created_at FROM work_request AS queued
        WHERE queued.tag_set_id = tag_set.id AND queued.status = 'pending' AND NOT queued.pinned
          AND queued.available_at <= now()
          AND queued.workspace_id IN (SELECT id FROM workspace WHERE tenant_id = me.tenant_id)
        ORDER BY queued.priority DESC, queued.created_at, queued.id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED) AS head)
    UNION ALL
    (SELECT head.*, me.slot FROM me CROSS JOIN LATERAL (
        SELECT queued.id, queued.priority, queued.created_at FROM work_request AS queued
        WHERE me.slot IS NOT NULL AND queued.worker_id = me.id AND queued.status = 'pending' AND queued.pinned
          AND queued.available_at <= now()
          AND queued.required_tags <@ me.provided_tags
        ORDER BY queued.priority DESC, queued.created_at, queued.id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED) AS head)),
changed AS (
    UPDATE work_request SET status = 'running', worker_id = $1, slot = head.slot, started_at = now(), attempt = attempt + 1,
        lease_expires_at = now() + make_interval(secs => $2), version = version + 1
    FROM (SELECT id, slot FROM heads ORDER BY priority DESC, created_at, id LIMIT 1) AS head
    WHERE work_request.id = head.id
    RETURNING work_request.*),
recorded AS ({insert_events(events.WorkRequestStarted, "changed")})
SELECT * FROM changed
"""


# The report ----------------------------------------------------------------------------------------------------------


async def complete_work_request(
    viewer: Viewer,
    id: int,
    attempt: int,
    result: WorkRequestResult,
    *,
    output_data: Any = None,
    errors: Sequence[dict[str, Any]] = (),
) -> WorkRequest:
    """Report how a request ended. The same report may be sent again; a different one is a `Conflict`.

    Raises `StaleAttempt` when the attempt was lost, `InvalidState` when the request was aborted, `Forbidden` when it is
    another worker's.
    """
    viewer.require(Capability.RUN_WORK)
    _check_report(result, output_data, errors)
    output = None if output_data is None else orjson.dumps(output_data).decode()
    rows = await fetch(
        _COMPLETE, id, viewer.worker_id, attempt, result.value, output, orjson.dumps(list(errors)).decode()
    )
    if rows:
        written()
        return _row(rows[0])
    return await _complete_slowly(viewer, id, attempt, result, output_data, list(errors))


_COMPLETE = f"""
WITH changed AS (
    UPDATE work_request SET status = 'completed', result = $4, completed_at = now(), lease_expires_at = NULL, slot = NULL,
        needs_input = NULL, output_data = $5::jsonb, errors = errors || $6::jsonb, version = version + 1
    WHERE id = $1 AND worker_id = $2 AND attempt = $3 AND status = 'running'
      AND NOT has_dependants AND notifications = '[]' AND (retry_delays = '{{}}' OR $4 IN ('success', 'skipped'))
    RETURNING *),
recorded AS ({insert_events(events.WorkRequestCompleted, "changed")})
SELECT * FROM changed
"""


@atomic()
async def _complete_slowly(
    viewer: Viewer,
    id: int,
    attempt: int,
    result: WorkRequestResult,
    output_data: Any,
    errors: list[dict[str, Any]],
) -> WorkRequest:
    """The completion that others wait for, of which word is sent, or that is tried again, or that must be refused."""
    request = await _lock_mine(viewer, id, attempt)
    if request.status is COMPLETED and request.attempt == attempt and request.worker_id == viewer.worker_id:
        if request.result is result:
            return request
        raise Conflict(
            f"It was reported as {request.result.name} already.",
            existing=request,
            current_version=request.version,
        )
    request.require_attempt(attempt)
    request.complete(result, output_data, errors)
    await request.save_changes(
        "status", "result", "completed_at", "lease_expires_at", "slot", "needs_input", "output_data", "errors"
    )
    await record(events.WorkRequestCompleted, request.id)
    await _after_completion(request)
    return request


async def _after_completion(request: WorkRequest) -> None:
    """Try it again when a retry is left; otherwise send word of it, and tell those that wait for it."""
    if request.retry_delays and request.result not in GOOD_RESULTS:
        await supersede(request, created_by_id=request.created_by_id, automatic=True)
    else:
        await notify_of_end(request)
        await settle_dependants(request)


def _check_report(result: WorkRequestResult, output_data: Any, errors: Sequence[dict[str, Any]]) -> None:
    if result is WorkRequestResult.NONE:
        raise Invalid.field("result", "A completed work request has a result other than NONE.")
    if output_data is not None and not isinstance(output_data, dict):
        raise Invalid.field("outputData", "outputData is an object.")
    if output_data is not None and len(orjson.dumps(output_data)) > MAX_OUTPUT:
        raise Invalid.field("outputData", "outputData has at most 1 MiB.", "TOO_LARGE")
    if len(errors) > MAX_ERRORS:
        raise Invalid.field("errors", f"There are at most {MAX_ERRORS} errors.")


# In between ----------------------------------------------------------------------------------------------------------


async def renew_work_request_lease(
    viewer: Viewer, id: int, attempt: int, *, lease_seconds: int = 60
) -> WorkRequest:
    """Say that the request is still being worked on. An aborted one is returned as it is: the worker has to stop."""
    viewer.require(Capability.RUN_WORK)
    _check_lease(lease_seconds)
    rows = await fetch(
        "UPDATE work_request SET lease_expires_at = now() + make_interval(secs => $4)"
        " WHERE id = $1 AND worker_id = $2 AND attempt = $3 AND status = 'running' RETURNING *",
        id,
        viewer.worker_id,
        attempt,
        lease_seconds,
    )
    if rows:
        return _row(rows[0])
    request = await _find_mine(viewer, id, attempt)
    if request.status is request.Statuses.ABORTED:
        return request
    request.require_attempt(attempt)
    raise StaleAttempt("The lease has run out.", current_state=request.status.name)


async def append_work_request_log(
    viewer: Viewer, id: int, attempt: int, first: int, lines: Sequence[NewLogLine]
) -> int:
    """Store lines numbered from `first`; what is stored already is skipped, so a repeat adds nothing. Returns the next number."""
    viewer.require(Capability.RUN_WORK)
    if not 1 <= first <= 10**9:
        raise Invalid.field("first", "Lines are numbered from 1.")
    if not 1 <= len(lines) <= MAX_LINES:
        raise Invalid.field("lines", f"There are from 1 to {MAX_LINES} lines in one report.")
    if any(len(line.text) > MAX_LINE or "\0" in line.text or "\n" in line.text for line in lines):
        raise Invalid.field(
            "lines", f"A line has at most {MAX_LINE} characters, none of them a line end or NUL."
        )
    rows = await fetch(
        _APPEND,
        id,
        viewer.worker_id,
        attempt,
        first,
        [line.stream.value for line in lines],
        [line.time for line in lines],
        [line.text for line in lines],
    )
    if rows:
        written()
        return first + len(lines)
    (await _find_mine(viewer, id, attempt)).require_attempt(attempt)
    raise StaleAttempt("The attempt has ended.", current_state="PENDING")


_SPAN = """jsonb_build_object('first', (SELECT min(number) FROM stored), 'last', (SELECT max(number) FROM stored))"""
_APPEND = f"""
WITH changed AS (
    SELECT * FROM work_request WHERE id = $1 AND worker_id = $2 AND attempt = $3 AND status = 'running' FOR KEY SHARE),
stored AS (
    INSERT INTO log_line (work_request_id, attempt, number, stream, time, text)
    SELECT changed.id, changed.attempt, $4::int + line.position::int - 1, line.stream, line.time, line.text
    FROM changed, unnest($5::text[], $6::timestamptz[], $7::text[]) WITH ORDINALITY AS line(stream, time, text, position)
    ON CONFLICT DO NOTHING RETURNING number),
recorded AS ({insert_events(events.WorkRequestLogAppended, "changed", _SPAN)} WHERE EXISTS (SELECT FROM stored))
SELECT id FROM changed
"""


@atomic()
async def hand_back_work_request(viewer: Viewer, id: int, attempt: int) -> WorkRequest:
    """Give up a request unfinished, so that another worker may have it at once. The attempt does not count as lost."""
    viewer.require(Capability.RUN_WORK)
    request = await _lock_mine(viewer, id, attempt)
    if request.status is PENDING and request.attempt == attempt:
        return request
    request.require_attempt(attempt)
    await give_back(request)
    return request


@atomic()
async def ask_for_input(viewer: Viewer, id: int, attempt: int, question: str) -> WorkRequest:
    """Say that the task cannot go on before somebody has answered. Those are told who want to know of that.

    The same question may be sent again, and is asked once. The claim has to be renewed meanwhile.
    """
    viewer.require(Capability.RUN_WORK)
    _check_text("question", question)
    request = await _lock_mine(viewer, id, attempt)
    request.require_attempt(attempt)
    if request.needs_input != question:
        request.ask(question)
        await request.save_changes("needs_input", "answer")
        await record(events.WorkRequestNeedsInput, request.id)
        await notify(request, NotificationEvent.NEEDS_INPUT, question)
    return request


@atomic()
async def answer_work_request(
    viewer: Viewer, id: int, answer: str, *, if_version: int | None = None
) -> WorkRequest:
    """Answer what the task asks. Its worker is told, and finds the answer at the work request.

    The same answer may be sent again, and changes nothing; another one comes too late.
    """
    request = await WorkRequest.lock_visible(viewer, id, if_version=if_version)
    viewer.require(Capability.CREATE_WORK, request.workspace_id)
    _check_text("answer", answer)
    if request.needs_input is not None or request.answer != answer:
        request.give_answer(answer)
        await request.save_changes("needs_input", "answer")
        await record(events.WorkRequestAnswered, request.id)
    return request


def _check_text(field: str, text: str) -> None:
    if not text.strip() or len(text) > MAX_TEXT or "\0" in text:
        raise Invalid.field(
            field, f"This is text of at most {MAX_TEXT} characters, and not empty; none of them is NUL."
        )


async def give_back(request: WorkRequest, *, lost: bool = False) -> None:
    """Put a running request, which the caller has locked, back into the queue."""
    request.hand_back(lost=lost)
    await request.save_changes(
        "status",
        "started_at",
        "lease_expires_at",
        "slot",
        "worker_id",
        "given_back",
        "needs_input",
        "answer",
    )
    await record(events.WorkRequestRequeued, request.id)


async def spare_leases(seconds: int, run: Callable[[str, int], Awaitable[object]] = fetch) -> None:
    """Let no lease run out within so many seconds: nobody was there to renew it with, or was in reach of the database.

    `run` executes a statement, on another connection than the models' where that is wanted.
    """
    await run(
        "UPDATE work_request SET lease_expires_at = now() + make_interval(secs => $1) WHERE id IN ("
        "SELECT id FROM work_request WHERE status = 'running' AND lease_expires_at < now() + make_interval(secs => $1)"
        " ORDER BY id FOR NO KEY UPDATE SKIP LOCKED)",
        seconds,
    )


@atomic()
async def recover_lost_work(*, limit: int = 100) -> int:
    """Take back what workers did not renew in time; what was lost too often ends with ERROR. Returns how many."""
    found = await fetch(
        "SELECT id FROM work_request WHERE status = 'running' AND lease_expires_at < now()"
        " ORDER BY id LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED",
        limit,
    )
    for request in await WorkRequest.filter(id__in=[row["id"] for row in found]).order_by("id"):
        if request.lost_attempts < request.max_attempts:
            await give_back(request, lost=True)
        else:
            request.give_up(f"Its worker was lost {request.lost_attempts} times, as often as it may be.")
            await request.save_changes(
                "status", "result", "completed_at", "lease_expires_at", "slot", "needs_input", "errors"
            )
            await record(events.WorkRequestCompleted, request.id)
            await _after_completion(request)
    return len(found)


# Whose it is ---------------------------------------------------------------------------------------------------------


async def _find_mine(viewer: Viewer, id: int, attempt: int) -> WorkRequest:
    return _mine(viewer, await WorkRequest.get_or_none(id=id, workspace__tenant_id=viewer.tenant_id), attempt)


async def _lock_mine(viewer: Viewer, id: int, attempt: int) -> WorkRequest:
    query = WorkRequest.filter(id=id, workspace__tenant_id=viewer.tenant_id)
    return _mine(
        viewer, await query.select_for_update(of=("work_request",), no_key=True).get_or_none(), attempt
    )


def _mine(viewer: Viewer, request: WorkRequest | None, attempt: int) -> WorkRequest:
    """The request that this worker speaks of. One that was never its own is `Forbidden`, one that it lost is stale."""
    if request is None:
        raise NotFound("There is no such work request.")
    if request.worker_id != viewer.worker_id:
        if 0 < attempt < request.attempt or (request.worker_id is None and attempt == request.attempt > 0):
            raise StaleAttempt(
                f"Attempt {attempt} was lost; the work request went back into the queue.",
                current_state=request.status.name,
            )
        raise Forbidden("This work request was not given to you.")
    return request


def _check_lease(seconds: int) -> None:
    if not MIN_LEASE <= seconds <= MAX_LEASE:
        raise Invalid.field("leaseSeconds", f"A lease lasts from {MIN_LEASE} to {MAX_LEASE} seconds.")


def _row(row: dict[str, Any]) -> WorkRequest:
    request: WorkRequest = WorkRequest.from_record(row)
    return request
