"""Actors: functions that tasks call. `@actor` declares one; so does dramatiq's own decorator, unchanged."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable, Coroutine
from datetime import timedelta
from types import CodeType, FunctionType
from typing import Any, ParamSpec, Protocol, TypeVar, overload

import dramatiq
from dramatiq.asyncio import async_to_sync
from dramatiq.generic import GenericActor
from uuid_utils import uuid7

from app.tasks.messages import Enqueued, Unique, make_message
from app.tasks.sending import enqueue

P = ParamSpec("P")
R = TypeVar("R")

CALLBACKS = frozenset({"on_success", "on_failure", "on_retry_exhausted"})
"""Options that name another actor."""


class Actor(dramatiq.Actor[P, R]):
    """A function that tasks call. Calling it runs it here and now; sending it makes a task."""

    def __init__(
        self,
        fn: Callable[P, Awaitable[R]] | Callable[P, R],
        *,
        broker: dramatiq.Broker,
        actor_name: str,
        queue_name: str,
        priority: int,
        options: dict[str, Any],
    ) -> None:
        super().__init__(
            fn,
            broker=broker,
            actor_name=actor_name,
            queue_name=queue_name,
            priority=priority,
            options=options,
        )
        self.fn = fn  # type: ignore[assignment]  # a coroutine function stays one: no thread waits for it

    def message(self, *args: P.args, **kwargs: P.kwargs) -> dramatiq.Message[R]:
        """A message to this actor, for pipelines, groups and `enqueue()`. Its id grows with time."""
        return self._message(args, kwargs, {})

    def message_with_options(
        self, *, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None, **options: Any
    ) -> dramatiq.Message[R]:
        """As `message`, with options for this one task."""
        for name in CALLBACKS & options.keys() if options else ():
            callback = options[name]
            if isinstance(callback, dramatiq.Actor):
                options[name] = callback.actor_name
            elif not isinstance(callback, str | None):
                raise TypeError(f"{name} must be an actor, or the name of one")
        return self._message(tuple(args), kwargs or {}, options)

    def _message(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], options: dict[str, Any]
    ) -> dramatiq.Message[R]:
        return make_message(
            {
                "queue_name": self.queue_name,
                "actor_name": self.actor_name,
                "args": args,
                "kwargs": kwargs,
                "options": options,
                "message_id": str(uuid7()),
                "message_timestamp": int(time.time() * 1000),
            }
        )

    async def send_async(self, *args: P.args, **kwargs: P.kwargs) -> Enqueued:
        """Store a task in the caller's transaction, or in one of its own. It runs after the commit, or never."""
        return await enqueue(self.message(*args, **kwargs))

    async def send_with_options_async(
        self,
        *,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
        delay: timedelta | float | None = None,
        **options: Any,
    ) -> Enqueued:
        """As `send_async`, with options for this one task: `delay` (milliseconds or a timedelta), `eta`, `uid`, `unique`,
        `rel_obj`, `workspace`, `tenant`, `priority`, and those of actors."""
        return await enqueue(self.message_with_options(args=args, kwargs=kwargs, **options), delay=delay)


class Decorator(Protocol):
    """What `actor(...)` with options gives."""

    @overload
    def __call__(self, fn: Callable[P, Awaitable[R]]) -> Actor[P, R]: ...
    @overload
    def __call__(self, fn: Callable[P, R]) -> Actor[P, R]: ...
    def __call__(self, fn: Any) -> Any: ...


@overload
def actor(fn: Callable[P, Awaitable[R]], /) -> Actor[P, R]: ...
@overload
def actor(fn: Callable[P, R], /) -> Actor[P, R]: ...
@overload
def actor(
    *,
    actor_name: str | None = None,
    queue_name: str = "default",
    priority: int = 0,
    description: str | None = None,
    max_retries: int | None = ...,
    min_backoff: int = ...,
    max_backoff: int = ...,
    retry_when: Callable[[int, BaseException], bool] = ...,
    throws: type[BaseException] | tuple[type[BaseException], ...] = ...,
    time_limit: float = ...,
    max_age: int = ...,
    store_results: bool = ...,
    result_ttl: int = ...,
    on_success: str | dramatiq.Actor[..., Any] = ...,
    on_failure: str | dramatiq.Actor[..., Any] = ...,
    on_retry_exhausted: str | dramatiq.Actor[..., Any] = ...,
    remote: bool = ...,
    log: bool = ...,
    events: bool = ...,
    process: bool = ...,
    keep: float = ...,
    unique: Unique = ...,
    broker: dramatiq.Broker | None = None,
    **options: Any,
) -> Decorator: ...
def actor(fn: Any = None, /, **options: Any) -> Any:
    """Declare an actor, coroutine function or plain one. Its name is `<module>.<function>` unless `actor_name` is given.

    Times are in milliseconds, as in dramatiq, but for `keep`, which is in seconds; `app.tasks.options` tells what ours mean.
    """
    declare = dramatiq.actor(actor_class=Actor, **options)
    return declare if fn is None else declare(fn)


def coroutine_function(declared: dramatiq.Actor[..., Any]) -> Callable[..., Coroutine[Any, Any, Any]] | None:
    """The coroutine function of an actor, whichever decorator declared it; None when it is a plain function."""
    fn: Any = declared.fn
    if isinstance(fn, GenericActor):
        fn = fn.perform
    elif isinstance(fn, FunctionType) and fn.__code__ is _BRIDGE:
        return fn.__wrapped__  # type: ignore[attr-defined, no-any-return]
    return fn if inspect.iscoroutinefunction(fn) else None


def function_name(declared: dramatiq.Actor[..., Any]) -> str:
    """What dramatiq calls an actor that is given no name."""
    name: str = getattr(declared.fn, "__name__", type(declared.fn).__name__)
    return name


def describe(declared: dramatiq.Actor[..., Any]) -> str | None:
    """What an actor does: its description, or the first paragraph of its docstring."""
    given = declared.options.get("description")
    if given:
        return str(given)
    paragraph = (inspect.getdoc(declared.fn) or "").partition("\n\n")[0]
    return " ".join(paragraph.split()) or None


def _bridge() -> CodeType:
    """The code of the function that dramatiq puts round coroutine functions, by which it is told from users' own."""
    wrapper = async_to_sync(asyncio.sleep)
    assert isinstance(wrapper, FunctionType)
    return wrapper.__code__


_BRIDGE = _bridge()
