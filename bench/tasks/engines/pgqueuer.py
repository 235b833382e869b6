"""pgqueuer with asyncpg. Its worker is given a pool: with the one connection of its quick start it is slower."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from time import perf_counter
from uuid import uuid4

import asyncpg
from pgqueuer import PgQueuer
from pgqueuer.db import AsyncpgDriver, AsyncpgPoolDriver
from pgqueuer.models import Job
from pgqueuer.ports.repository import EntrypointExecutionParameter
from pgqueuer.queries import Queries

from bench.tasks.engine import Engine, Send


class Pgqueuer(Engine):
    waits_for = "EXISTS (SELECT FROM pgqueuer)"

    async def install(self) -> None:
        await Queries(AsyncpgDriver(await asyncpg.connect())).install()

    @asynccontextmanager
    async def producer(self, connections: int) -> AsyncIterator[Send]:
        driver = (
            AsyncpgDriver(await asyncpg.connect())
            if connections == 1
            else AsyncpgPoolDriver(await asyncpg.create_pool(min_size=connections, max_size=connections))
        )
        queries = Queries(driver)

        async def send(kind: str, numbers: Sequence[float]) -> None:
            payloads = [str(number).encode() for number in numbers]
            if len(payloads) == 1:
                await queries.enqueue(kind, payloads[0])
            else:
                await queries.enqueue([kind] * len(payloads), payloads, [0] * len(payloads))

        yield send

    async def run(self, batch: int = 10, concurrency: int | None = None, pool: int = 4) -> None:
        driver = (
            AsyncpgPoolDriver(await asyncpg.create_pool(min_size=pool, max_size=pool))
            if pool
            else AsyncpgDriver(await asyncpg.connect())
        )
        queue = PgQueuer(driver)
        watch = self.watch

        @queue.entrypoint("noop")
        async def noop(job: Job) -> None:
            watch.entered()

        @queue.entrypoint("stamp")
        async def stamp(job: Job) -> None:
            watch.stamped(float(job.payload or b""))

        @queue.entrypoint("wait")
        async def wait(job: Job) -> None:
            watch.entered()
            await asyncio.sleep(float(job.payload or b""))

        await queue.qm.run(batch_size=batch, max_concurrent_tasks=concurrency)

    async def claim(self, limit: int, times: int) -> list[float]:
        queries = Queries(AsyncpgDriver(await asyncpg.connect()))
        entrypoints = {"noop": EntrypointExecutionParameter(concurrency_limit=0)}
        seconds, manager = [], uuid4()
        for _ in range(times):
            began = perf_counter()
            jobs = await queries.dequeue(limit, entrypoints, manager, None, timedelta(seconds=30))
            seconds.append(perf_counter() - began)
            assert len(jobs) == limit, (len(jobs), len(seconds))
        return seconds


ENGINE = Pgqueuer
