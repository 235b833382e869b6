"""The reader of the log, as far as it can be seen without a server."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from structlog.testing import capture_logs

from app.actions.outbox import written
from app.actions.tokens import make_token
from app.daemons import log_reader
from app.daemons.log_reader import LogReader, scan
from app.database import Database, fetch, transaction
from app.models import Tenant, TokenKind
from app.models.outbox import _READ
from app.publishers.hub import Hub

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


@pytest.mark.parametrize("mode", ["force_generic_plan", "force_custom_plan"])
async def test_it_looks_at_the_end_of_a_long_log_only(owndb: Database, mode: str) -> None:
    tenant = await Tenant.create(name="elsewhere")
    await fetch(FILL, tenant.id)
    connection = await owndb.connect(server_settings={"plan_cache_mode": mode})

    await connection.execute(f"PREPARE read (text, bigint, int) AS {_READ}")
    plan = await connection.fetch("EXPLAIN EXECUTE read ('0', 0, 500)")
    await connection.close()

    assert not [row[0] for row in plan if "Seq Scan on outbox_event" in row[0]]


FILL = """
INSERT INTO outbox_event (event_type, source, subject, tenant_id, audience)
SELECT 'user.created', 'urn:workyard', 'user/' || number, $1, 'tenant' FROM generate_series(1, 20000) AS number
"""
