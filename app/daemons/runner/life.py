"""All that a runner does beside running tasks, from its first word to its last."""

import asyncio
import os
import socket
from time import monotonic
from typing import TYPE_CHECKING

import structlog

from app import __version__
from app.actions.tasks.promoting import Seen
from app.actions.tasks.runners import RunnerInfo, register_runner, stop_runner
from app.daemons.runner.health import HealthServer, RunnerHealth
from app.daemons.runner.heartbeat import Heartbeat
from app.daemons.runner.maintenance import Maintenance
from app.daemons.runner.scheduling import Scheduler
from app.daemons.runner.telemetry import FIGURES, TaskFigures
from app.daemons.runner.telling import EventTeller

if TYPE_CHECKING:
    from app.daemons.runner.runner import Runner

SECONDS_FOR_LAST_WORD = 3.0

log = structlog.get_logger(__name__)


class RunnerLife:
    """A runner's companion: others know it, hear that it lives, and count on it to do what each of them does: promote,
    schedule, recover and purge tasks.
    """

    def __init__(self, runner: "Runner", figures: TaskFigures = FIGURES) -> None:
        self._runner = runner
        settings = runner.settings
        self.info = RunnerInfo(
            id=runner.id,
            hostname=socket.gethostname(),
            version=__version__,
            pid=os.getpid(),
            queues=settings.task_queues,
            concurrency=settings.task_concurrency,
        )
        self.heartbeat = Heartbeat(
            runner.database,
            self.info,
            running=lambda: runner.running,
            stopping=lambda: runner.stopping,
            on_lost=self._lost,
        )
        self.health = RunnerHealth(
            settings.task_oldest_ready_seconds,
            self.heartbeat,
            free_slots=lambda: runner.room,
            seconds_since_claim=lambda: monotonic() - runner.last_claim,
            seconds_unstored=lambda: runner.late,
            stopping=lambda: runner.stopping,
        )
        self.maintenance = Maintenance(
            runner.id,
            settings,
            health=self.health,
            on_seen=self._seen,
            queues=settings.task_queues,
        )
        self.scheduler = Scheduler(on_sent=self.maintenance.look_again)
        self._figures = figures
        self._registered = False
        self._server: HealthServer | None = None

    async def start(self) -> None:
        """Make the runner known. Raises `SettingsError` when TASK_PORT cannot be had."""
        if self._runner.settings.task_port is not None:
            self._server = HealthServer(self._runner.settings, self.health)
        await register_runner(self.info)
        self._registered = True
        self.heartbeat.start()
        self._figures.watch(self._runner)

    async def run_forever(self) -> None:
        """Look after everything, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.maintenance.run_forever())
            group.create_task(self.scheduler.run_forever())
            group.create_task(EventTeller().run_forever())

    async def stop(self) -> None:
        """Say that the runner has ended, and has no tasks any more."""
        self._figures.unwatch(self._runner)
        if self._server is not None:
            await asyncio.to_thread(self._server.close)
        if not self._registered:
            return
        await self.heartbeat.stop()
        try:
            async with asyncio.timeout(SECONDS_FOR_LAST_WORD):
                await stop_runner(self.info.id)
        except Exception as error:  # it will be found to be lost instead
            log.warning("could not say that the runner ends", error=repr(error))

    def _seen(self, seen: Seen) -> None:
        self._runner.notice(seen.filled)
        self.scheduler.notice(seen)
        for task in seen.cancelled:
            self._runner.cancel(task.id, task.attempt)

    def _lost(self, reason: str) -> None:
        log.warning("others may have the tasks of this runner", reason=reason)
        self._runner.lose()
