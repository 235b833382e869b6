"""Work requests that are parts of another, when that one is aborted at the same moment."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from app.actions import work
from app.actions.work.requests import check_work_request
from app.database import fetch, transaction
from app.errors import Invalid
from app.models import WorkRequest, WorkRequestResult, WorkRequestStatus
from tests.api import state
from tests.cast import Cast

LIMIT = 10.0


async def _while_open(first: Callable[[], Awaitable[Any]], second: Callable[[], Awaitable[Any]]) -> None:
    """Do the second thing while the transaction of the first is still open; commit once it waits, or has ended."""
    done_first = asyncio.Event()

    async def afterwards() -> None:
        await done_first.wait()
        await second()

    # Made outside the transaction: a task that is made inside would share its connection.
    going_on, watching = asyncio.create_task(afterwards()), asyncio.create_task(_until_waiting(done_first))
    async with asyncio.timeout(LIMIT), transaction():
        await first()
        done_first.set()
        await asyncio.wait([going_on, watching], return_when=asyncio.FIRST_COMPLETED)
    watching.cancel()
    async with asyncio.timeout(LIMIT):
        await going_on


async def _until_waiting(begun: asyncio.Event) -> None:
    await begun.wait()
    while not await fetch(
        "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    ):
        await asyncio.sleep(0.01)


async def _status(id: int) -> WorkRequestStatus:
    return (await WorkRequest.get(id=id)).status


async def test_a_child_made_while_its_parent_is_aborted_is_aborted_too(cast: Cast) -> None:
    parent, ann = await cast.request(), await cast.ann.viewer()
    made: list[WorkRequest] = []

    async def make() -> None:
        made.append(await cast.request(parent_id=parent.id))

    await _while_open(make, lambda: work.abort_work_request(ann, parent.id))

    assert await _status(parent.id) is WorkRequestStatus.ABORTED
    assert await _status(made[0].id) is WorkRequestStatus.ABORTED


async def test_the_retry_of_a_child_that_fails_while_its_parent_is_aborted_is_aborted_too(cast: Cast) -> None:
    parent, ann, machine = await cast.request(), await cast.ann.viewer(), await cast.machine.viewer()
    await work.acquire_work_request(machine)
    child = await cast.request(parent_id=parent.id, retry_delays=[timedelta(0)])
    await work.acquire_work_request(machine)

    await _while_open(
        lambda: work.complete_work_request(machine, child.id, 1, WorkRequestResult.FAILURE),
        lambda: work.abort_work_request(ann, parent.id),
    )

    assert await _status(child.id) is WorkRequestStatus.COMPLETED
    retry = await WorkRequest.get(supersedes_id=child.id)
    assert retry.status is WorkRequestStatus.ABORTED


@pytest.mark.parametrize("dry_run", [False, True])
async def test_an_aborted_parent_gets_no_more_children(cast: Cast, dry_run: bool) -> None:
    parent, bob = await cast.request(), await cast.bob.viewer()
    await work.abort_work_request(bob, parent.id)
    before = await state()

    new = work.NewWorkRequest("noop", workspace_id=cast.lab.id, parent_id=parent.id)
    with pytest.raises(Invalid) as refused:
        await (check_work_request(bob, new) if dry_run else work.create_work_request(bob, new))

    assert refused.value.path == ("input", "parent")
    assert await state() == before
