"""A runner's connections to PostgreSQL: its own, apart from the pool of the models, so that no actor can take them all."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import structlog

from app.database import Database
from app.database.opening import TROUBLE

PATIENCE = 10.0
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0

log = structlog.get_logger(__name__)


class Line:
    """One connection, opened when it is needed and again when it was lost. One user at a time; the others wait."""

    def __init__(self, name: str, database: Database) -> None:
        self.name = name
        self._database = database
        self._connection: asyncpg.Connection[Any] | None = None
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def use(self) -> "AsyncIterator[asyncpg.Connection[Any]]":
        """The connection. Whatever is raised while it is in use is not trusted to have left it whole: it is closed."""
        async with self._lock:
            connection = self._connection
            if connection is None or connection.is_closed():
                connection = self._connection = await self._database.connect(timeout=PATIENCE)
            try:
                yield connection
            except BaseException:
                self._connection = None
                connection.terminate()
                raise

    async def close(self) -> None:
        """End it in order, if it answers."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(*TROUBLE):
                await connection.close(timeout=2)


class Pauses:
    """How long to wait before trying again what keeps failing: twice as long each time."""

    def __init__(self) -> None:
        self._next = FIRST_PAUSE

    def over(self) -> None:
        """It worked."""
        self._next = FIRST_PAUSE

    async def wait(self) -> None:
        """Wait, longer than the last time."""
        pause, self._next = self._next, min(2 * self._next, LONGEST_PAUSE)
        await asyncio.sleep(pause)


async def listen(
    database: Database, channel: str, heard: Callable[[str], None], connected: Callable[[], None]
) -> None:
    """Hear NOTIFY until cancelled, over lost connections: `connected` is called whenever it listens anew."""
    pauses = Pauses()
    while True:
        try:
            await _listen_once(database, channel, heard, connected, pauses)
        except TROUBLE as error:
            log.warning("not hearing of new tasks, looking for them every second", error=repr(error))
        await pauses.wait()


async def _listen_once(
    database: Database,
    channel: str,
    heard: Callable[[str], None],
    connected: Callable[[], None],
    pauses: Pauses,
) -> None:
    connection = await database.connect(timeout=PATIENCE)
    lost = asyncio.Event()
    try:
        connection.add_termination_listener(lambda _: lost.set())
        await connection.add_listener(channel, lambda _, __, ___, payload: heard(str(payload)))
        connected()
        while not lost.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(30):
                    await lost.wait()
            if not lost.is_set():
                await connection.execute("SELECT", timeout=PATIENCE)  # a connection may die without a word
                pauses.over()
    finally:
        with contextlib.suppress(*TROUBLE):
            await connection.close(timeout=1)
