"""Renders what is equal for several subscribers once."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from functools import cached_property

from app.graphql import metrics


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
        self._kept: OrderedDict[Hashable, tuple[float, asyncio.Task[Rendered]]] = OrderedDict()

    async def get(self, key: Hashable, render: Callable[[], Awaitable[bytes]]) -> Rendered:
        """The rendering for that key; `render` is called when nobody else did a moment ago."""
        now = asyncio.get_running_loop().time()
        self._forget(now)
        found = self._kept.get(key)
        if found is None:
            # A task of its own: a subscriber that leaves must not take the rendering from the others.
            found = self._kept[key] = (now + self._seconds, asyncio.create_task(_render(render)))
        return await asyncio.shield(found[1])

    def _forget(self, now: float) -> None:
        while self._kept:
            key, (until, task) = next(iter(self._kept.items()))
            finished = until <= now and task.done()
            if not finished and len(self._kept) <= self._most:
                return
            del self._kept[key]


async def _render(render: Callable[[], Awaitable[bytes]]) -> Rendered:
    metrics.EVENTS_RENDERED.inc()
    return Rendered(await render())
