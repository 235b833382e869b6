"""Renders what is equal for several subscribers once."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property
from time import monotonic
from typing import Generic, TypeVar

from app.events import Position
from app.signals import Signal

T = TypeVar("T")


class Rendered:
    """A response as JSON. Shared, so that each transport needs only put its frame around it."""

    def __init__(self, payload: bytes) -> None:
        self.payload = payload

    @cached_property
    def text(self) -> str:
        """The payload as a WebSocket sends it."""
        return self.payload.decode()


@dataclass(slots=True)
class Event:
    """One result of an operation, ready to be framed. `cursor` is from where a subscription would resume."""

    rendered: Rendered
    cursor: str | None = None


class Parcel:
    """Results that follow each other, for whoever is to get them: all that one event of the log, or a few, amount to."""

    __slots__ = ("_bytes", "_made_for", "events", "position")

    def __init__(self, position: Position, events: Sequence[Event]) -> None:
        self.position = position
        """Where the last of these events stands in the log."""
        self.events = events
        self._made_for: Hashable = None
        self._bytes = b""

    def as_bytes(self, key: Hashable, frame: Callable[[Event], bytes]) -> bytes:
        """All of it framed for the wire. `key` says what `frame` depends on: the next one with the same gets the same bytes.

        Only the latest are kept: most clients number their operations alike, and a thousand that do not cost no memory.
        """
        if self._made_for != key:
            self._made_for = key
            self._bytes = b"".join([frame(event) for event in self.events])
        return self._bytes


class SharedRenderings(Generic[T]):
    """Renderings by what they depend on, each kept as long as other subscribers are likely to ask for it.

    That is short: a rendering shows objects as they are now, and must not stand in for them later.
    """

    def __init__(self, *, most: int = 2000, seconds: float = 1.0) -> None:
        self._most = most
        self._seconds = seconds
        self._kept: OrderedDict[Hashable, _Rendering[T]] = OrderedDict()

    async def get(self, key: Hashable, render: Callable[[], Awaitable[T]]) -> T:
        """The rendering for that key; `render` is called when nobody else did a moment ago."""
        now = monotonic()
        self._forget(now)
        found = self._kept.get(key)
        if found is None:
            found = self._kept[key] = _Rendering(now + self._seconds, render)
        return await found.get()

    def _forget(self, now: float) -> None:
        while self._kept:
            key, oldest = next(iter(self._kept.items()))
            finished = oldest.until <= now and oldest.finished
            if not finished and len(self._kept) <= self._most:
                return
            del self._kept[key]


class _Rendering(Generic[T]):
    """One that is being made, or was. In a task of its own: a subscriber that leaves takes it from nobody."""

    def __init__(self, until: float, render: Callable[[], Awaitable[T]]) -> None:
        self.until = until
        self.finished = False
        self._task = asyncio.create_task(self._make(render))
        self._done = Signal()  # waiting for it costs a third of shield(), and a thousand may wait at once
        self._made: list[T] = []
        self._error: Exception | None = None

    async def get(self) -> T:
        """What was made, as soon as it is."""
        if not self.finished:
            await self._done.wait()
        if self._made:
            return self._made[0]
        raise self._error or asyncio.CancelledError

    async def _make(self, render: Callable[[], Awaitable[T]]) -> None:
        try:
            self._made.append(await render())
        except Exception as error:
            self._error = error
        finally:
            self.finished = True
            self._done.give()
