"""What every runner does for all: it looks once a second for tasks that are due, and every ten for tasks that were lost.

Clearing away is a chore, which is a task itself; this is what tasks themselves rest on.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from time import monotonic
from uuid import UUID

import structlog

from app.actions.tasks.promoting import Seen, look_for_tasks
from app.actions.tasks.recovering import recover_lost_tasks
from app.daemons.runner.health import RunnerHealth
from app.daemons.runner.waits import within
from app.settings import Settings

LOOK_EVERY = 1.0
SOONEST = 0.005
TURN_EVERY = 1.0
PAUSE_BETWEEN_BATCHES = 0.02
SPARED = 10.0
"""Seconds after the database was away within which nobody is taken for lost: nobody could be heard meanwhile."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Job:
    """Something to do again and again. `run` returns true when there is more of it to do at once."""

    name: str
    run: Callable[[], Awaitable[bool]]
    every: float
    """Seconds, from which it strays by a fifth, so that runners do not move in step."""


class Maintenance:
    """One per runner. `on_seen` is called on the loop after each look, with what it found: what waits in which queue, and
    which tasks are to be stopped. `queues` are those that the runner serves; none: all.
    """

    def __init__(
        self,
        worker_id: UUID,
        settings: Settings,
        *,
        health: RunnerHealth,
        on_seen: Callable[[Seen], None] = lambda _: None,
        queues: Collection[str] = (),
        jobs: Sequence[Job] = (),
    ) -> None:
        self._worker_id = worker_id
        self._keep_days = settings.task_retention_days
        self._health = health
        self._on_seen = on_seen
        self._queues = frozenset(queues)
        self._spare_until = 0.0
        self._again = asyncio.Event()
        self.jobs = (
            Job("take back lost tasks", self.recover, 10),
            *jobs,
        )

    async def run_once(self) -> Seen:
        """Look once, and say what was seen."""
        try:
            seen = await look_for_tasks(self._worker_id)
        except BaseException:
            self._spare_until = monotonic() + SPARED
            raise
        self._health.looked(
            item for item in seen.filled.items() if not self._queues or item[0] in self._queues
        )
        self._on_seen(seen)
        return seen

    def look_again(self) -> None:
        """Do not wait for the next look's time: something may be due before."""
        self._again.set()

    async def run_forever(self) -> None:
        """Until cancelled. A database that is away is waited for."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._look_forever())
            group.create_task(self._turn_forever())
            for job in self.jobs:
                group.create_task(self._repeat(job))

    async def recover(self) -> bool:
        """Take back tasks of lost runners, unless nobody could be heard until just now."""
        if monotonic() < self._spare_until:
            return False
        return (await recover_lost_tasks(self._keep_days, spare_seconds=SPARED)).more

    async def _look_forever(self) -> None:
        while True:
            try:
                seen = await self.run_once()
            except Exception as error:  # whatever it is, the tasks are still there
                log.warning("could not look for tasks, trying again", error=repr(error))
                await asyncio.sleep(LOOK_EVERY * random.uniform(0.5, 1.5))
                continue
            await within(_pause(seen), self._again.wait())
            self._again.clear()

    async def _turn_forever(self) -> None:
        while True:
            self._health.turned()
            await asyncio.sleep(TURN_EVERY)

    async def _repeat(self, job: Job) -> None:
        await asyncio.sleep(job.every * random.uniform(0, 0.2))
        while True:
            more = False
            try:
                more = await job.run()
            except Exception as error:  # the next time may succeed
                log.warning("a job failed, trying again later", job=job.name, error=repr(error))
            await asyncio.sleep(PAUSE_BETWEEN_BATCHES if more else job.every * random.uniform(0.8, 1.2))


def _pause(seen: Seen) -> float:
    """Seconds until the next look: a second, or until the next task or schedule is due."""
    if seen.more:
        return 0
    pause = LOOK_EVERY
    if seen.seconds_to_next is not None:
        pause = min(pause, max(SOONEST, seen.seconds_to_next))
    if seen.seconds_to_schedule is not None and seen.seconds_to_schedule > 0:  # what is due is being sent
        pause = min(pause, max(SOONEST, seen.seconds_to_schedule))
    return pause
