"""What is taken back when it was lost, and what is left alone because only we could not hear of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from app.actions import work
from app.actions.work import recovering
from app.actions.work.recovering import TakenBack, nobody_looked_before
from app.actions.work.workers import SERVER_LOCK
from app.clock import now
from app.daemons.log_reader import LogReader, scan
from app.database import Database, fetch
from app.models import Worker, WorkRequest, WorkRequestStatus
from app.publishers.hub import Hub
from tests.cast import Cast

PENDING, RUNNING = WorkRequestStatus.PENDING, WorkRequestStatus.RUNNING


async def test_a_lease_that_ran_out_is_taken_back_while_a_server_is_there(cast: Cast, db: Database) -> None:
    requests = [await running(cast), await running(cast)]
    await end_lease(requests[0])

    async with server(db):
        taken = await work.take_back_what_is_lost()

    assert taken == TakenBack(work_requests=1)
    assert await statuses(requests) == [(PENDING, 1), (RUNNING, 1)]


async def test_more_than_a_batch_is_taken_back_at_once(
    cast: Cast, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovering, "BATCH", 1)
    for request in [await running(cast), await running(cast)]:
        await end_lease(request)

    async with server(db):
        taken = await work.take_back_what_is_lost()

    assert taken.work_requests == 2


async def test_a_lease_that_ran_out_while_no_server_was_there_is_spared_and_then_ends(
    cast: Cast, db: Database
) -> None:
    request = await running(cast)
    await end_lease(request)

    alone = await work.take_back_what_is_lost()
    spared = await WorkRequest.get(id=request.id)
    await end_lease(request)
    async with server(db):
        again = await work.take_back_what_is_lost()

    assert (alone, again) == (TakenBack(spared=True), TakenBack(work_requests=1))
    assert (spared.status, spared.attempt) == (RUNNING, 1)
    assert spared.lease_expires_at is not None and spared.lease_expires_at > now()
    assert await statuses([request]) == [(PENDING, 1)]


async def test_nobody_is_taken_for_lost_when_nobody_looked_for_some_time(cast: Cast, db: Database) -> None:
    request = await running(cast)
    await end_lease(request)

    async with server(db):
        first = await work.take_back_what_is_lost(away=True)
        second = await work.take_back_what_is_lost()

    assert (first, second) == (TakenBack(spared=True), TakenBack())
    assert await statuses([request]) == [(RUNNING, 1)]


async def test_a_server_that_comes_back_spares_the_leases_before_it_is_there(
    cast: Cast, db: Database
) -> None:
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
    ("before", "waited", "expected"),
    [
        (None, 0, True),  # the first there ever was
        (5, 0, False),
        (5, 600, False),  # it waited for a runner: servers were there
        (14, 0, False),
        (16, 0, True),
        (3600, 10, True),
    ],
)
async def test_whether_somebody_looked_before(
    db: Database, before: int | None, waited: int, expected: bool
) -> None:
    """`before`: seconds between the end of the last one and the sending of this one, `waited`: from there on."""
    if before is not None:
        await task(ended=f"now() - make_interval(secs => {before + waited})")
    this = await task(created=f"now() - make_interval(secs => {waited})")

    assert await nobody_looked_before(this) is expected


async def task(created: str = "now()", ended: str | None = None) -> int:
    """A task of schedule 1."""
    [row] = await fetch(
        f"""INSERT INTO task (message_id, actor_name, message, tenant_id, rel_obj_content_type_id, rel_obj_id, created_at,
            state, ready, mtime, expires_at)
        SELECT gen_random_uuid(), 'a.b', '', tenant.id, content_type.id, '1', {created},
            {"'done', false" if ended else "'queued', true"}, {ended or "now()"}, {"now()" if ended else "NULL"}
        FROM tenant, content_type WHERE tenant.name = 'default' AND content_type.model = 'schedule' RETURNING id"""
    )
    return int(row["id"])


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
