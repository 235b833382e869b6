"""Workers that connect, in whatever order things happen around it."""

import asyncio
import uuid

import pytest

from app.actions import work
from app.errors import Unauthenticated
from app.models import Worker
from tests.api import Api
from tests.cast import Cast

INBOX = "subscription ($after: Cursor) { workerInbox(after: $after) { __typename cursor } }"


async def test_a_worker_that_was_disabled_since_it_was_let_in_is_not_connected(cast: Cast) -> None:
    let_in = await cast.machine.viewer()
    await work.disable_worker(await cast.sam.viewer(), cast.machine.worker.id)

    with pytest.raises(Unauthenticated):
        await work.connect_worker(let_in, uuid.uuid4(), 1)

    assert not (await Worker.get(id=cast.machine.worker.id)).connected()


async def test_a_worker_that_was_enabled_again_hears_nothing_of_having_been_disabled(
    api: Api, cast: Cast
) -> None:
    sam, before = await cast.sam.viewer(), await api.cursor()
    await work.disable_worker(sam, cast.machine.worker.id)
    await work.enable_worker(sam, cast.machine.worker.id)

    async with api.subscribe(cast.machine, INBOX, after=before) as inbox:
        heard = await inbox.take(2)
        await cast.request()
        heard.append(await inbox.next())

    assert [each["__typename"] for each in heard] == [
        "DynamicMetadataRequested",
        "WorkRequestAvailable",  # it is connected
        "WorkRequestAvailable",
    ]


async def test_a_worker_whose_connection_ends_while_it_is_noted_is_not_left_connected(
    api: Api, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    await work.disable_worker(await cast.sam.viewer(), cast.machine.worker.id)
    await work.enable_worker(await cast.sam.viewer(), cast.machine.worker.id)
    connect, noted = work.connect_worker, asyncio.Event()

    async def cut_off(*args: object) -> None:
        await connect(*args)  # type: ignore[arg-type]
        noted.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(work, "connect_worker", cut_off)
    inbox = asyncio.create_task(anext(api.stream(cast.machine, INBOX)))
    async with asyncio.timeout(10):
        await noted.wait()
        inbox.cancel()
        await asyncio.wait([inbox])

    assert not (await Worker.get(id=cast.machine.worker.id)).connected()
