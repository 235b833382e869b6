"""Ours: the runner that `tasks run` starts, in this process."""

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from time import perf_counter
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import asyncpg

from app.actions.tasks.claiming import claim
from app.cli.tasks.run import _run
from app.database import open_database
from app.database.opening import SERVER_SETTINGS
from app.logs import configure_logging
from app.settings import Settings
from app.tasks import actor, enqueue
from bench.tasks.engine import Engine, Send, Stopwatch

watch = Stopwatch()


@actor
async def noop(number: float) -> None:
    watch.entered()


@actor(log=False, events=False)
async def lean(number: float) -> None:
    watch.entered()


@actor(events=False)
async def logged(number: float) -> None:
    watch.entered()


@actor(log=False)
async def told(number: float) -> None:
    watch.entered()


@actor
async def stamp(number: float) -> None:
    watch.stamped(number)


@actor
async def wait(number: float) -> None:
    watch.entered()
    await asyncio.sleep(number)


ACTORS = {"noop": noop, "lean": lean, "logged": logged, "told": told, "stamp": stamp, "wait": wait}


class Workyard(Engine):
    # The newest are done last: while they are not, nobody need read all.
    waits_for = """CASE WHEN EXISTS (SELECT FROM (SELECT state FROM task ORDER BY id DESC LIMIT 100) AS newest
            WHERE state NOT IN ('done', 'rejected')) THEN true
        ELSE EXISTS (SELECT FROM task WHERE state NOT IN ('done', 'rejected')) END"""

    def __init__(self) -> None:
        self.watch = watch

    async def install(self) -> None:
        """With the schedules, and without the chores that are due at the very first start: they are no part of any job."""
        async with open_database(_settings()):
            pass
        looks = await _connect()
        running = asyncio.create_task(self.run())
        while not running.done() and not await looks.fetchval(_FIRST_CHORES_DONE):
            await asyncio.sleep(0.05)
        running.cancel()
        await asyncio.wait([running])
        await looks.close()

    @asynccontextmanager
    async def producer(self, connections: int) -> AsyncIterator[Send]:
        async def send(kind: str, numbers: Sequence[float]) -> None:
            if len(numbers) == 1:
                await ACTORS[kind].send_async(numbers[0])
            else:
                await enqueue([ACTORS[kind].message(number) for number in numbers])

        async with open_database(_settings(database_pool_size=max(connections, 2)), migrate=False):
            yield send

    async def run(self, **chosen: Any) -> None:
        """What `tasks run` does, the chores included."""
        settings = _settings(**chosen)
        configure_logging(settings)
        await _run(settings)

    async def claim(self, limit: int, times: int) -> list[float]:
        """Each by a runner of its own that has nothing yet; the plan must be the index."""
        connection = await _connect()
        seconds = []
        for _ in range(times):
            began = perf_counter()
            tasks = await claim(connection, uuid4(), "default", limit)
            seconds.append(perf_counter() - began)
            assert len(tasks) == limit
        await _check_plan(connection, limit)
        return seconds


async def _check_plan(connection: "asyncpg.Connection[Any]", limit: int) -> None:
    """The claim must find its rows by the index, whatever statements it consists of."""
    plans: list[str] = []
    connection.add_log_listener(lambda _connection, message: plans.append(message.message))
    await connection.execute(_EXPLAIN)
    await claim(connection, uuid4(), "default", limit)
    plan = "\n".join(plans)
    assert "Index Scan using task_waiting_pkey" in plan and "Seq Scan on task" not in plan, plan


_FIRST_CHORES_DONE = """SELECT EXISTS (SELECT FROM task) AND NOT EXISTS (SELECT FROM task WHERE state <> 'done')
    AND NOT EXISTS (SELECT FROM schedule WHERE next_run <= now())"""

_EXPLAIN = """LOAD 'auto_explain'; SET auto_explain.log_level = notice; SET auto_explain.log_nested_statements = on;
SET auto_explain.log_analyze = on; SET auto_explain.log_min_duration = 0"""


async def _connect() -> "asyncpg.Connection[Any]":
    return await asyncpg.connect(server_settings=SERVER_SETTINGS)


def _settings(**chosen: Any) -> Settings:
    """With the database that libpq's variables name."""
    user, name, host = os.environ["PGUSER"], os.environ["PGDATABASE"], quote(os.environ["PGHOST"], safe="")
    return Settings(database_url=f"postgresql://{user}@/{name}?host={host}", **chosen)


ENGINE = Workyard
