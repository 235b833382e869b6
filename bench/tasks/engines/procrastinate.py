"""procrastinate with psycopg's pool, as its documentation has it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from procrastinate import App, PsycopgConnector

from bench.tasks.engine import Engine, Send


class Procrastinate(Engine):
    waits_for = "EXISTS (SELECT FROM procrastinate_jobs WHERE status IN ('todo', 'doing'))"

    def _app(self, connections: int) -> App:
        app = App(connector=PsycopgConnector(conninfo="", min_size=connections, max_size=connections))
        watch = self.watch

        @app.task(name="noop")
        async def noop(number: float) -> None:
            watch.entered()

        @app.task(name="stamp")
        async def stamp(number: float) -> None:
            watch.stamped(number)

        @app.task(name="wait")
        async def wait(number: float) -> None:
            watch.entered()
            await asyncio.sleep(number)

        return app

    async def install(self) -> None:
        app = self._app(1)
        async with app.open_async():
            await app.schema_manager.apply_schema_async()

    @asynccontextmanager
    async def producer(self, connections: int) -> AsyncIterator[Send]:
        app = self._app(connections)

        async def send(kind: str, numbers: Sequence[float]) -> None:
            if len(numbers) == 1:
                await app.tasks[kind].defer_async(number=numbers[0])
            else:
                await app.tasks[kind].batch_defer_async(*({"number": number} for number in numbers))

        async with app.open_async():
            yield send

    async def run(self, concurrency: int = 1) -> None:
        app = self._app(10)
        async with app.open_async():
            await app.run_worker_async(concurrency=concurrency, install_signal_handlers=False)


ENGINE = Procrastinate
