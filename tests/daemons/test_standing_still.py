"""A server that stood still while the event log went on without it."""

import asyncio

import pytest

from app.daemons.log_reader import LogReader, scan
from app.database import Database, fetch
from app.errors import CursorExpired
from app.events import START
from app.models.outbox import end_of_log
from app.publishers.hub import Hub
from tests.cast import Cast


async def test_a_server_that_stood_still_for_longer_than_events_are_kept_goes_on_from_now(
    db: Database, cast: Cast
) -> None:
    hub = Hub(scan)
    hub.start(START)
    changes = hub.access_changes
    following = asyncio.create_task(anext(hub.follow(START)))
    cut = await end_of_log()
    await fetch(
        "UPDATE event_log_state SET pruned_xid = $1::text::xid8, pruned_seq = $2", str(cut.xid), cut.seq
    )
    reader = LogReader(hub, db)

    assert await reader.run_once() == 0
    with pytest.raises(CursorExpired):
        await following
    request = await cast.request()
    live = asyncio.create_task(anext(hub.follow()))
    async with asyncio.timeout(10):
        while not await reader.run_once():
            await asyncio.sleep(0.01)
        event = await live

    assert event.subject == f"work_request/{request.id}"
    assert hub.access_changes > changes
