"""What the reaper takes back, and what it leaves alone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.actions import work
from app.clock import now
from app.daemons.reaper import Reaper
from app.database import fetch
from app.models import WorkRequest, WorkRequestStatus
from app.settings import Settings
from tests.cast import Cast

LIMIT = 10


async def test_a_lease_that_ran_out_while_no_server_was_there_is_spared_and_then_ends(cast: Cast) -> None:
    request = await running(cast)
    await end_lease(request)

    async with reaping():
        await until_true(request, "lease_expires_at > now()")
        spared = await WorkRequest.get(id=request.id)
        await end_lease(request)
        await until_true(request, "status = 'pending'")

    assert (spared.status, spared.attempt) == (WorkRequestStatus.RUNNING, 1)


async def test_a_lease_that_is_long_enough_is_left_as_it_is(cast: Cast) -> None:
    request = await running(cast)

    await work.spare_leases(15)

    stored = await WorkRequest.get(id=request.id)
    assert stored.lease_expires_at == request.lease_expires_at
    assert stored.lease_expires_at is not None and stored.lease_expires_at > now()


async def running(cast: Cast) -> WorkRequest:
    await cast.request()
    request = await work.acquire_work_request(await cast.machine.viewer())
    assert request is not None
    return request


async def end_lease(request: WorkRequest) -> None:
    await fetch(
        "UPDATE work_request SET lease_expires_at = now() - interval '1 minute' WHERE id = $1", request.id
    )


async def until_true(request: WorkRequest, condition: str) -> None:
    async with asyncio.timeout(LIMIT):
        while not await fetch(f"SELECT FROM work_request WHERE id = $1 AND {condition}", request.id):
            await asyncio.sleep(0.01)


@asynccontextmanager
async def reaping() -> AsyncIterator[None]:
    """A server's reaper, newly started."""
    task = asyncio.create_task(Reaper(Settings(), interval=0.05).run_forever())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
