"""When reports are stored: soon, but many at a time while many come."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import pytest

from app.actions.tasks.claiming import Claimed
from app.actions.tasks.finishing import Progress, Report
from app.daemons.runner import flushing
from app.daemons.runner.flushing import MANY, MOST_AT_ONCE, Flusher
from app.daemons.runner.lines import Line
from app.database import Database
from app.models import TaskState
from tests.tasks_yard import until

TASK = Claimed(
    *(1, UUID(int=1), "default", "any", b"{}", 1, 0, 0, 1, None, None, 0, None, 0, "done", None, None, None)
)


def report() -> Report:
    return Progress(TASK, TaskState.RUNNING, (), (), 1, "done")


@pytest.fixture
def stored(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many reports were stored together each time."""
    stored: list[int] = []

    async def flush(connection: Any, worker_id: UUID, reports: Sequence[Report]) -> None:
        stored.append(len(reports))

    monkeypatch.setattr(flushing, "flush", flush)
    return stored


@asynccontextmanager
async def flushing_busily(db: Database) -> AsyncIterator[Flusher]:
    line = Line("flush", db)
    flusher = Flusher(line, uuid4(), lambda: True, lambda reports: None)
    working = asyncio.create_task(flusher.run_forever())
    yield flusher
    working.cancel()
    await line.close()


async def test_after_many_reports_more_are_awaited_until_there_are_enough_or_no_more_will_come(
    db: Database, stored: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flushing, "LONG_PAUSE", 600.0)

    async with flushing_busily(db) as flusher:
        for _ in range(MANY):
            flusher.put(report())
        await until(lambda: sum(stored) == MANY)
        monkeypatch.setattr(flushing, "PAUSE", 600.0)
        for _ in range(MOST_AT_ONCE + 1):
            flusher.put(report())
        await until(lambda: sum(stored) >= MANY + MOST_AT_ONCE)
        left = len(flusher)
        async with asyncio.timeout(30):
            while len(flusher):
                flusher.hurry()
                await asyncio.sleep(0.01)

    assert (stored, left) == ([MANY, MOST_AT_ONCE, 1], 1)


async def test_after_many_reports_no_more_are_awaited_once_none_has_come_for_a_moment(
    db: Database, stored: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flushing, "LONG_PAUSE", 600.0)

    async with flushing_busily(db) as flusher:
        for _ in range(MANY):
            flusher.put(report())
        await until(lambda: sum(stored) == MANY)
        flusher.put(report())
        await until(lambda: not len(flusher))

    assert stored == [MANY, 1]
