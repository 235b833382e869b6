"""Whether the client of a request is still there."""

import asyncio
from types import TracebackType

from starlette.types import Receive

WATCH_AFTER = 0.05  # seconds: most end sooner, and need nobody to look whether the client is still there


class Presence:
    """Cancels what runs within it when the client leaves; `gone` says that this happened.

    The client is watched only after a moment, because a task for each of many short requests would cost more than
    they do. Even a timer for each would: there is one for all.
    """

    __slots__ = ("_receive", "_task", "_watcher", "gone", "seen")

    def __init__(self, receive: Receive) -> None:
        self.gone = False
        self.seen = False
        self._receive = receive
        self._task: asyncio.Task[object] | None = None
        self._watcher: asyncio.Task[None] | None = None

    def __enter__(self) -> "Presence":
        self._task = asyncio.current_task()
        _rounds.add(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        _rounds.present.discard(self)
        if self._watcher is not None:
            self._watcher.cancel()
            self._watcher = None  # it keeps where it was when it ended, and so this: a cycle, which only a collection finds
        if self.gone and self._task is not None:
            self._task.uncancel()
        return self.gone and kind is asyncio.CancelledError

    def watch(self) -> None:
        """Look whether the client leaves."""
        self._watcher = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        if self._task is not None and not self._task.done():
            self.gone = True
            self._task.cancel()


class _Rounds:
    """Goes round once in a while: whom it has seen before it has watched."""

    def __init__(self) -> None:
        self.present: set[Presence] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    def add(self, presence: Presence) -> None:
        self.present.add(presence)
        if self._loop is None or self._loop.is_closed():
            self._next()

    def _next(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop.call_later(WATCH_AFTER, self._go)

    def _go(self) -> None:
        for each in [each for each in self.present if each.seen]:
            self.present.discard(each)
            each.watch()
        for each in self.present:
            each.seen = True
        if self.present:
            self._next()
        else:
            self._loop = None


_rounds = _Rounds()
