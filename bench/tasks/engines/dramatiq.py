"""dramatiq with dramatiq-postgres: its own worker, threads, and a producer that does not use asyncio."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic, perf_counter, sleep
from typing import Any

import dramatiq
import psycopg
from dramatiq.middleware.asyncio import AsyncIO
from dramatiq_postgres import PostgresBroker
from dramatiq_postgres import schema as tables

from bench.tasks.engine import Engine, Send


class Dramatiq(Engine):
    waits_for = "EXISTS (SELECT FROM dramatiq.queue)"

    def _actors(self, connections: int) -> dict[str, Any]:
        self.broker = PostgresBroker(url={"maxconn": connections})
        self.broker.add_middleware(AsyncIO())
        dramatiq.set_broker(self.broker)
        watch = self.watch

        @dramatiq.actor
        def noop(number: float) -> None:
            watch.entered()

        @dramatiq.actor
        def stamp(number: float) -> None:
            watch.stamped(number)

        @dramatiq.actor
        async def wait(number: float) -> None:
            watch.entered()
            await asyncio.sleep(number)

        return {"noop": noop, "stamp": stamp, "wait": wait}

    async def install(self) -> None:
        with psycopg.connect("") as connection, connection.cursor() as cursor:
            tables.init(cursor)

    @asynccontextmanager
    async def producer(self, connections: int) -> AsyncIterator[Send]:
        raise AssertionError("it has no asyncio")
        yield

    async def enqueue(self, count: int, size: int, kind: str = "noop", number: float = 0) -> float:
        """One at a time: it has no batches."""
        assert size == 1
        actor = self._actors(1)[kind]
        actor.send(number)
        began = perf_counter()
        for _ in range(count):
            actor.send(number)
        return count / (perf_counter() - began)

    async def produce(self, count: int, producers: int) -> float:
        actor = self._actors(producers)["noop"]
        ready, go = threading.Barrier(producers + 1), threading.Barrier(producers + 1)
        left = iter(range(count))

        def produce() -> None:
            actor.send(0)
            ready.wait()
            go.wait()
            for number in left:
                actor.send(number)

        threads = [threading.Thread(target=produce) for _ in range(producers)]
        for thread in threads:
            thread.start()
        ready.wait()
        began = perf_counter()
        go.wait()
        for thread in threads:
            thread.join()
        return count / (perf_counter() - began)

    async def stamp(self, count: int, pause: float) -> None:
        actor = self._actors(1)["stamp"]
        for _ in range(count):
            actor.send(monotonic())
            sleep(pause)

    async def run(self, threads: int = 8) -> None:
        self._actors(threads + 8)
        worker = dramatiq.Worker(self.broker, worker_threads=threads)
        worker.start()
        await asyncio.Event().wait()


ENGINE = Dramatiq
