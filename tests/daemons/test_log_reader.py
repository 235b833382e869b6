"""The reader of the log, as far as it can be seen without a server."""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from structlog.testing import capture_logs

from app.actions.outbox import written
from app.actions.tokens import make_token
from app.daemons import log_reader
from app.daemons.log_reader import LogReader, scan
from app.database import Database, transaction
from app.events import Audience
from app.models import Tenant, TokenKind
from app.models.outbox import _READ, end_of_log
from app.publishers.hub import Hub
from tests.cast import Cast

LIMIT = 10


async def test_it_counts_the_servers_and_tells_them_of_writes_at_the_same_time(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_reader, "COUNT_EVERY", 0)
    monkeypatch.setattr(log_reader, "NOTIFY_PAUSE", 0)
    reader = LogReader(Hub(scan), db)

    with capture_logs() as logs:
        reading = asyncio.create_task(reader.run_forever())
        await reader.wait_until_listening()
        for _ in range(1000):
            written()
            await asyncio.sleep(0)
        reading.cancel()
        await asyncio.wait([reading])

    assert logs == []


async def test_it_tells_of_writes_only_when_there_is_another_server_to_hear_of_them(db: Database) -> None:
    said: list[object] = []
    listener = await db.connect()
    await listener.add_listener(log_reader.CHANNEL, lambda *heard: said.append(heard[-1]))
    async with reading(db) as reader:
        await wait_for(lambda: said == ["here"])
        for _ in range(3):
            await write(reader)
        async with reading(db):
            await wait_for(lambda: said == ["here", "here"] and reader.hub.servers == 2)
            await write(reader)
            await wait_for(lambda: "" in said[2:])
    await listener.close()


@asynccontextmanager
async def reading(db: Database) -> AsyncIterator[LogReader]:
    reader = LogReader(Hub(scan), db)
    task = asyncio.create_task(reader.run_forever())
    await reader.wait_until_listening()
    try:
        yield reader
    finally:
        task.cancel()
        await asyncio.wait([task])


async def write(reader: LogReader) -> None:
    """Write an event, and wait until the reader has it."""
    before = reader.hub.end
    async with transaction():
        tenant = await Tenant.first()
        assert tenant
        await make_token(tenant.id, TokenKind.WORKER)
    await wait_for(lambda: reader.hub.end > before)


async def wait_for(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(LIMIT):
        while not true():
            await asyncio.sleep(0.01)


async def test_a_log_that_was_short_at_first_is_read_by_its_index_when_it_is_long(owndb: Database) -> None:
    tenant = await Tenant.create(name="elsewhere")
    connection = await owndb.connect()
    await connection.execute(FILL, tenant.id, 10)
    await connection.execute("ANALYZE outbox_event")
    end = await end_of_log()
    for _ in range(20):  # until PostgreSQL keeps one plan for good
        assert not [row for row in await connection.fetch(_READ, str(end.xid), end.seq, LIMIT) if row["id"]]
    await connection.execute(FILL, tenant.id, 20_000)
    before = await connection.fetchval(READ_WHOLE)

    rows = await connection.fetch(_READ, str(end.xid), end.seq, LIMIT)
    await connection.execute("SELECT pg_stat_force_next_flush()")
    after = await connection.fetchval(READ_WHOLE)
    await connection.close()

    assert [row["subject"] for row in rows] == [f"user/{number}" for number in range(1, LIMIT + 1)]
    assert after == before


READ_WHOLE = "SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'outbox_event'"
FILL = """
INSERT INTO outbox_event (event_type, source, subject, tenant_id, audience)
SELECT 'user.created', 'urn:workyard', 'user/' || number, $1, 'tenant' FROM generate_series(1, $2) AS number
"""


async def test_an_event_that_is_kept_is_one_object_to_the_garbage_collector(cast: Cast) -> None:
    begin = await end_of_log()
    await cast.request()

    [event] = await scan(begin, LIMIT)

    assert event.data["required_tags"] == ["task:noop"]
    assert event.data is event.data
    kept = [each for each in gc.get_referents(event) if not isinstance(each, type | Audience)]
    assert len(kept) > 5
    assert not [each for each in kept if gc.is_tracked(each)]
