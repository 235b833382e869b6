"""A task that this runner has: from when it was claimed until what became of it is stored."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from time import monotonic

from app.actions.tasks.claiming import Claimed
from app.actions.tasks.finishing import End, Progress, worse
from app.clock import now
from app.models.tasks import LogEvent, LogLevel, TaskState
from app.tasks.outcomes import Outcome
from app.tasks.running import CANCELLED_LINE, GIVEN_BACK_LINE, MACHINERY, RunningTask


class Held:
    """One claimed task. It waits in the runner's buffer until it is `start`ed."""

    __slots__ = (
        "claimed",
        "claimed_at",
        "consumed_at",
        "events",
        "interrupt",
        "number",
        "seen",
        "started_at",
        "stored",
        "task",
        "work",
        "worst_level",
    )

    def __init__(self, claimed: Claimed, events: bool, claimed_at: float, consumed_at: datetime) -> None:
        self.claimed = claimed
        self.claimed_at = claimed_at
        """By the monotonic clock; `consumed_at` by the other."""
        self.consumed_at = consumed_at
        self.started_at = 0.0
        """By the monotonic clock; 0: it has not begun."""
        self.events = events
        self.number = claimed.log_count + 1
        """Of the next line of its log."""
        self.worst_level = claimed.worst_level
        self.stored = self.seen = TaskState.CONSUMED
        self.task: RunningTask | None = None
        self.work: asyncio.Task[None] | None = None
        self.interrupt: Callable[[type[BaseException]], object] | None = None
        """Stops what runs in a thread or a process; None: the coroutine runs here."""

    def start(self) -> RunningTask:
        """It is about to run."""
        claimed = self.claimed
        self.started_at = monotonic()
        self.task = RunningTask(
            claimed.id,
            claimed.message_id,
            claimed.queue_name,
            claimed.actor_name,
            claimed.message,
            tenant_id=claimed.tenant_id,
            workspace_id=claimed.workspace_id,
            label=claimed.uid,
            rel_obj=(claimed.app_label, claimed.model, claimed.rel_obj_id)  # type: ignore[arg-type]
            if claimed.rel_obj_id is not None
            else None,
            attempt=claimed.attempt,
            retries=claimed.retries,
            crashes=claimed.crashes,
            consumed_at=self.consumed_at,
        )
        return self.task

    def interrupt_by(self, interrupt: Callable[[type[BaseException]], object]) -> None:
        """From now on it is stopped like this, and not by cancelling."""
        self.interrupt = interrupt

    def stop(self, error: type[BaseException]) -> None:
        """Make it end soon: raise an error in its thread, kill its process, or cancel its coroutine."""
        if self.interrupt is not None:
            self.interrupt(error)
        elif self.work is not None:
            # Not at once: a coroutine that is cancelled before it begins never runs, not even to tell of it.
            asyncio.get_running_loop().call_soon(self._cancel)

    def _cancel(self) -> None:
        if self.work is not None and self.task is not None and not self.task.closed:
            self.work.cancel()

    def progress(self) -> Progress | None:
        """What is to be told of it while it runs: a state that it has been in for a while, and what it logged; None: nothing."""
        task = self.task
        if task is None or task.closed:
            return None
        lasting = task.state is self.seen and task.state is not self.stored
        self.seen = task.state
        return self.told(task) if lasting or task.lines else None

    def told(self, task: RunningTask) -> Progress:
        """Where it is now, and what it logged since it was last asked."""
        lines = task.take_lines()
        self.worst_level = worse(self.worst_level, lines)
        self.stored = self.seen = task.state
        report = Progress(
            self.claimed,
            task.state,
            task.take_transitions(),
            lines,
            self.number,
            self.worst_level,
            self.events,
        )
        self.number += len(lines)
        return report

    def ended(self, outcome: Outcome, keep: float) -> End:
        """What is to be stored of its end. What is queued again begins a new part of its log."""
        if outcome.logs:
            self.worst_level = worse(self.worst_level, outcome.logs)
        return End(
            self.claimed,
            outcome,
            self.number,
            self.worst_level,
            keep if outcome.keep is None else outcome.keep,
            outcome.state is TaskState.QUEUED,
        )

    def given_back(self, keep: float) -> End:
        """It has not begun, and goes back into its queue as if nothing had been."""
        transitions = [(TaskState.CONSUMED, self.consumed_at), (TaskState.QUEUED, now())]
        outcome = Outcome(
            TaskState.QUEUED,
            self.claimed.retries,
            transitions=transitions,
            reason="given_back",
            events=self.events,
        )
        return End(self.claimed, outcome, self.number, self.worst_level, keep)

    def abandoned(self, task: RunningTask, keep: float) -> End:
        """It does not stop: what it still does is not accepted, and it goes back into its queue."""
        task.closed = True
        if self.work is not None:
            self.work.cancel()
        task.become(TaskState.QUEUED)
        outcome = Outcome(
            TaskState.QUEUED,
            task.retries,
            task.take_lines(),
            task.take_transitions(),
            reason="given_back",
            requeued=LogEvent(GIVEN_BACK_LINE, LogLevel.INFO, MACHINERY),
            events=self.events,
        )
        return self.ended(outcome, keep)

    def cancelled(self, keep: float) -> End:
        """It was cancelled before it began."""
        line = LogEvent(CANCELLED_LINE, LogLevel.WARNING, MACHINERY)
        outcome = Outcome(
            TaskState.REJECTED,
            self.claimed.retries,
            [line],
            [(TaskState.CONSUMED, self.consumed_at), (TaskState.REJECTED, line.timestamp)],
            events=self.events,
        )
        return self.ended(outcome, keep)
