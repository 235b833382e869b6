"""What is to be stored of one run of a task, and how it is found out of what the run has left behind."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from dramatiq import MessageProxy

from app.clock import now
from app.errors import AppError
from app.models.tasks import LogEvent, LogLevel, TaskState
from app.tasks.messages import Counted, NewGroup, NewTask, encode, to_json
from app.tasks.plans import Plan
from app.tasks.running import FINISHED_LINE, MACHINERY, RETRY_LINE, RunningTask, machinery_line

MAX_RESULT_BYTES = 1024 * 1024
MAX_TRACEBACK_LENGTH = 8192

# Taken out of their class once: that costs more than anything else that is done with them.
POSTPROCESS, DONE = TaskState.POSTPROCESS, TaskState.DONE


@dataclass(slots=True)
class Outcome:
    """What is to be stored of one run, in one transaction, provided that the task is still this runner's."""

    state: TaskState
    """DONE, REJECTED, or QUEUED: it is to be run again."""
    retries: int = 0
    logs: list[LogEvent] = field(default_factory=list)
    """Lines of this attempt that are not stored yet."""
    transitions: list[tuple[TaskState, datetime]] = field(default_factory=list)
    """States that are not told yet, each with its time; the last is `state`."""
    effects: list[NewTask] = field(default_factory=list)
    """Tasks that it has sent."""
    groups: Sequence[NewGroup] = ()
    """Groups of tasks that it has sent, and which call back."""
    counted: Counted | None = None
    """The group that it counts for, being done."""
    message: bytes | None = None
    """What the row's message becomes; None: what it was, or, when it is done, nothing."""
    result: bytes | None = None
    result_ttl: float | None = None
    """Seconds; None: there is no result."""
    keep: float | None = None
    """Seconds for which the row is kept once it is final; None: as the settings say."""
    eta: datetime | None = None
    reason: str | None = None
    """Why it is queued again: retry or given_back."""
    requeued: LogEvent | None = None
    """The line that follows when it is queued again: the first of the next attempt, written after the rotation."""
    label: str | None = None
    """What the actor gave as its uid; None: nothing."""
    log: bool = True
    events: bool = True


def refuse(task: RunningTask, message: str | BaseException) -> Outcome:
    """The outcome of a task that cannot be run at all."""
    task.error(message)
    return end(task, TaskState.REJECTED, None)


def done_quietly(task: RunningTask, plan: Plan) -> Outcome:
    """`done`, for most tasks: nothing is asked that the plan has answered."""
    at = now()
    lines = task.take_lines() if task.lines else []
    if plan.log:
        lines.append(machinery_line(FINISHED_LINE, at))
    transitions = task.transitions
    transitions += ((POSTPROCESS, at), (DONE, at))
    task.transitions, task.state, task.closed = [], DONE, True
    return Outcome(
        DONE,
        task.retries,
        lines,
        transitions,
        task.effects,
        task.groups,
        task.counted,
        keep=plan.keep,
        label=task.new_label,
        log=plan.log,
        events=plan.events,
    )


def done(task: RunningTask, plan: Plan, at: datetime) -> Outcome:
    """It ended well, and is over."""
    if plan.log:
        task.lines.append(machinery_line(FINISHED_LINE, at))
    return end(task, TaskState.DONE, plan, at=at)


def again(task: RunningTask, plan: Plan, proxy: MessageProxy) -> Outcome:
    """It is tried again, as a middleware has said with `task.retry`."""
    assert task.retry is not None
    eta, delay = task.retry
    retries = proxy.options.get("retries", 0)
    outcome = end(task, TaskState.QUEUED, plan, stored_message(task))
    outcome.retries, outcome.eta, outcome.reason = retries, eta, "retry"
    if plan.log:
        outcome.requeued = LogEvent(
            RETRY_LINE, LogLevel.INFO, MACHINERY, attributes={"delay": delay, "retries": retries}
        )
    return outcome


def end(
    task: RunningTask,
    state: TaskState,
    plan: Plan | None,
    message: bytes | None = None,
    at: datetime | None = None,
) -> Outcome:
    """It is in this state now, and nothing is accepted from it any more."""
    task.become(state, at)
    task.closed = True
    return Outcome(
        state=state,
        retries=task.retries,
        logs=task.take_lines(),
        transitions=task.take_transitions(),
        effects=task.effects,
        groups=task.groups,
        counted=task.counted if state is TaskState.DONE else None,
        message=message,
        keep=plan.keep if plan is not None else None,
        label=task.new_label,
        log=plan.log if plan is not None else True,
        events=plan.events if plan is not None else True,
    )


def stored_result(task: RunningTask, result: Any) -> bytes | None:
    """What the actor returned, as JSON; None, with a warning in the task's log, when it cannot be kept."""
    encoded = to_json(result)
    if encoded is None:
        task.warning(f"The result is not kept: it is no JSON, but of the type {type(result).__name__}")
    elif len(encoded) > MAX_RESULT_BYTES:
        task.warning(
            f"The result is not kept: it has {len(encoded):,} bytes, and at most {MAX_RESULT_BYTES:,} are"
        )
    else:
        return encoded
    return None


def stored_message(task: RunningTask) -> bytes | None:
    """The message with what retries have written into it; None when it has grown too large: then it stays as it was."""
    options = task.message.options
    trace = options.get("traceback")
    if isinstance(trace, str) and len(trace) > MAX_TRACEBACK_LENGTH:
        options["traceback"] = trace[-MAX_TRACEBACK_LENGTH:]
    try:
        return encode(task.message)
    except AppError:
        options.pop("traceback", None)
    try:
        return encode(task.message)
    except AppError:
        return None
