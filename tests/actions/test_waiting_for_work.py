"""A worker that waits for work gets it as soon as there is some."""

import asyncio

import pytest

from app.access import Viewer
from app.actions import work
from app.database import fetch
from app.models import WorkRequest
from tests.api import Api, gid
from tests.cast import Cast

ACQUIRE = """mutation ($wait: Int!) {
  acquireWorkRequest(input: {waitSeconds: $wait}) { workRequest { id } userErrors { message } } }"""


async def test_what_was_put_off_is_claimed_when_it_is_due(api: Api, cast: Cast) -> None:
    request = await cast.request()
    await fetch(
        "UPDATE work_request SET available_at = now() + interval '0.5 seconds' WHERE id = $1", request.id
    )

    answer = await api.execute(cast.machine, ACQUIRE, wait=8)

    assert answer.payload["workRequest"] == {"id": gid(request)}


async def test_what_comes_while_it_waits_is_claimed(api: Api, cast: Cast) -> None:
    waiting = asyncio.create_task(api.execute(cast.machine, ACQUIRE, wait=8))
    async with asyncio.timeout(8):
        while not api.hub.followers:
            await asyncio.sleep(0.01)
    request = await cast.request()

    answer = await waiting

    assert answer.payload["workRequest"] == {"id": gid(request)}
    assert api.hub.followers == 0


async def test_a_claim_that_is_under_way_when_the_waiting_ends_is_told(
    api: Api, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = work.acquire_work_request
    over = asyncio.Event()

    async def slow(viewer: Viewer, *, lease_seconds: int) -> WorkRequest | None:
        found = await claim(viewer, lease_seconds=lease_seconds)
        if found is not None:  # it is claimed already when the time is over
            await over.wait()
        return found

    monkeypatch.setattr(work, "acquire_work_request", slow)
    waiting = asyncio.create_task(api.execute(cast.machine, ACQUIRE, wait=1))
    asyncio.get_running_loop().call_later(1.5, over.set)
    async with asyncio.timeout(8):
        while not api.hub.followers:
            await asyncio.sleep(0.01)
    request = await cast.request()

    answer = await waiting

    assert answer.payload["workRequest"] == {"id": gid(request)}
