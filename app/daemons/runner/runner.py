"""The task runner: takes tasks, runs them, reports what became of them, all at the same time and many at once."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterable, Sequence
from contextvars import copy_context
from functools import partial
from time import monotonic
from typing import Any, Protocol
from uuid import UUID

import dramatiq
import structlog
from dramatiq.errors import ActorNotFound
from dramatiq.middleware import CurrentMessage, Shutdown
from uuid_utils.compat import uuid7

from app.actions.tasks.finishing import Report
from app.daemons.runner.claiming import Claimer
from app.daemons.runner.flushing import Flusher
from app.daemons.runner.held import Held
from app.daemons.runner.lanes import Lane
from app.daemons.runner.life import RunnerLife
from app.daemons.runner.lines import Line
from app.daemons.runner.processes import Processes
from app.daemons.runner.threads import Threads
from app.daemons.runner.waits import end, first_of, within
from app.database import Database
from app.models.tasks import IN_WORK
from app.settings import Settings
from app.tasks.broker import TaskBroker, broker
from app.tasks.messages import Message
from app.tasks.outcomes import Outcome, refuse
from app.tasks.processing import process
from app.tasks.running import RunningTask, TaskCancelled

WATCH_EVERY = 0.05
"""How often running tasks are looked at for what is to be told of them: a state that lasts, and lines of their logs."""
RUNS_AT_ONCE = 50
"""So many tasks that wait for nothing run before the loop looks at anything else: what PostgreSQL has answered, say."""
STARTS_AT_ONCE = 16
"""So many tasks are started beside each other before it is seen whether they wait for anything."""
UNSTARTED_FOR = 1.0
"""A task that could not be started for so long goes back, so that another runner may have it."""
LAST_WORDS = 5.0
"""How long stopped tasks may take to end, and the last reports to be stored."""

log = structlog.get_logger(__name__)


class Companion(Protocol):
    """What a runner does beside running tasks: saying that it lives, looking for what is due, and so on."""

    async def start(self) -> None:
        """Before the first task is taken. What it raises keeps the runner from starting."""

    async def run_forever(self) -> None:
        """While tasks are run, until cancelled."""

    async def stop(self) -> None:
        """After the last report was stored."""


class Runner:
    """One per process. Known to others by `id`, which is new for each."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        *,
        broker: TaskBroker = broker,
        companions: Sequence[Callable[["Runner"], Companion]] = (RunnerLife,),
    ) -> None:
        self.id: UUID = uuid7()
        self.database = database
        self.settings = settings
        self.broker = broker
        self.stopping = False
        self.observers: list[Callable[[Held, Outcome], None]] = []
        """Called with each task that has ended, and how."""
        self._companions = [make(self) for make in companions]
        self._held: dict[int, Held] = {}
        self._loop_lane = Lane(settings.task_concurrency)
        self._thread_lane = Lane(min(settings.task_threads, settings.task_concurrency))
        self._process_lane = Lane(min(settings.task_processes, settings.task_concurrency))
        self._lanes = (self._loop_lane, self._thread_lane, self._process_lane)
        self._threads = Threads(settings.task_threads)
        self._processes = Processes(settings.task_processes, settings.task_modules)
        self._keep = settings.task_retention_days * 86_400.0
        self._persist_all = settings.task_persist_states == "all"
        self._claim_line, self._flush_line = Line("claim", database), Line("flush", database)
        self._flusher = Flusher(self._flush_line, self.id, self._busy, self._stored)
        self._claimer = Claimer(self, self._claim_line)
        self._running = 0
        self._turn = 0
        """How many tasks have begun since the loop last looked at anything else."""
        self._starting = False
        self._context = copy_context()
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._started, self._to_stop, self._ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    # What others want to know, and to say ---------------------------------------------------------------------------

    @property
    def running(self) -> int:
        """How many tasks run."""
        return self._running

    def in_progress(self) -> list[Held]:
        """The tasks that run, as any thread may ask."""
        return [held for held in list(self._held.values()) if held.task is not None]

    @property
    def waiting(self) -> int:
        """How many tasks it has taken that could not be started yet."""
        return len(self._held) - self._running

    @property
    def known_ids(self) -> list[int]:
        """The tasks that it has, and those of which reports are not stored yet."""
        return [*self._held, *self._flusher.task_ids]

    @property
    def unstored(self) -> int:
        """How many reports are not stored yet."""
        return len(self._flusher)

    @property
    def late(self) -> float:
        """Seconds for which there have been reports and none could be stored."""
        return self._flusher.late

    @property
    def room(self) -> int:
        """How many more tasks it could have; below 0 when it has some in advance."""
        return self.settings.task_concurrency - len(self._held)

    @property
    def choked(self) -> bool:
        """True while so much waits to be stored that no more tasks are taken."""
        return self._flusher.full

    @property
    def started_tasks(self) -> int:
        """How many tasks it has started since it was made."""
        return self._claimer.started

    @property
    def last_claim(self) -> float:
        """When it last looked for tasks, or had no room for any; by the monotonic clock."""
        return self._claimer.looked_at

    def notice(self, queues: Iterable[str]) -> None:
        """Say which queues have tasks, after looking: no other look is needed for a second."""
        self._claimer.notice(queues)

    def cancel(self, task_id: int, attempt: int) -> bool:
        """Stop a task that somebody cancelled: it is rejected. False when it is not here."""
        held = self._held.get(task_id)
        if held is None or held.claimed.attempt != attempt:
            return False
        if held.task is None:
            self._take_out(held)
            self._put(held.cancelled(self._keep))
        elif not held.task.cancelled:
            held.task.cancelled = True
            held.stop(TaskCancelled)
        return True

    def lose(self) -> None:
        """Stop all tasks, because others must think that this runner is lost and may have taken them."""
        log.error("this runner was not heard of for too long: stopping its tasks", tasks=len(self._held))
        self._give_back_waiting()
        self._stop_running()
        self._claimer.list_again()

    # Its life -------------------------------------------------------------------------------------------------------

    async def run_forever(self) -> None:
        """Run tasks until `stop` is called, or this is cancelled, which waits for no task."""
        work: list[asyncio.Task[None]] = []
        flushing = asyncio.create_task(self._flusher.run_forever())
        claiming: asyncio.Task[None] | None = None
        grace = 0.0
        try:
            for companion in self._companions:
                await companion.start()
            claiming = asyncio.create_task(self._claimer.run_forever())
            work = [asyncio.create_task(each) for each in self._work_beside()]
            self._started.set()
            await first_of(self._to_stop, [claiming, flushing, *work])
            grace = float(self.settings.task_grace_seconds)
        finally:
            try:
                await self._shut_down(claiming, flushing, work, grace)
            finally:
                self._started.set()
                self._ended.set()

    async def wait_until_running(self) -> None:
        """Return when it takes tasks."""
        await self._started.wait()

    async def stop(self) -> None:
        """Take no more tasks, give back those not begun, let the others end within TASK_GRACE_SECONDS, and return when all is
        stored."""
        self.request_stop()
        await self._ended.wait()

    def request_stop(self) -> None:
        """Begin to stop."""
        self.stopping = True
        self._to_stop.set()
        self._claimer.wake()

    def hurry(self) -> None:
        """Wait no longer for what runs: stop it, and give it back."""
        self.request_stop()
        self._give_back_waiting()
        self._stop_running()

    async def run_once(self) -> int:
        """Take what there is to run, as much as there is room for, run it, and store what became of it. Returns how much."""
        flushing = asyncio.create_task(self._flusher.run_forever())
        watching = asyncio.create_task(self._watch())
        try:
            taken = await self._claimer.run_once()
            await self._quiet.wait()
            await self._flusher.drained()
        finally:
            await end(flushing, watching)
        return taken

    async def close(self) -> None:
        """End its connections, threads and processes. After `run_once`; `run_forever` does it at its end."""
        self._threads.close()
        await self._processes.close()
        await self._claim_line.close()
        await self._flush_line.close()

    def _work_beside(self) -> Iterable[Coroutine[Any, Any, None]]:
        yield self._watch()
        yield self._claimer.listen()
        for companion in self._companions:
            yield companion.run_forever()

    async def _shut_down(
        self,
        claiming: "asyncio.Task[None] | None",
        flushing: "asyncio.Task[None]",
        work: list["asyncio.Task[None]"],
        grace: float,
    ) -> None:
        self.stopping = True
        self._claimer.wake()
        if claiming is not None:
            await asyncio.wait([claiming])  # never cancelled: what it is just taking would belong to nobody
        self._give_back_waiting()
        if not await within(grace, self._quiet.wait()):
            self._stop_running()
            if not await within(LAST_WORDS, self._quiet.wait()):
                self._abandon()
        if not await within(LAST_WORDS, self._flusher.drained()):
            log.error(
                "ended before all was stored: other runners will run these again", tasks=len(self._flusher)
            )
        for companion in self._companions:
            await companion.stop()
        await end(flushing, *work)
        await self.close()
        for task in (claiming, flushing, *work):
            if task is not None and not task.cancelled() and (error := task.exception()) is not None:
                raise error

    # Tasks ----------------------------------------------------------------------------------------------------------

    def take(self, held: Held, lane: Lane) -> None:
        """Have a claimed task run, now or when its lane has room."""
        before = self._held.get(held.claimed.id)
        if (
            before is not None
        ):  # this runner was taken for lost: what it said of the last attempt would be refused
            self._give_up(before)
        self._held[held.claimed.id] = held
        self._quiet.clear()
        lane.waiting.append(held)

    def lane_of(self, actor_name: str) -> tuple[Lane, bool]:
        """Where the tasks of an actor run, and whether they cause events."""
        try:
            plan = self.broker.plan(actor_name)
        except ActorNotFound:
            return self._loop_lane, True
        if plan.function is not None:
            return self._loop_lane, plan.events
        process = plan.actor.options.get("process")
        return (self._process_lane if process else self._thread_lane), plan.events

    def start_waiting(self) -> None:
        """Start what may be started. Not all at once: one after the other costs less, where tasks wait for nothing."""
        if not self._starting:
            self._start_some()

    def _start_some(self) -> None:
        self._starting = False
        if self.stopping:
            return
        for lane in self._lanes:
            started = 0
            while lane.waiting and lane.running < lane.limit and self._running < self._loop_lane.limit:
                if lane.pausing or started == STARTS_AT_ONCE:
                    self._starting = True
                    break
                self._start(lane.waiting.popleft(), lane)
                started += 1
        if self._starting:
            asyncio.get_running_loop().call_soon(self._start_some)

    def _start(self, held: Held, lane: Lane) -> None:
        lane.running += 1
        self._running += 1
        # Not in the context of whoever ended and made room for it.
        work = self._work(held, lane, self._begin(held))
        held.work = asyncio.create_task(work, context=self._context.copy())

    def _begin(self, held: Held) -> RunningTask:
        self._claimer.started += 1
        if not self._turn:
            asyncio.get_running_loop().call_soon(self._end_turn)
        self._turn += 1
        task = held.start()
        if self._persist_all:
            self._tell_state(held, task)
            task.on_state = partial(self._tell_state, held)
        return task

    def _end_turn(self) -> None:
        self._turn = 0

    async def _work(self, held: Held, lane: Lane, task: RunningTask) -> None:
        """Run one task after the other for as long as some wait. What one leaves behind in the context, the next does not see."""
        CurrentMessage._MESSAGE.set(None)  # as `process` leaves it
        clean = copy_context()
        while await self._run(held, task) and lane.waiting and not self.stopping and copy_context() == clean:
            if self._turn >= RUNS_AT_ONCE:
                if lane.pausing:
                    break
                lane.pausing = True
                try:
                    await asyncio.sleep(0)
                finally:
                    lane.pausing = False
                if not lane.waiting or self.stopping:
                    break
            before, held = held, lane.waiting.popleft()
            held.work = before.work
            task = self._begin(held)
        lane.running -= 1
        self._running -= 1
        if not self._held:
            self._quiet.set()
            self._flusher.hurry()
        elif len(self._held) > self._running:
            self.start_waiting()
        self._claimer.made_room()

    async def _run(self, held: Held, task: RunningTask) -> bool:
        """Run one task to its end: nothing but this ends it. False when it went so wrong that no other should follow here."""
        whole = True
        try:
            outcome = await process(task, partial(self._run_plain, held), self.broker)
        except (Exception, asyncio.CancelledError) as error:
            # A fault of ours, or an actor that cancels itself: the task must not be run again and again for it.
            log.exception("a task could not be run", task=task.id, actor=task.actor_name)
            task.closed, whole = False, False
            outcome = refuse(task, error)
        if self._held.get(task.id) is not held:
            return False  # it was given up, or taken anew after this runner was taken for lost
        del self._held[task.id]
        self._flusher.put(held.ended(outcome, self._keep))
        for observer in self.observers:
            observer(held, outcome)
        if self._claimer.sleeps:
            self._claimer.made_room()
        return whole

    async def _run_plain(
        self, held: Held, actor: "dramatiq.Actor[..., Any]", message: Message, limit: float | None
    ) -> Any:
        """Run a plain function, in a thread or a process."""
        assert held.task is not None
        try:
            if actor.options.get("process"):
                return await self._processes.run(held.task, limit, held.interrupt_by)
            function = partial(actor.fn, *message.args, **message.kwargs)
            return await self._threads.run(function, limit, held.interrupt_by)
        finally:
            held.interrupt = None

    def _tell_state(self, held: Held, task: RunningTask) -> None:
        if task.state in IN_WORK:
            self._flusher.put(held.told(task))

    async def _watch(self) -> None:
        """Tell of what lasts, and give back what cannot be started."""
        while True:
            await asyncio.sleep(WATCH_EVERY)
            for held in list(self._held.values()) if self._running else ():
                report = held.progress()
                if report is not None:
                    self._flusher.put(report)
            self._give_back_late()

    def _give_back_late(self) -> None:
        long_ago = monotonic() - UNSTARTED_FOR
        for lane in self._lanes:
            while lane.waiting and lane.waiting[0].claimed_at < long_ago:
                held = lane.waiting[0]
                self._claimer.hold_back(held.claimed.queue_name, lane)
                self._give_back(held)

    def _give_back_waiting(self) -> None:
        for held in [held for held in self._held.values() if held.task is None]:
            self._give_back(held)

    def _give_back(self, held: Held) -> None:
        self._take_out(held)
        self._put(held.given_back(self._keep))

    def _give_up(self, held: Held) -> None:
        """Drop it: another attempt of the task has begun."""
        if held.task is None:
            self._take_out(held)
        elif not held.task.given_back:
            held.task.given_back = True
            held.stop(Shutdown)

    def _take_out(self, held: Held) -> None:
        for lane in self._lanes:
            with contextlib.suppress(ValueError):
                lane.waiting.remove(held)
        del self._held[held.claimed.id]
        if not self._held:
            self._quiet.set()

    def _put(self, report: Report) -> None:
        self._flusher.put(report)
        self._claimer.made_room()

    def _stop_running(self) -> None:
        for held in list(self._held.values()):
            if held.task is not None and not held.task.given_back:
                held.task.given_back = True
                held.stop(Shutdown)

    def _abandon(self) -> None:
        """Give back what does not end. Its thread may go on for a while; what it does then is not stored."""
        for held in list(self._held.values()):
            task = held.task
            if task is None or task.closed:
                continue
            log.warning(
                "a task does not stop: another runner will run it too", task=task.id, actor=task.actor_name
            )
            del self._held[task.id]
            self._put(held.abandoned(task, self._keep))

    def _busy(self) -> bool:
        return bool(self._held)

    def _stored(self, reports: list[Report]) -> None:
        self._claimer.made_room()
