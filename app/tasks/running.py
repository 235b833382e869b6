"""The task that runs here: what its actor sees through `current_task()`, and what the engine collects from it."""

import asyncio
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any
from uuid import UUID

from dramatiq.errors import Retry
from dramatiq.middleware import Interrupt

from app.clock import now
from app.models.tasks import LogEvent, LogLevel, TaskState
from app.tasks.sanitizing import clean_event, describe_exception, sanitize

if TYPE_CHECKING:
    from app.tasks.messages import Counted, Message, NewGroup, NewTask, Triple

INFO = LogLevel.INFO
MAX_UID_LENGTH = 1000

MAX_WAITING_LINES = 10_000
"""So many lines of a task wait to be stored, at most; those after them are counted, not kept."""

MACHINERY = "workyard.tasks"
"""The logger of the lines that the engine writes."""

QUEUED_LINE = "Task has been queued"
PROCESSING_LINE = "Task is being processed"
FINISHED_LINE = "Task has finished"
SKIPPED_LINE = "Task has been skipped"
CANCELLED_LINE = "Task has been cancelled"
RETRY_LINE = "Task will be retried"
GIVEN_BACK_LINE = "Task has been given back, because its runner stops"
ASKED_LINE = "Task has met an error and asked to be retried"


class NoCurrentTask(RuntimeError):
    """`current_task()` was called where no task runs."""


class TaskCancelled(Interrupt):
    """Raised in a task that somebody cancelled. Like any `Interrupt`, it is no `Exception`: let it pass."""


class RunningTask:
    """A task, while this process has it. Its methods may be called from any thread that works for the task."""

    __slots__ = (
        "_decoded",
        "_dropped",
        "_label",
        "_label_changed",
        "actor_name",
        "attempt",
        "body",
        "cancelled",
        "closed",
        "counted",
        "crashes",
        "effects",
        "given_back",
        "groups",
        "id",
        "lines",
        "message_id",
        "on_state",
        "queue_name",
        "rel_obj",
        "retries",
        "retry",
        "state",
        "tenant_id",
        "transitions",
        "workspace_id",
    )

    def __init__(
        self,
        id: int,
        message_id: UUID,
        queue_name: str,
        actor_name: str,
        body: bytes,
        *,
        tenant_id: int,
        workspace_id: int | None = None,
        label: str | None = None,
        rel_obj: "Triple | None" = None,
        attempt: int = 1,
        retries: int = 0,
        crashes: int = 0,
        consumed_at: datetime | None = None,
    ) -> None:
        self.id = id
        self.message_id = message_id
        self.queue_name = queue_name
        self.actor_name = actor_name
        self.body = body
        """The message as stored; `message` is it decoded."""
        self.tenant_id = tenant_id
        self.workspace_id = workspace_id
        self.rel_obj = rel_obj
        """(app_label, model, id)"""
        self.attempt = attempt
        """Which attempt this is, from 1. Grows with retries and lost runners alike: use it to be idempotent."""
        self.retries = retries
        self.crashes = crashes
        self.cancelled = False
        """True: somebody wants it stopped. A task in a thread looks here now and then, or calls `stop_if_cancelled()`."""
        self.given_back = False
        """True: its runner stops, and another will run it again; it costs no retry."""
        self.closed = False
        """True: its outcome is known, and what is sent from now on would be lost."""
        self.effects: list[NewTask] = []
        """What it has sent without awaiting: stored together with its end, or never."""
        self.groups: tuple[NewGroup, ...] = ()
        """Groups whose members are among the effects, and which call back."""
        self.counted: Counted | None = None
        """The group that it is one of, if it returns and the group calls back."""
        self.retry: tuple[datetime | None, int] | None = None
        """When it wants to be run again, and in how many milliseconds that was when it said so."""
        self.state = TaskState.CONSUMED
        self.transitions: list[tuple[TaskState, datetime]] = []
        """The states since the engine last looked, each with its time."""
        if consumed_at is not None:
            self.transitions.append((TaskState.CONSUMED, consumed_at))
        self.on_state: Callable[[RunningTask], None] | None = None
        """Called after each change of state, if set; in the event loop."""
        self.lines: list[LogEvent] = []
        self._dropped = 0
        self._label = label
        self._label_changed = False
        self._decoded: Message | None = None

    @property
    def message(self) -> "Message":
        """The message. Raises `UndecodableMessage`."""
        if self._decoded is None:
            self._decoded = _decoder()(self.body)
        return self._decoded

    @property
    def uid(self) -> str:
        """The actor's name, and the caller's label if there is one."""
        return f"{self.actor_name}:{self._label}" if self._label else self.actor_name

    @property
    def new_label(self) -> str | None:
        """The label that the actor gave it, for the engine to store; None: it gave none."""
        return self._label if self._label_changed else None

    def set_uid(self, uid: str | UUID) -> None:
        """Label the task. Stored when it ends."""
        self._label = str(uid).replace("\0", "")[:MAX_UID_LENGTH]
        self._label_changed = True

    def info(self, message: str | BaseException, **attributes: Any) -> None:
        """Log a line. An exception becomes its text, and `exception` among the attributes its traceback."""
        self.log(self.uid, LogLevel.INFO, message, **attributes)

    def warning(self, message: str | BaseException, **attributes: Any) -> None:
        """Log a line. Once it is done, the status of the task is at least `warning`."""
        self.log(self.uid, LogLevel.WARNING, message, **attributes)

    def error(self, message: str | BaseException, **attributes: Any) -> None:
        """Log a line. Once it is done, the status of the task is `error`; only raising makes it fail."""
        self.log(self.uid, LogLevel.ERROR, message, **attributes)

    def debug(self, message: str | BaseException, **attributes: Any) -> None:
        """Log a line that does not count towards the status."""
        self.log(self.uid, LogLevel.DEBUG, message, **attributes)

    def log(
        self, logger: str, log_level: LogLevel | str, message: str | BaseException, **attributes: Any
    ) -> None:
        """Log a line under a logger's name. Attributes are brought to JSON, and secrets among them blacked out."""
        if isinstance(message, BaseException):
            error = message
            attributes = {"exception": describe_exception(error), **attributes}
            message = str(error) or (ASKED_LINE if isinstance(error, Retry) else type(error).__name__)
        self._append(
            LogEvent(
                clean_event(message),
                LogLevel(log_level),
                clean_event(logger),
                now(),
                sanitize(attributes) if attributes else attributes,
            )
        )

    def logs(self, events: Iterable[LogEvent]) -> None:
        """Log lines that were made elsewhere, in their order, each with its own time."""
        for event in events:
            self._append(
                LogEvent(
                    clean_event(event.event),
                    LogLevel(event.log_level),
                    clean_event(event.logger),
                    event.timestamp,
                    sanitize(event.attributes),
                )
            )

    def stop_if_cancelled(self) -> None:
        """Raise `TaskCancelled` when somebody wants it stopped: for loops in threads, which nobody else can stop."""
        if self.cancelled:
            raise TaskCancelled(CANCELLED_LINE)

    def retry_in(self, delay_ms: float | None) -> None:
        """Want to be run again, after so long. For the engine."""
        delay = max(0, int(delay_ms or 0))
        self.retry = (now() + timedelta(milliseconds=delay) if delay else None, delay)

    def become(self, state: TaskState, at: datetime | None = None) -> None:
        """Enter a state. For the engine."""
        self.state = state
        self.transitions.append((state, at or now()))
        if self.on_state is not None:
            self.on_state(self)

    def take_lines(self) -> list[LogEvent]:
        """The lines since this was last called. For the engine, while threads go on logging."""
        count = len(self.lines)
        lines = self.lines[:count]
        del self.lines[:count]
        if self._dropped:
            dropped, self._dropped = self._dropped, 0
            lines.append(
                LogEvent(f"{dropped} lines were dropped: they came too fast", LogLevel.WARNING, MACHINERY)
            )
        return lines

    def take_transitions(self) -> list[tuple[TaskState, datetime]]:
        """The states since this was last called, each with its time. For the engine."""
        taken, self.transitions = self.transitions, []
        return taken

    def _append(self, line: LogEvent) -> None:
        if self.closed:
            return  # as upstream: nothing is added to what has ended
        if len(self.lines) < MAX_WAITING_LINES:
            self.lines.append(line)
        else:
            self._dropped += 1


@cache
def _decoder() -> "Callable[[bytes], Message]":
    from app.tasks.messages import decode  # which needs the variable of this module

    return decode


def machinery_line(event: str, at: datetime) -> LogEvent:
    """A line of the engine's own."""
    return LogEvent(event, INFO, MACHINERY, at, {})


current: ContextVar[RunningTask | None] = ContextVar("current_task", default=None)
"""The task that runs here. Threads that work for a task are given its context."""


def current_task() -> RunningTask:
    """The task that this code runs for. Raises `NoCurrentTask` where none runs."""
    task = current.get()
    if task is None:
        raise NoCurrentTask("No task runs here: current_task() is for actors that a task runner runs.")
    return task


def on_event_loop() -> bool:
    """True in code that an event loop runs, which must not wait."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
