"""When a runner takes tasks, and how many: enough to be busy until it comes again, and no more."""

import asyncio
import contextlib
from collections.abc import Iterable
from time import monotonic
from typing import TYPE_CHECKING

import structlog

from app.actions.tasks.claiming import (
    Claimed,
    await_no_tasks,
    await_tasks,
    claim,
    claimed_unheard,
    filled_queues,
)
from app.clock import now
from app.daemons.runner.flushing import AWAY
from app.daemons.runner.held import Held
from app.daemons.runner.lines import Line, Pauses, listen

if TYPE_CHECKING:
    from app.daemons.runner.lanes import Lane
    from app.daemons.runner.runner import Runner

CHANNEL = "workyard_tasks"
POLL = 1.5
"""A runner that waits looks by itself after so many seconds, unless somebody has looked for it."""
FULL_FOR = 0.1
"""Once it has had no room for so long, it asks not to be told of new tasks."""
UNSURE_FOR = 30.0
"""For so long after its connection was lost, PostgreSQL may still come to the end of what was sent through it."""
AHEAD_SECONDS = 0.1
"""It takes as many tasks in advance as it has lately started in this time…"""
MOST_AHEAD = 2000
MOST_AT_ONCE = 1000

log = structlog.get_logger(__name__)


class Claimer:
    """Takes tasks for a runner, from each queue in turn."""

    def __init__(self, runner: "Runner", line: Line) -> None:
        self._runner = runner
        self._line = line
        self._only = frozenset(runner.settings.task_queues)
        self._known: set[str] = set(self._only or runner.broker.get_declared_queues() | {"default"})
        self._filled: dict[str, None] = dict.fromkeys(sorted(self._known))
        """The queues in which there may be tasks, the next one first."""
        self._held_back: dict[str, Lane] = {}
        """The queues whose tasks are for a lane that has no room."""
        self._listed: set[str] = set()
        """The queues of whose new tasks it surely hears…"""
        self._told = False
        """…and whether it may be told of any: what was asked for stays asked when it can no longer be heard."""
        self._unsure_until = self._asked_at = -POLL
        """Until when a claim of ours may be found that we did not hear of, and when we asked last."""
        self._wake = asyncio.Event()
        self._ahead = 0
        self._rounds = 0
        self._started_before, self._counted_at = 0, monotonic()
        self.started = 0
        """How many tasks were started."""
        self.sleeps = False
        """True while it waits for room, or for tasks."""
        self.looked_at = monotonic()
        self._looked_everywhere_at = 0.0

    def wake(self) -> None:
        """Look again."""
        self._wake.set()

    def list_again(self) -> None:
        """Whoever took this runner for lost has seen to it that it is told of nothing: ask again."""
        self._listed.clear()
        self._wake.set()

    def notice(self, queues: Iterable[str]) -> None:
        """These queues have tasks, and no others."""
        self.looked_at = self._looked_everywhere_at = monotonic()
        for queue in queues:
            self._fill(queue)

    def made_room(self) -> None:
        """A task has ended, or gone back."""
        if self.sleeps and self._want() > 0:
            self.sleeps = False
            self._wake.set()

    def hold_back(self, queue: str, lane: "Lane") -> None:
        """Take no more of this queue than the lane has room for: what came of it could not be started."""
        self._held_back[queue] = lane

    async def listen(self) -> None:
        """Hear of new tasks, until cancelled."""
        await listen(self._runner.database, CHANNEL, self._fill, self._listed.clear)

    async def run_forever(self) -> None:
        """Take tasks until the runner stops. A database that is gone is waited for."""
        pauses = Pauses()
        while not self._runner.stopping:
            self._wake.clear()
            try:
                await self._take_unheard()
                if self._want() <= 0:
                    self.looked_at = monotonic()
                    if self._told and not await self._woken(FULL_FOR):
                        await self._unlist()
                elif await self._take_some() or await self._look():
                    continue
            except AWAY as error:
                log.warning("no tasks can be taken now, trying again", error=repr(error))
                self._listed.clear()
                self._unsure_until = monotonic() + UNSURE_FOR
                await pauses.wait()
                continue
            pauses.over()
            await self._woken(POLL)
        await self._unlist()

    async def _woken(self, seconds: float) -> bool:
        """Wait to be woken. False: nobody did, for so long."""
        self.sleeps = True
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return False
        finally:
            self.sleeps = False
        return True

    async def run_once(self) -> int:
        """Take what there is, as much as there is room for."""
        async with self._line.use() as connection:
            self.notice(await filled_queues(connection))
        return await self._take_some()

    def _fill(self, queue: str) -> None:
        if self._only and queue not in self._only:
            return
        self._known.add(queue)
        self._filled[queue] = None
        self._wake.set()

    def _want(self) -> int:
        """How many tasks to take now: nothing until half of what was taken in advance has been started."""
        runner = self._runner
        if runner.waiting > self._ahead // 2 or runner.choked:
            return 0
        return min(runner.room + self._ahead, MOST_AT_ONCE)

    async def _take_some(self) -> int:
        """Take from each filled queue its share. Returns how many were taken."""
        self._count()
        taken = 0
        for queue in list(self._filled):
            want = self._want()
            if want <= 0 or self._runner.stopping:
                break
            taken += await self._take_from(queue, max(1, want // len(self._filled)))
        self._rounds = self._rounds + 1 if taken else 0
        if self._rounds > 1 and self._told:
            await self._unlist()
        return taken

    async def _take_from(self, queue: str, limit: int) -> int:
        lane = self._held_back.get(queue)
        if lane is not None:
            limit = min(limit, lane.free + self._ahead)
            if limit <= 0:
                return 0
        del self._filled[queue]  # before looking: what comes meanwhile fills it again
        async with self._line.use() as connection:
            claimed = await claim(connection, self._runner.id, queue, limit)
        self.looked_at = monotonic()
        if len(claimed) == limit:
            self._filled[queue] = None  # at the end: the others come first
        elif lane is not None:
            self._held_back.pop(queue, None)
        self._take(claimed)
        return len(claimed)

    async def _take_unheard(self) -> None:
        """After a lost connection: take what was claimed without our hearing of it, which nobody else would ever run."""
        time = monotonic()
        if not self._asked_at + POLL < time < self._unsure_until + POLL:
            return
        known = self._runner.known_ids
        async with self._line.use() as connection:
            unheard = await claimed_unheard(connection, self._runner.id, known)
        self._asked_at = time
        if unheard:
            log.warning("took tasks that had been claimed unheard", tasks=len(unheard))
            self._take(unheard)

    def _take(self, claimed: Iterable[Claimed]) -> None:
        runner = self._runner
        claimed_at, consumed_at = monotonic(), now()
        for each in claimed:
            lane, events = runner.lane_of(each.actor_name)
            runner.take(Held(each, events, claimed_at, consumed_at), lane)
        runner.start_waiting()

    async def _look(self) -> bool:
        """Nothing was found: ask to be told, then look once more. True when there is something."""
        if self._filled and any(queue not in self._held_back for queue in self._filled):
            return True
        if self._known - self._listed:
            known = sorted(self._known)
            self._told = True
            async with self._line.use() as connection:
                await await_tasks(connection, self._runner.id, known)
            self._listed.update(known)
        elif monotonic() - self._looked_everywhere_at < POLL:
            return False  # it was listed before it looked last: of whatever came since, it was told
        async with self._line.use() as connection:
            found = await filled_queues(connection)
        self.notice(found)
        return any(queue in self._filled and queue not in self._held_back for queue in found)

    async def _unlist(self) -> None:
        if self._told:
            self._listed.clear()
            with contextlib.suppress(*AWAY):
                async with self._line.use() as connection:
                    await await_no_tasks(connection, self._runner.id)
                self._told = False

    def _count(self) -> None:
        """How fast tasks are started says how many to take in advance."""
        time = monotonic()
        seconds = time - self._counted_at
        if seconds < 0.01:
            return
        rate = (self.started - self._started_before) / seconds
        self._started_before, self._counted_at = self.started, time
        self._ahead = min(max(int(rate * AHEAD_SECONDS), self._ahead // 2), MOST_AHEAD)
