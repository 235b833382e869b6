"""One run of one task, from its message to what is to be stored of it. No database: the engine claims before and
stores afterwards."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Generator
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
from app.models.tasks import LogLevel, TaskState
from app.tasks.messages import (
    Message,
    UndecodableMessage,
)
from app.tasks.outcomes import Outcome, again, done, done_quietly, end, refuse, stored_message, stored_result
from app.tasks.plans import SENDS, Hook, Plan, seconds
from app.tasks.running import (
    ASKED_LINE,
    CANCELLED_LINE,
    GIVEN_BACK_LINE,
    MACHINERY,
    PROCESSING_LINE,
    SKIPPED_LINE,
    RunningTask,
    TaskCancelled,
    current,
    machinery_line,
)
from app.tasks.tracing import span_of

if TYPE_CHECKING:
    from app.tasks.broker import TaskBroker

Run = Callable[[dramatiq.Actor[..., Any], Message, float | None], Awaitable[Any]]
"""Runs the plain function of an actor in a thread or a process, within so many seconds; raises what it raises, and
`TimeLimitExceeded`."""

# Taken out of their class once: that costs more than anything else that is done with them.
PREPROCESS, RUNNING = TaskState.PREPROCESS, TaskState.RUNNING

log = logging.getLogger(__name__)


async def process(task: RunningTask, run: Run, broker: "TaskBroker | None" = None) -> Outcome:
    """Run a task. Never raises for what the actor does; only `CancelledError`, when neither `task.cancelled` nor
    `task.given_back` says why it was cancelled."""
    token = current.set(task)
    try:
        return await _process(task, run, broker or _broker())
    finally:
        task.closed = True
        current.reset(token)


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
            return done_quietly(task, plan)
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
        return again(task, plan, proxy)
    if proxy.failed or lost:
        return end(task, TaskState.REJECTED, plan, stored_message(task))
    if not (options.get("store_results", plan.store_results) if options else plan.store_results):
        return done(task, plan, now() if hooks else returned_at)
    encoded = stored_result(task, result)
    outcome = done(task, plan, now())
    outcome.result = encoded
    outcome.result_ttl = options["result_ttl"] / 1000 if "result_ttl" in options else plan.result_ttl
    return outcome


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
        return end(task, TaskState.REJECTED, plan, stored_message(task))
    return end(task, TaskState.DONE, plan)


def _failed(
    task: RunningTask, plan: Plan, broker: "TaskBroker", proxy: MessageProxy, error: BaseException
) -> Outcome:
    if isinstance(error, Retry | RateLimitExceeded):
        task.log(MACHINERY, LogLevel.INFO, str(error.message) or ASKED_LINE)
    else:
        task.error(error)
    _after(task, plan.after, broker, proxy, exception=error)
    if task.retry is not None and not proxy.failed:
        return again(task, plan, proxy)
    log.error("%s failed for the last time: %s", task.uid, _named(error), exc_info=error)
    return end(task, TaskState.REJECTED, plan, stored_message(task))


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
        return end(task, TaskState.REJECTED, plan)
    outcome = end(task, TaskState.QUEUED, plan)
    outcome.reason = reason
    outcome.requeued = machinery_line(GIVEN_BACK_LINE, now()) if plan.log else None
    return outcome


def _named(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


def _broker() -> "TaskBroker":
    from app.tasks.broker import broker  # which makes the plans

    return broker
