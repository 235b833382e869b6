"""The heartbeat of a runner: seen by others while it lives, and honest to itself when they could not see it."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from app.actions.tasks.recovering import recover_lost_tasks
from app.clock import now
from app.daemons.runner import heartbeat
from app.daemons.runner.heartbeat import Heartbeat
from app.database import Database, fetch
from app.models import WorkerStatus
from tests.machine import until
from tests.task_rows import lose, runner


@asynccontextmanager
async def beating(db: Database, **how: Any) -> AsyncIterator[Heartbeat]:
    """A heartbeat of a runner that has just registered."""
    heart = Heartbeat(db, await runner(), **{"interval": 0.02, **how})
    heart.start()
    try:
        yield heart
    finally:
        await heart.stop()


async def seen(heart: Heartbeat) -> WorkerStatus:
    return await WorkerStatus.get(id=heart.runner.id)


async def until_seen(heart: Heartbeat, true: Callable[[WorkerStatus], bool]) -> None:
    async with asyncio.timeout(10):
        while not true(await seen(heart)):
            await asyncio.sleep(0.01)


async def test_others_see_that_the_runner_lives_and_what_it_does(db: Database) -> None:
    async with beating(db, running=lambda: 3, stopping=lambda: True) as heart:
        await fetch("UPDATE worker_status SET last_seen = now() - interval '1 minute'")

        await until_seen(heart, lambda row: row.alive and row.running == 3 and row.stopping)


async def test_a_loop_that_stands_still_does_not_look_dead(db: Database) -> None:
    async with beating(db) as heart:
        await fetch("UPDATE worker_status SET last_seen = now() - interval '1 minute'")
        began = now()

        time.sleep(0.3)  # as an actor does that computes, and never awaits

        assert (await seen(heart)).last_seen > began
        assert heart.silence() < 0.3


async def test_it_connects_again_when_its_connection_is_lost(owndb: Database) -> None:
    async with beating(owndb) as heart:
        await until(lambda: heart.silence() < 0.1)
        for _ in range(2):
            await fetch(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE query LIKE '%worker_status SET last_seen%' AND pid <> pg_backend_pid()"
            )
            cut = now()

            await until_seen(heart, lambda row, cut=cut: row.last_seen > cut)  # type: ignore[misc]


async def test_a_runner_that_was_given_up_learns_it_once(db: Database) -> None:
    told: list[str] = []
    heart = Heartbeat(db, await runner(), interval=0.02, on_lost=told.append)
    await lose(heart.runner.id)
    await recover_lost_tasks()

    heart.start()

    await until(lambda: bool(told))
    await until_seen(heart, lambda row: row.alive)
    assert told == ["it had been given up"]
    await heart.stop()


async def test_a_runner_that_cannot_be_heard_learns_it_after_thirty_seconds(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time is turned: the clock of the heartbeat runs a hundred times as fast."""
    began = time.monotonic()
    monkeypatch.setattr(heartbeat, "monotonic", lambda: began + (time.monotonic() - began) * 100)
    unreachable = Database({**db.credentials, "host": "/nowhere"}, embedded=True)
    told: list[float] = []
    heart = Heartbeat(unreachable, await runner(), on_lost=lambda _: told.append(heart.silence()))

    heart.start()

    await until(lambda: bool(told))
    assert told[0] >= 30
    await heart.stop()
    assert len(told) == 1


async def test_nothing_is_heard_of_it_after_it_was_stopped(db: Database) -> None:
    async with beating(db) as heart:
        await until(lambda: heart.silence() < 0.1)
    await fetch("UPDATE worker_status SET last_seen = now() - interval '1 minute'")

    await asyncio.sleep(0.1)  # five beats

    assert not (await seen(heart)).alive
