"""One run of one task, from its message to what is to be stored of it. No database: the engine claims before and
stores afterwards."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Generator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import dramatiq
from dramatiq import MessageProxy
from dramatiq.errors import ActorNotFound, RateLimitExceeded, Retry
from dramatiq.middleware import (
    CurrentMessage,
    Interrupt,
    MiddlewareError,
    Shutdown,
    SkipMessage,
    TimeLimitExceeded,
)

from app.clock import now
from app.errors import AppError
from app.models.tasks import LogEvent, LogLevel, TaskState
from app.tasks.messages import (
    Counted,
    Message,
    NewGroup,
    NewTask,
    UndecodableMessage,
    encode,
    to_json,
)
from app.tasks.plans import SENDS, Hook, Plan, seconds
from app.tasks.running import (
    ASKED_LINE,
    CANCELLED_LINE,
    FINISHED_LINE,
    GIVEN_BACK_LINE,
    MACHINERY,
    PROCESSING_LINE,
    RETRY_LINE,
    SKIPPED_LINE,
    RunningTask,
    TaskCancelled,
    current,
    machinery_line,
)
from app.tasks.tracing import span_of

if TYPE_CHECKING:
    from app.tasks.broker import TaskBroker

MAX_RESULT_BYTES = 1024 * 1024
MAX_TRACEBACK_LENGTH = 8192

Run = Callable[[dramatiq.Actor[..., Any], Message, float | None], Awaitable[Any]]
"""Runs the plain function of an actor in a thread or a process, within so many seconds; raises what it raises, and
`TimeLimitExceeded`."""

# Taken out of their class once: that costs more than anything else that is done with them.
PREPROCESS, RUNNING, POSTPROCESS, DONE = (
    TaskState.PREPROCESS,
    TaskState.RUNNING,
    TaskState.POSTPROCESS,
    TaskState.DONE,
)

log = logging.getLogger(__name__)


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


async def process(task: RunningTask, run: Run, broker: "TaskBroker | None" = None) -> Outcome:
    """Run a task. Never raises for what the actor does; only `CancelledError`, when neither `task.cancelled` nor
    `task.given_back` says why it was cancelled."""
    token = current.set(task)
    try:
        return await _process(task, run, broker or _broker())
    finally:
        task.closed = True
        current.reset(token)


def refuse(task: RunningTask, message: str | BaseException) -> Outcome:
    """The outcome of a task that cannot be run at all."""
    task.error(message)
    return _end(task, TaskState.REJECTED, None)


async def _process(task: RunningTask, run: Run, broker: "TaskBroker") -> Outcome:
    try:
        message = task.message
        plan = broker.plan(message.actor_name)
    except UndecodableMessage as error:
        return refuse(task, error)
    except ActorNotFound:
        return refuse(task, f"No actor is called {task.actor_name!r} here: is its module among TASK_MODULES?")
    options = message.options
    if task.retries or "retries" in options:  # the row knows of retries that a full message had no room for
        task.retries = options["retries"] = max(task.retries, options.get("retries", 0))
    begun = now()
    task.become(PREPROCESS, begun)
    if plan.log:
        task.lines.append(machinery_line(PROCESSING_LINE, begun))
    proxy = MessageProxy(message)
    message_token = CurrentMessage._MESSAGE.set(message)  # what CurrentMessage.get_current_message() reads
    try:
        if plan.before or plan.max_age or "max_age" in options:
            _before(plan, broker, proxy)
            begun = now()
        task.become(RUNNING, begun)
        if proxy.failed:
            result = None
        elif plan.traced or "traceparent" in options:
            with span_of(task, options):
                result = await _call(plan, message, run)
        elif plan.function is None or "time_limit" in options:
            result = await _call(plan, message, run)
        else:
            called = plan.function(*message.args, **message.kwargs)
            try:
                waits_for = called.send(None)
            except StopIteration as returned:
                result = (
                    returned.value
                )  # it waited for nothing: no timer, which would cost more than all of it
            else:
                result = await _rest(called, waits_for, plan.time_limit)
        if plan.quiet and not options and task.retry is None and task.on_state is None and not proxy.failed:
            return _done_quietly(task, plan)
        return _returned(task, plan, broker, proxy, result)
    except SkipMessage as reason:
        task.become(TaskState.POSTPROCESS)
        return _skipped(task, plan, broker, proxy, reason)
    except GeneratorExit:
        raise
    except BaseException as error:
        why = _stopped(task, error)
        if why is None and _from_outside(error):
            raise
        if task.state is not TaskState.POSTPROCESS:
            task.become(TaskState.POSTPROCESS)
        if why is not None:
            return _stop(task, plan, broker, proxy, error, why)
        return _failed(task, plan, broker, proxy, error)
    finally:
        CurrentMessage._MESSAGE.reset(message_token)


async def _call(plan: Plan, message: Message, run: Run) -> Any:
    limit = plan.time_limit
    if "time_limit" in message.options:
        limit = seconds(message.options["time_limit"]) or limit
    if plan.function is None:
        return await run(plan.actor, message, limit)
    called = plan.function(*message.args, **message.kwargs)
    try:
        waits_for = called.send(None)
    except StopIteration as returned:
        return returned.value
    return await _rest(called, waits_for, limit)


async def _rest(called: Coroutine[Any, Any, Any], waits_for: Any, limit: float | None) -> Any:
    scope = asyncio.timeout(limit)
    try:
        async with scope:
            return await _Rest(called, waits_for)
    except TimeoutError as error:
        if scope.expired():
            raise TimeLimitExceeded(f"It ran for more than {limit:g} seconds") from error
        raise


class _Rest:
    """What remains of a coroutine that was begun and waits for something."""

    __slots__ = ("_coroutine", "_waits_for")

    def __init__(self, coroutine: Coroutine[Any, Any, Any], waits_for: Any) -> None:
        self._coroutine = coroutine
        self._waits_for = waits_for

    def __await__(self) -> Generator[Any, Any, Any]:
        waits_for = self._waits_for
        while True:
            try:
                yield waits_for
            except BaseException as error:
                try:
                    waits_for = self._coroutine.throw(error)
                except StopIteration as returned:
                    return returned.value
            else:
                return (yield from self._coroutine.__await__())


def _before(plan: Plan, broker: "TaskBroker", proxy: MessageProxy) -> None:
    """As dramatiq: a middleware may skip the message; another fault of its own does not keep the actor from running."""
    if plan.age_limit is not None:
        plan.age_limit(broker, proxy)
    for hook in plan.before:
        try:
            hook(broker, proxy)
        except MiddlewareError:
            raise
        except Exception:
            log.exception("a middleware failed before %s", proxy)


def _returned(
    task: RunningTask, plan: Plan, broker: "TaskBroker", proxy: MessageProxy, result: Any
) -> Outcome:
    returned_at = now()
    task.become(TaskState.POSTPROCESS, returned_at)
    options = task.message.options
    hooks = plan.after if plan.sends or (options and not SENDS.isdisjoint(options)) else plan.after_quiet
    lost = _after(task, hooks, broker, proxy, result=result) if hooks else False
    if task.retry is not None:
        return _again(task, plan, proxy)
    if proxy.failed or lost:
        return _end(task, TaskState.REJECTED, plan, _encoded(task))
    if not (options.get("store_results", plan.store_results) if options else plan.store_results):
        return _done(task, plan, now() if hooks else returned_at)
    encoded = _result(task, result)
    outcome = _done(task, plan, now())
    outcome.result = encoded
    outcome.result_ttl = options["result_ttl"] / 1000 if "result_ttl" in options else plan.result_ttl
    return outcome


def _done_quietly(task: RunningTask, plan: Plan) -> Outcome:
    """What `_returned` comes to for most tasks, with nothing asked that the plan has answered."""
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


def _done(task: RunningTask, plan: Plan, at: datetime) -> Outcome:
    if plan.log:
        task.lines.append(machinery_line(FINISHED_LINE, at))
    return _end(task, TaskState.DONE, plan, at=at)


def _result(task: RunningTask, result: Any) -> bytes | None:
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


def _skipped(
    task: RunningTask, plan: Plan, broker: "TaskBroker", proxy: MessageProxy, reason: SkipMessage
) -> Outcome:
    for hook in plan.after_skip:
        try:
            hook(broker, proxy)
        except Exception:
            log.exception("a middleware failed after %s was skipped", proxy)
    text = str(reason)
    level = LogLevel.WARNING if proxy.failed else LogLevel.INFO
    if plan.log or proxy.failed:
        task.log(MACHINERY, level, f"{SKIPPED_LINE}: {text}" if text else SKIPPED_LINE)
    if proxy.failed:
        return _end(task, TaskState.REJECTED, plan, _encoded(task))
    return _end(task, TaskState.DONE, plan)


def _failed(
    task: RunningTask, plan: Plan, broker: "TaskBroker", proxy: MessageProxy, error: BaseException
) -> Outcome:
    if isinstance(error, Retry | RateLimitExceeded):
        task.log(MACHINERY, LogLevel.INFO, str(error.message) or ASKED_LINE)
    else:
        task.error(error)
    _after(task, plan.after, broker, proxy, exception=error)
    if task.retry is not None and not proxy.failed:
        return _again(task, plan, proxy)
    log.error("%s failed for the last time: %s", task.uid, _named(error), exc_info=error)
    return _end(task, TaskState.REJECTED, plan, _encoded(task))


def _after(
    task: RunningTask,
    hooks: tuple[tuple[Hook, bool], ...],
    broker: "TaskBroker",
    proxy: MessageProxy,
    *,
    result: Any = None,
    exception: BaseException | None = None,
) -> bool:
    """Call the hooks. True when something that was to be sent could not be: then the task is not done."""
    lost = False
    for hook, sends in hooks:
        try:
            hook(broker, proxy, result=result, exception=exception)
        except Exception as error:
            if sends:
                task.error(error, hint="What was to follow could not be sent")
                lost = True
            else:
                log.exception("a middleware failed after %s", proxy)
    return lost


def _again(task: RunningTask, plan: Plan, proxy: MessageProxy) -> Outcome:
    assert task.retry is not None
    eta, delay = task.retry
    retries = proxy.options.get("retries", 0)
    outcome = _end(task, TaskState.QUEUED, plan, _encoded(task))
    outcome.retries, outcome.eta, outcome.reason = retries, eta, "retry"
    if plan.log:
        outcome.requeued = LogEvent(
            RETRY_LINE, LogLevel.INFO, MACHINERY, attributes={"delay": delay, "retries": retries}
        )
    return outcome


def _stopped(task: RunningTask, error: BaseException) -> str | None:
    """Why somebody stopped it: cancelled or given_back; None: nobody did. Whatever it raised then, it raised for that."""
    if task.cancelled or isinstance(error, TaskCancelled):
        return "cancelled"
    return "given_back" if task.given_back or isinstance(error, Shutdown) else None


def _from_outside(error: BaseException) -> bool:
    """True when it is the run that was cancelled, not something that the actor waited for."""
    mine = asyncio.current_task()
    return isinstance(error, asyncio.CancelledError) and mine is not None and mine.cancelling() > 0


def _stop(
    task: RunningTask,
    plan: Plan,
    broker: "TaskBroker",
    proxy: MessageProxy,
    error: BaseException,
    reason: str,
) -> Outcome:
    mine = asyncio.current_task()
    while mine is not None and mine.cancelling():
        mine.uncancel()
    if not isinstance(error, asyncio.CancelledError | Interrupt):
        task.error(error)
    _after(task, plan.after_quiet, broker, proxy, exception=error)
    if reason == "cancelled":
        task.log(MACHINERY, LogLevel.WARNING, CANCELLED_LINE)
        return _end(task, TaskState.REJECTED, plan)
    outcome = _end(task, TaskState.QUEUED, plan)
    outcome.reason = reason
    outcome.requeued = machinery_line(GIVEN_BACK_LINE, now()) if plan.log else None
    return outcome


def _encoded(task: RunningTask) -> bytes | None:
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


def _end(
    task: RunningTask,
    state: TaskState,
    plan: Plan | None,
    message: bytes | None = None,
    at: datetime | None = None,
) -> Outcome:
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


def _named(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


def _broker() -> "TaskBroker":
    from app.tasks.broker import broker  # which makes the plans

    return broker
