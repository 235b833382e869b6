"""The broker: which actors there are, and what is done round their calls. dramatiq's global one, so that unchanged
actors belong to it."""

import logging
from collections.abc import Callable
from typing import Any

import dramatiq
from dramatiq.errors import ActorNotFound
from dramatiq.middleware import (
    AgeLimit,
    AsyncIO,
    Callbacks,
    CurrentMessage,
    Middleware,
    MiddlewareError,
    Pipelines,
    Retries,
    ShutdownNotifications,
    TimeLimit,
)
from dramatiq.results import ResultBackend

from app.tasks.actors import CALLBACKS, describe, function_name
from app.tasks.completion import GroupCallbacks
from app.tasks.messages import Message
from app.tasks.options import MAX_BACKOFF_MS, MAX_RETRIES, MIN_BACKOFF_MS, EngineOptions
from app.tasks.plans import Plan, make_plan
from app.tasks.sending import send

log = logging.getLogger(__name__)

DONE_BY_THE_ENGINE = (TimeLimit, ShutdownNotifications, AsyncIO)
"""Middlewares that work on threads of dramatiq's worker. The engine does the same in its own way."""

STANDARD = (AgeLimit, Callbacks, Pipelines, GroupCallbacks, Retries, CurrentMessage)
"""Middlewares that are there from the beginning; one that is added takes the place of its like."""


class TaskBroker(dramatiq.Broker):
    """Knows actors, queues and middlewares. Sending stores a task; a task runner runs it, and nothing consumes from here."""

    def __init__(self, middleware: list[Middleware] | None = None) -> None:
        self._plans: dict[str, Plan] = {}
        self._short_names: dict[str, list[str]] = {}
        self._before_enqueue: tuple[Callable[..., object], ...] = ()
        self._after_enqueue: tuple[Callable[..., object], ...] = ()
        super().__init__(_standard() if middleware is None else middleware)
        self.queues: set[str] = set()

    def add_middleware(
        self,
        middleware: Middleware,
        *,
        before: type[Middleware] | None = None,
        after: type[Middleware] | None = None,
    ) -> None:
        """Add a middleware. Its hooks run in the event loop, not in the threads that run plain functions."""
        if (
            isinstance(middleware, DONE_BY_THE_ENGINE)
            or type(middleware) is dramatiq.middleware.GroupCallbacks
        ):
            log.info("%s is not needed: the engine does its work", type(middleware).__name__)
            return
        if type(middleware) in STANDARD:
            self.middleware = [each for each in self.middleware if type(each) is not type(middleware)]
        super().add_middleware(middleware, before=before, after=after)
        self.set_middleware(self.middleware)

    def set_middleware(self, middleware: list[Middleware]) -> None:
        """Have these middlewares and no others, in this order."""
        self.middleware = list(middleware)
        self._plans.clear()
        self._before_enqueue = _overridden(self.middleware, "before_enqueue")
        self._after_enqueue = tuple(reversed(_overridden(self.middleware, "after_enqueue")))

    def declare_actor(self, actor: dramatiq.Actor[..., Any]) -> None:
        """Make an actor known, by `<module>.<function>` if it has no other name. Ours must have a description."""
        short = function_name(actor)
        if actor.actor_name == short:
            actor.actor_name = f"{actor.fn.__module__}.{short}"
            if actor.actor_name in self.actors:
                raise ValueError(f"An actor named {actor.actor_name!r} is already registered.")
            self._short_names.setdefault(short, []).append(actor.actor_name)
        description = describe(actor)
        if description is None and actor.actor_name.startswith("app."):
            raise ValueError(
                f"The actor {actor.actor_name} says nowhere what it does: give it a description."
            )
        actor.options["description"] = description
        for option in CALLBACKS:
            callback = actor.options.get(option)
            if isinstance(callback, dramatiq.Actor):
                actor.options[option] = callback.actor_name
        self._plans.pop(actor.actor_name, None)
        super().declare_actor(actor)

    def get_actor(self, actor_name: str) -> dramatiq.Actor[..., Any]:
        """The actor of that name, or of that short name if only one has it. Raises dramatiq's `ActorNotFound`."""
        actor = self.actors.get(actor_name)
        if actor is not None:
            return actor
        candidates = self._short_names.get(actor_name, [])
        if len(candidates) == 1:
            return self.actors[candidates[0]]
        raise ActorNotFound(actor_name)  # type: ignore[no-untyped-call]

    def declare_queue(self, queue_name: str) -> None:
        """Make a queue known. Queues that no actor names exist as soon as a task waits in them."""
        if queue_name not in self.queues:
            self.emit_before("declare_queue", queue_name)
            self.queues.add(queue_name)
            self.emit_after("declare_queue", queue_name)

    def get_declared_queues(self) -> set[str]:
        """The queues that actors name."""
        return set(self.queues)

    def enqueue(self, message: Message, *, delay: float | None = None) -> Message:
        """Send from plain code; see `app.tasks.sending.send`."""
        self.before_enqueue(message, delay)
        sent = send(self, message, delay)
        self.after_enqueue(sent, delay)
        return sent

    def before_enqueue(self, message: Message, delay: float | None) -> None:
        """Call the middlewares that want to know before a message is sent. Only a `MiddlewareError` keeps it from being sent."""
        for hook in self._before_enqueue:
            try:
                hook(self, message, delay)
            except MiddlewareError:
                raise
            except Exception:
                log.exception("a middleware failed before a message was sent")

    def after_enqueue(self, message: Message, delay: float | None) -> None:
        """Call the middlewares that want to know after a message was sent, the last first. What they raise is logged."""
        for hook in self._after_enqueue:
            try:
                hook(self, message, delay)
            except Exception:
                log.exception("a middleware failed after a message was sent")

    def get_results_backend(self) -> ResultBackend:
        """Where `message.get_result()` looks: in the rows of the tasks, unless there is a `Results` middleware."""
        try:
            return super().get_results_backend()
        except RuntimeError:
            from app.tasks.results import TaskResults  # which reads rows; the broker does not

            return TaskResults()

    def forget_plans(self) -> None:
        """Look up again how tasks are run: options, middlewares, or whether anything collects spans, may have changed."""
        self._plans.clear()

    def plan(self, actor_name: str) -> Plan:
        """How tasks of an actor are run. Raises dramatiq's `ActorNotFound`."""
        plan = self._plans.get(actor_name)
        if plan is None:
            plan = self._plans[actor_name] = make_plan(self, self.get_actor(actor_name))
        return plan


def _standard() -> list[Middleware]:
    return [
        AgeLimit(),
        Callbacks(),
        Pipelines(),
        GroupCallbacks(),
        Retries(max_retries=MAX_RETRIES, min_backoff=MIN_BACKOFF_MS, max_backoff=MAX_BACKOFF_MS),
        CurrentMessage(),
        EngineOptions(),
    ]


def _overridden(middlewares: list[Middleware], hook: str) -> tuple[Callable[..., object], ...]:
    base = getattr(Middleware, hook)
    return tuple(getattr(each, hook) for each in middlewares if getattr(type(each), hook) is not base)


broker = TaskBroker()
"""The broker of this process."""

dramatiq.set_broker(broker)
