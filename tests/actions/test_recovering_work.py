"""What is taken back when it was lost, and what is left alone because only we could not hear of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import asyncpg
import pytest

from app.actions import work
from app.actions.tasks.promoting import look_for_tasks
from app.actions.tasks.runners import beat
from app.actions.work import recovering
from app.actions.work.recovering import RECOVERY_ACTOR, TakenBack
from app.actions.work.workers import SERVER_LOCK
from app.clock import now
from app.daemons.log_reader import LogReader, scan
from app.database import Database, fetch
from app.models import Worker, WorkerStatus, WorkRequest, WorkRequestStatus
from app.publishers.hub import Hub
from tests.cast import Cast
from tests.task_rows import runner

PENDING, RUNNING = WorkRequestStatus.PENDING, WorkRequestStatus.RUNNING


async def test_a_lease_that_ran_out_is_taken_back_while_a_server_is_there(cast: Cast, db: Database) -> None:
    await watch()
    requests = [await running(cast), await running(cast)]
    await end_lease(requests[0])

    async with server(db):
        taken = await work.take_back_what_is_lost()

    assert taken == TakenBack(work_requests=1)
    assert await statuses(requests) == [(PENDING, 1), (RUNNING, 1)]


async def test_more_than_a_batch_is_taken_back_at_once(
    cast: Cast, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await watch()
    monkeypatch.setattr(recovering, "BATCH", 1)
    for request in [await running(cast), await running(cast)]:
        await end_lease(request)

    async with server(db):
        taken = await work.take_back_what_is_lost()

    assert taken.work_requests == 2


async def test_a_lease_that_ran_out_while_no_server_was_there_is_spared(cast: Cast, db: Database) -> None:
    await watch()
    request = await running(cast)
    await end_lease(request)

    alone = await work.take_back_what_is_lost()
    spared = await WorkRequest.get(id=request.id)
    async with server(db):
        again = await work.take_back_what_is_lost()

    assert (alone, again) == (TakenBack(spared=True), TakenBack(work_requests=1))
    assert (spared.status, spared.attempt) == (RUNNING, 1)
    assert await statuses([request]) == [(PENDING, 1)]


async def test_a_server_that_comes_back_spares_the_leases_before_it_is_there(
    cast: Cast, db: Database
) -> None:
    await watch()
    request = await running(cast)
    await end_lease(request)
    reader = LogReader(Hub(scan), db)

    listening = asyncio.create_task(reader.run_forever())
    try:
        await reader.wait_until_listening()
        taken = await work.take_back_what_is_lost()
    finally:
        listening.cancel()
        await asyncio.wait([listening])

    assert taken == TakenBack()
    assert await statuses([request]) == [(RUNNING, 1)]


async def test_a_worker_whose_server_is_gone_is_not_connected(cast: Cast, db: Database) -> None:
    await fetch("UPDATE worker SET last_seen_at = now() - interval '1 minute'")

    async with server(db, number=cast.machine.worker.connection_server or 0):
        kept = await work.take_back_what_is_lost()
    gone = await work.take_back_what_is_lost()

    assert (kept.workers, gone.workers) == (0, 1)
    assert (await Worker.get(id=cast.machine.worker.id)).connected_at is None


async def test_a_lease_that_is_long_enough_is_left_as_it_is(cast: Cast) -> None:
    request = await running(cast)

    await work.spare_leases(15)

    stored = await WorkRequest.get(id=request.id)
    assert stored.lease_expires_at == request.lease_expires_at
    assert stored.lease_expires_at is not None and stored.lease_expires_at > now()


@pytest.mark.parametrize(
    ("heard_since", "last_seen", "lost", "expected"),
    [
        (60, 2, False, True),
        (14, 2, False, False),  # it was started then, or the database was away until then
        (60, 16, False, False),
        (60, 2, True, False),
    ],
)
async def test_a_lease_runs_out_only_while_a_runner_would_notice_that_the_database_was_away(
    cast: Cast, db: Database, heard_since: int, last_seen: int, lost: bool, expected: bool
) -> None:
    request = await running(cast)
    await end_lease(request)
    await watch(heard_since, last_seen, lost)

    async with server(db):
        seen = (await look_for_tasks(uuid4())).needed
        taken = await work.take_back_what_is_lost()

    assert (RECOVERY_ACTOR in seen) is expected
    assert taken == (TakenBack(work_requests=1) if expected else TakenBack(spared=True))


async def test_a_runner_that_was_not_heard_for_some_time_is_heard_from_then_on_only(db: Database) -> None:
    await watch(heard_since=3600, last_seen=5)
    before = await WorkerStatus.get()
    connection = await db.connect()
    try:
        await beat(connection, before.id, running=0, stopping=False)
        soon = await WorkerStatus.get()
        await fetch("UPDATE worker_status SET last_seen = now() - interval '16 s'")
        await beat(connection, before.id, running=0, stopping=False)
        late = await WorkerStatus.get()
    finally:
        await connection.close()

    assert soon.heard_since == before.heard_since
    assert late.heard_since == late.last_seen > soon.last_seen


async def test_a_look_sees_no_lost_work_without_a_server_and_lost_workers_only_then(
    cast: Cast, db: Database
) -> None:
    await watch()
    number = cast.machine.worker.connection_server or 0
    await end_lease(await running(cast))
    alone = (await look_for_tasks(uuid4())).needed
    await fetch("UPDATE worker SET last_seen_at = now() - interval '1 minute'")
    worker_gone = (await look_for_tasks(uuid4())).needed
    await work.take_back_what_is_lost()
    noted = (await look_for_tasks(uuid4())).needed
    async with server(db, number):
        work_lost = (await look_for_tasks(uuid4())).needed
        await work.take_back_what_is_lost()
        taken = (await look_for_tasks(uuid4())).needed

    assert (alone, worker_gone, noted, work_lost, taken) == ((), (RECOVERY_ACTOR,), (), (RECOVERY_ACTOR,), ())


async def watch(heard_since: int = 60, last_seen: int = 0, lost: bool = False) -> None:
    """There is a runner that has been heard for so many seconds, and was last seen so many ago."""
    await runner()
    await fetch(
        "UPDATE worker_status SET heard_since = now() - make_interval(secs => $1),"
        " last_seen = now() - make_interval(secs => $2), lost_at = CASE WHEN $3 THEN now() END",
        heard_since,
        last_seen,
        lost,
    )


async def running(cast: Cast) -> WorkRequest:
    await cast.request()
    request = await work.acquire_work_request(await cast.machine.viewer())
    assert request is not None
    return request


async def end_lease(request: WorkRequest) -> None:
    await fetch(
        "UPDATE work_request SET lease_expires_at = now() - interval '1 minute' WHERE id = $1", request.id
    )


async def statuses(requests: list[WorkRequest]) -> list[tuple[WorkRequestStatus, int]]:
    found = [await WorkRequest.get(id=request.id) for request in requests]
    return [(request.status, request.attempt) for request in found]


@asynccontextmanager
async def server(db: Database, number: int = 77) -> AsyncIterator[None]:
    """What shows that a server is there: the lock that it holds."""
    connection: asyncpg.Connection = await db.connect()
    try:
        await connection.execute("SELECT pg_advisory_lock($1::int, $2::int)", SERVER_LOCK, number)
        yield
    finally:
        await connection.close()
