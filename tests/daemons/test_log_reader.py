"""The reader of the log, as far as it can be seen without a server."""

import asyncio

import pytest
from structlog.testing import capture_logs

from app.actions.outbox import written
from app.daemons import log_reader
from app.daemons.log_reader import LogReader, scan
from app.database import Database
from app.publishers.hub import Hub


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
