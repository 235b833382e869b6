"""What is known of an actor before any of its tasks runs: looked up once, not for each task."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dramatiq
from dramatiq.middleware import (
    AgeLimit,
    Callbacks,
    CurrentMessage,
    Middleware,
    Pipelines,
    Retries,
)

from app.tasks.actors import coroutine_function
from app.tasks.completion import GroupCallbacks
from app.tasks.options import RESULT_TTL_MS, TIME_LIMIT_MS
from app.tasks.tracing import recording

if TYPE_CHECKING:
    from app.tasks.broker import TaskBroker

Hook = Callable[..., object]

SENDS = frozenset({"on_success", "pipe_target", "group_completion_uuid"})
"""Options of a message that make something be sent when its actor has returned."""

_IDLE_UNLESS_FAILED_OR_SENDING = (AgeLimit, Callbacks, Pipelines, Retries, GroupCallbacks, CurrentMessage)
SENDING = (Callbacks, Pipelines, GroupCallbacks, Retries)


@dataclass(slots=True)
class Plan:
    """How tasks of an actor are run."""

    actor: dramatiq.Actor[..., Any]
    function: Callable[..., Coroutine[Any, Any, Any]] | None
    """The coroutine function; None: a thread or a process runs it."""
    before: tuple[Hook, ...]
    after: tuple[tuple[Hook, bool], ...]
    """All hooks after the actor; true: it sends what must not be lost."""
    after_quiet: tuple[tuple[Hook, bool], ...]
    """Those of them that do something although the actor returned and nothing is to be sent."""
    quiet: bool
    """True: when the actor has returned, nothing is to be done but to say so, unless the message wants it."""
    after_skip: tuple[Hook, ...]
    age_limit: Hook | None
    max_age: bool
    sends: bool
    time_limit: float | None
    """Seconds."""
    store_results: bool
    result_ttl: float
    """Seconds."""
    keep: float | None
    log: bool
    events: bool
    traced: bool


def make_plan(broker: "TaskBroker", actor: dramatiq.Actor[..., Any]) -> Plan:
    """The plan for an actor, as options and middlewares are now."""
    options = actor.options
    after = tuple(
        (each.after_process_message, isinstance(each, SENDING), each)
        for each in reversed(broker.middleware)
        if _overrides(each, "after_process_message")
    )
    quiet = tuple(
        (hook, sends) for hook, sends, each in after if type(each) not in _IDLE_UNLESS_FAILED_OR_SENDING
    )
    sends, stores = bool(options.get("on_success")), bool(options.get("store_results"))
    limit = next((each for each in broker.middleware if type(each) is AgeLimit), None)
    return Plan(
        actor=actor,
        function=None if options.get("process") else coroutine_function(actor),
        before=tuple(
            each.before_process_message
            for each in broker.middleware
            if _overrides(each, "before_process_message") and type(each) not in (AgeLimit, CurrentMessage)
        ),
        after=tuple((hook, sends) for hook, sends, _ in after),
        after_quiet=quiet,
        quiet=not (quiet or sends or stores),
        after_skip=tuple(
            each.after_skip_message
            for each in reversed(broker.middleware)
            if _overrides(each, "after_skip_message")
        ),
        age_limit=limit.before_process_message if limit is not None else None,
        max_age=bool(options.get("max_age") or (limit is not None and limit.max_age)),
        sends=sends,
        time_limit=seconds(options.get("time_limit", TIME_LIMIT_MS)),
        store_results=stores,
        result_ttl=options.get("result_ttl", RESULT_TTL_MS) / 1000,
        keep=options.get("keep"),
        log=bool(options.get("log", True)),
        events=bool(options.get("events", True)),
        traced=recording(),
    )


def seconds(milliseconds: float | None) -> float | None:
    """A time limit in seconds; None: there is none."""
    if not milliseconds or milliseconds == float("inf"):
        return None
    return milliseconds / 1000


def _overrides(middleware: Middleware, hook: str) -> bool:
    return getattr(type(middleware), hook) is not getattr(Middleware, hook)
