"""Says every five seconds that a runner lives, from a thread of its own: a loop that an actor blocks is not dead."""

import asyncio
import contextlib
import random
import threading
from collections.abc import Callable
from time import monotonic
from typing import Any

import asyncpg
import structlog

from app.actions.tasks.runners import RunnerInfo, beat, come_back
from app.database import Database
from app.models.tasks import ALIVE_FOR

INTERVAL = 5.0
PATIENCE = 5.0
"""Seconds after which a beat that was not answered is given up, with its connection."""
SHORTEST_PAUSE, LONGEST_PAUSE = 0.2, 5.0
SECONDS_TO_STOP = 2.0

log = structlog.get_logger(__name__)


class Heartbeat:
    """One per runner, which has registered. Start it on the runner's loop.

    `on_lost` is called there, with the reason in words, when others may have the runner's tasks: it could not be heard for
    30 seconds, or it was given up. It had better stop what it runs.
    """

    def __init__(
        self,
        database: Database,
        runner: RunnerInfo,
        *,
        running: Callable[[], int] = lambda: 0,
        stopping: Callable[[], bool] = lambda: False,
        on_lost: Callable[[str], None] = lambda _: None,
        interval: float = INTERVAL,
    ) -> None:
        self.runner = runner
        self._database = database
        self._running, self._stopping = running, stopping
        self._on_lost = on_lost
        self._interval = interval
        self._heard_at = monotonic()
        self._told_of_silence = False
        self._thread: threading.Thread | None = None
        self._owner: asyncio.AbstractEventLoop
        self._loop: asyncio.AbstractEventLoop
        self._enough: asyncio.Event
        self._up = threading.Event()

    def start(self) -> None:
        """Begin, from a runner that has just registered."""
        self._owner = asyncio.get_running_loop()
        self._heard_at = monotonic()
        self._thread = threading.Thread(target=self._work, name="heartbeat", daemon=True)
        self._thread.start()

    async def stop(self) -> None:
        """End. The runner is not heard of from now on."""
        if self._thread is not None:
            await asyncio.to_thread(self._join)

    def silence(self) -> float:
        """Seconds since the last beat began that was heard."""
        return monotonic() - self._heard_at

    def _join(self) -> None:
        assert self._thread
        if self._up.wait(SECONDS_TO_STOP):
            with contextlib.suppress(RuntimeError):  # its loop has ended already
                self._loop.call_soon_threadsafe(self._enough.set)
        self._thread.join(SECONDS_TO_STOP)

    def _work(self) -> None:
        try:
            asyncio.run(self._beat_until_enough())
        except Exception:  # whatever it is, silence follows, and health says so
            log.exception("the heartbeat has ended")

    async def _beat_until_enough(self) -> None:
        self._loop, self._enough = asyncio.get_running_loop(), asyncio.Event()
        self._up.set()
        beating = asyncio.create_task(self._beat_forever())
        enough = asyncio.create_task(self._enough.wait())
        await asyncio.wait({beating, enough}, return_when=asyncio.FIRST_COMPLETED)
        for task in (beating, enough):
            task.cancel()
        await asyncio.wait({beating, enough})
        if not beating.cancelled() and (error := beating.exception()):
            raise error

    async def _beat_forever(self) -> None:
        pause = SHORTEST_PAUSE
        while True:
            before = self._heard_at
            try:
                await self._beat_on_one_connection()
            except Exception as error:  # whatever it is, as asyncpg has odd errors for what broke
                log.warning("the heartbeat was not heard, trying again", error=repr(error))
            pause = SHORTEST_PAUSE if self._heard_at > before else min(2 * pause, LONGEST_PAUSE)
            self._notice_silence()
            await asyncio.sleep(pause * random.uniform(0.8, 1.2))

    async def _beat_on_one_connection(self) -> None:
        async with asyncio.timeout(PATIENCE):
            connection = await self._database.connect(timeout=PATIENCE)
        try:
            while True:
                began = monotonic()
                async with asyncio.timeout(PATIENCE):
                    await self._beat(connection)
                self._heard_at = began
                self._told_of_silence = False
                await asyncio.sleep(max(0.0, self._interval + began - monotonic()))
        finally:
            connection.terminate()

    async def _beat(self, connection: "asyncpg.Connection[Any]") -> None:
        runner = self.runner
        if not await beat(connection, runner.id, running=self._running(), stopping=self._stopping()):
            self._tell(
                "it had been given up"
            )  # first, so that it stops what it ran before it is given anything new
            await come_back(connection, runner)

    def _notice_silence(self) -> None:
        if not self._told_of_silence and self.silence() >= ALIVE_FOR.total_seconds():
            self._told_of_silence = True
            self._tell(f"it was not heard for {self.silence():.0f} s")

    def _tell(self, reason: str) -> None:
        with contextlib.suppress(RuntimeError):  # the runner's loop has ended
            self._owner.call_soon_threadsafe(self._on_lost, reason)
