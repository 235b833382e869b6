"""Renders what is equal for several subscribers once."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from functools import cached_property
from time import monotonic

from app.graphql import metrics
from app.signals import Signal


class Rendered:
    """A response as JSON. Shared, so that each transport needs only put its frame around it."""

    def __init__(self, payload: bytes) -> None:
        self.payload = payload

    @cached_property
    def text(self) -> str:
        """The payload as a WebSocket sends it."""
        return self.payload.decode()


class SharedRenderings:
    """Renderings by what they depend on, each kept as long as other subscribers are likely to ask for it.

    That is short: a rendering shows objects as they are now, and must not stand in for them later.
    """

    def __init__(self, *, most: int = 2000, seconds: float = 1.0) -> None:
        self._most = most
        self._seconds = seconds
        self._kept: OrderedDict[Hashable, _Rendering] = OrderedDict()

    async def get(self, key: Hashable, render: Callable[[], Awaitable[bytes]]) -> Rendered:
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


class _Rendering:
    """One that is being made, or was. In a task of its own: a subscriber that leaves takes it from nobody."""

    def __init__(self, until: float, render: Callable[[], Awaitable[bytes]]) -> None:
        self.until = until
        self.finished = False
        self._task = asyncio.create_task(self._make(render))
        self._done = Signal()  # waiting for it costs a third of shield(), and a thousand may wait at once
        self._made: Rendered | Exception | None = None

    async def get(self) -> Rendered:
        """What was made, as soon as it is."""
        if not self.finished:
            await self._done.wait()
        if isinstance(self._made, Rendered):
            return self._made
        raise self._made or asyncio.CancelledError

    async def _make(self, render: Callable[[], Awaitable[bytes]]) -> None:
        metrics.EVENTS_RENDERED.inc()
        try:
            self._made = Rendered(await render())
        except Exception as error:
            self._made = error
        finally:
            self.finished = True
            self._done.give()
