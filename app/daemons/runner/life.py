"""All that a runner does beside running tasks, from its first word to its last."""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

import structlog
from uuid_utils.compat import uuid7

from app import __version__
from app.actions.tasks.promoting import Seen
from app.actions.tasks.runners import RunnerInfo, register_runner, stop_runner
from app.daemons.runner.health import RunnerHealth
from app.daemons.runner.heartbeat import Heartbeat
from app.daemons.runner.maintenance import Maintenance
from app.daemons.runner.scheduling import Scheduler
from app.daemons.runner.telling import EventTeller
from app.database import Database
from app.settings import Settings

log = structlog.get_logger(__name__)


class RunnerLife:
    """Within `async with`, the runner is known and says that it lives; what is due is promoted, scheduled, recovered, purged.

    - `running()` and `free_slots()` say how many tasks it runs, and how many more it could take.
    - `on_seen(seen)` is called after each look, about every second: take tasks from `seen.filled`, stop `seen.cancelled`.
    - `on_lost(reason)`: others may have its tasks. Stop what runs; what it says of them is refused.

    All are called on the loop. Leave the block when every task has ended or was given back: it then is forgotten.
    """

    def __init__(
        self,
        database: Database,
        settings: Settings,
        *,
        running: Callable[[], int],
        free_slots: Callable[[], int],
        on_seen: Callable[[Seen], None],
        on_lost: Callable[[str], None],
    ) -> None:
        self.info = RunnerInfo(
            id=uuid7(),
            hostname=socket.gethostname(),
            version=__version__,
            pid=os.getpid(),
            queues=settings.task_queues,
            concurrency=settings.task_concurrency,
        )
        self.health = RunnerHealth(settings.task_oldest_ready_seconds, free_slots)
        self.heartbeat = Heartbeat(database, self.info, running=running, on_lost=on_lost)
        self.health.heartbeat = self.heartbeat
        self.maintenance = Maintenance(
            self.info.id, settings, health=self.health, on_seen=on_seen, queues=settings.task_queues
        )
        self._stack = AsyncExitStack()

    def stopping(self) -> None:
        """The runner takes no more tasks: say so."""
        self.heartbeat.stopping = self.health.stopping = True

    async def __aenter__(self) -> Self:
        await register_runner(self.info)
        self._stack.push_async_callback(self._end)
        self.heartbeat.start()
        self._stack.push_async_callback(self.heartbeat.stop)
        for loop in (
            self.maintenance.run_forever(),
            Scheduler().run_forever(),
            EventTeller().run_forever(),
        ):
            self._keep(loop)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    def _keep(self, loop: Awaitable[None]) -> None:
        task = asyncio.ensure_future(loop)

        async def end() -> None:
            task.cancel()
            await asyncio.wait([task])

        self._stack.push_async_callback(end)

    async def _end(self) -> None:
        try:
            await stop_runner(self.info.id)
        except Exception as error:  # it will be found to be lost instead
            log.warning("could not say that the runner ends", error=repr(error))
