"""dramatiq's rate limiters on our database: how often something is done, or how many do it at once, on all runners together.

A limiter that is exceeded raises `RateLimitExceeded`, so that the task is tried again later, as often as its actor may be.
"""

import asyncio
import importlib
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import datetime
from typing import Any, TypeVar

from dramatiq import rate_limits
from dramatiq.errors import RateLimitExceeded

from app.tasks.running import on_event_loop
from app.tasks.sending import wait_for

T = TypeVar("T")

COUNTING = "app.actions.tasks.limits"
"""Upward and by name, as `app.tasks.sending.STORING`."""

FIRST_PAUSE, LONGEST_PAUSE = 0.005, 0.25


class PostgresBackend(rate_limits.RateLimiterBackend):
    """Keeps what limiters and barriers of dramatiq count, in our database. For plain code in threads, and not for coroutines:
    those use the limiters of this module, by `acquire_async()`."""

    def add(self, key: str, value: int, ttl: int) -> bool:
        return _asked(_counting().add(key, value, ttl))

    def incr(self, key: str, amount: int, maximum: int, ttl: int) -> bool:
        return _asked(_counting().increase(key, amount, maximum, ttl))

    def decr(self, key: str, amount: int, minimum: int, ttl: int) -> bool:
        return _asked(_counting().decrease(key, amount, minimum, ttl))

    def incr_and_sum(
        self, key: str, keys: Callable[[], Sequence[str]], amount: int, maximum: int, ttl: int
    ) -> bool:
        return _asked(_counting().increase_within(key, keys, amount, maximum, ttl))

    def wait(self, key: str, timeout: int | None) -> bool:
        """Look again and again until it is there. The pauses are short: what stops a thread does so between them."""
        end = time.monotonic() + (threading.TIMEOUT_MAX if timeout is None else timeout / 1000)
        pause = FIRST_PAUSE
        while not _asked(_counting().is_there(key)):
            left = end - time.monotonic()
            if left <= 0:
                return False
            time.sleep(min(pause, left))
            pause = min(2 * pause, LONGEST_PAUSE)
        return True

    def wait_notify(self, key: str, ttl: int) -> None:
        self.add(key, 1, ttl)


class _Limiter(rate_limits.RateLimiter):
    """A limiter that coroutines can await, and that takes one statement."""

    kind: str

    def __init__(self, backend: PostgresBackend, key: str, **options: int) -> None:
        if not isinstance(backend, PostgresBackend):
            raise TypeError(
                f"This limiter counts in PostgreSQL, not in a {type(backend).__name__}: for that, take dramatiq's."
            )
        super().__init__(backend, key, **options)  # type: ignore[no-untyped-call]

    @contextmanager
    def acquire(self, *, raise_on_failure: bool = True) -> Iterator[bool]:
        """Take a place, for plain code; without one raise `RateLimitExceeded`, or yield False."""
        until = _waited(self._take())
        self._check(until, raise_on_failure)
        try:
            yield until is not None
        finally:
            if until is not None:
                _waited(self._give_back(until))

    @asynccontextmanager
    async def acquire_async(self, *, raise_on_failure: bool = True) -> AsyncIterator[bool]:
        """Take a place, for coroutines; without one raise `RateLimitExceeded`, or yield False.

        Not inside a transaction, if that can be: it takes another connection.
        """
        until = await self._take_or_leave()
        self._check(until, raise_on_failure)
        try:
            yield until is not None
        finally:
            if until is not None:
                await asyncio.shield(self._give_back(until))

    async def _take(self) -> datetime | None:
        raise NotImplementedError

    async def _give_back(self, until: datetime) -> None:
        """Most limits pass with time."""

    async def _take_or_leave(self) -> datetime | None:
        """Take a place; whoever is cancelled meanwhile does not keep it."""
        taking = asyncio.ensure_future(self._take())
        try:
            return await asyncio.shield(taking)
        except asyncio.CancelledError:
            with suppress(Exception):
                until = await taking
                if until is not None:
                    await self._give_back(until)
            raise

    def _check(self, until: datetime | None, raise_on_failure: bool) -> None:
        if until is None and raise_on_failure:
            raise RateLimitExceeded(f"The rate limit {self.key!r} is exceeded")  # type: ignore[no-untyped-call]

    @property
    def _name(self) -> str:
        return f"{self.kind}:{self.key}"


class ConcurrentRateLimiter(_Limiter, rate_limits.ConcurrentRateLimiter):
    """So many at once. Each place is held by itself, for `ttl` milliseconds at most: that of a killed runner is free then,
    however much the others come and go."""

    kind = "concurrent"

    async def _take(self) -> datetime | None:
        until: datetime | None = await _counting().hold(self._name, self.limit, self.ttl / 1000)
        return until

    async def _give_back(self, until: datetime) -> None:
        await _counting().release(self._name, until)


class WindowRateLimiter(_Limiter, rate_limits.WindowRateLimiter):
    """So many in any `window` of seconds. Remembers each of them for as long: for large limits take a bucket."""

    kind = "window"

    async def _take(self) -> datetime | None:
        until: datetime | None = await _counting().hold(self._name, self.limit, self.window)
        return until


class BucketRateLimiter(_Limiter, rate_limits.BucketRateLimiter):
    """So many in each interval of `bucket` milliseconds. At the end of one and the beginning of the next, twice as many may
    be done in a short time."""

    kind = "bucket"

    async def _take(self) -> datetime | None:
        until: datetime | None = await _counting().count(self._name, self.limit, self.bucket)
        return until


def _asked(coroutine: Coroutine[Any, Any, bool]) -> bool:
    return _waited(coroutine)


def _waited(coroutine: Coroutine[Any, Any, T]) -> T:
    if on_event_loop():
        coroutine.close()
        raise RuntimeError(
            "This limiter waits, which a coroutine must not: write `async with limiter.acquire_async()`."
        )
    return wait_for(coroutine)


def _counting() -> Any:
    return importlib.import_module(COUNTING)
