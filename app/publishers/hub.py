"""Hands the events of the log to everyone in this process who follows them.

The hub keeps the latest events. A follower holds nothing but its position: it reads what comes after it from the hub, or
from the database when the hub no longer has it. So nobody misses or repeats anything, and a slow follower costs no memory.
"""

import asyncio
import contextlib
from bisect import bisect_right
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import orjson

from app.errors import Unavailable
from app.events import START, Audience, Position
from app.signals import Signal

WINDOW = 10_000
BATCH = 500


@dataclass(frozen=True, slots=True)
class Event:
    """An event as it stands in the log.

    So many are kept that nothing in it is an object that the garbage collector would look at, beside itself.
    """

    xid: int
    seq: int
    id: str
    type: str
    source: str
    subject: str
    subject_id: int
    time: datetime
    json: str | None
    tenant_id: int
    workspace_id: int | None
    audience: Audience
    owner_id: int | None

    @property
    def position(self) -> Position:
        """Where it stands."""
        return Position(self.xid, self.seq)

    @property
    def data(self) -> dict[str, Any]:
        """The subject's state as of this event. All who follow get the same: it is not to be changed."""
        return {} if self.json is None else _parsed(self.json)


@lru_cache(maxsize=BATCH)
def _parsed(json: str) -> dict[str, Any]:
    """What is in an event, for those who look at it now."""
    data: dict[str, Any] = orjson.loads(json)
    return data


Scan = Callable[[Position, int], Awaitable[Sequence[Event]]]
"""Reads up to so many events after a position from the log; raises `CursorExpired` when some of them are gone."""


class Hub:
    """The latest events, and the signal that there are more."""

    def __init__(self, scan: Scan) -> None:
        self._scan = scan
        self._window: list[Event] = []
        self._places: list[int] = []
        self._since = START
        self._end = START
        self._more = Signal()
        self._access = Signal()
        self._open = False
        self.access_changes = 0
        self.access_news = 0
        """How often anybody's access has changed: the log told so, or a commit of this process before the log does."""
        self.read_at = 0.0
        """When the log was last read to its end, by time.monotonic()."""
        self.server_number = 0
        self.servers = 1
        self.followers = 0

    @property
    def end(self) -> Position:
        """The position of the latest event, from which one follows what happens from now on."""
        return self._end

    def running(self) -> bool:
        """False before the start and after the end."""
        return self._open

    def start(self, position: Position) -> None:
        """Begin after this position: everything up to it is read from the log."""
        self._window, self._places = [], []
        self._since = self._end = position
        self._open = True

    def skip_to(self, position: Position) -> None:
        """Go on after this position: what was before is no longer kept. Whoever stands before it learns so."""
        self.start(position)
        self.publish([], changes_access=True)  # among what was missed may have been anything

    def publish(self, events: Sequence[Event], *, changes_access: bool = False) -> None:
        """Append what was read from the log, in its order, and wake the followers."""
        self._window += events
        self._places += [_place(event) for event in events]
        if len(self._window) > 2 * WINDOW:
            self._since = self._window[-WINDOW - 1].position
            del self._window[:-WINDOW], self._places[:-WINDOW]
        self._end = self._window[-1].position if self._window else self._end
        if changes_access:
            self.access_changes += 1
            self.access_news += 1
            self._access.give()
        self._more.give()

    def access_changed_here(self) -> None:
        """A commit of this process has changed somebody's access. The log will tell of it in a moment."""
        self.access_news += 1

    def close(self) -> None:
        """No more events will come: followers end."""
        self._open = False
        self._more.give()

    async def follow(
        self, after: Position | None = None, types: Collection[str] | None = None
    ) -> AsyncGenerator[Event, None]:
        """Every event after the position (default: from now on), in order, for ever; of these types only, if given.

        Ends when the hub closes. Raises `CursorExpired` when events after the position are gone.
        """
        if not self.running():
            raise Unavailable("The event stream is not running just now.")
        position = self._end if after is None else after
        self.followers += 1
        try:
            while True:
                for event in (batch := await self.after(position)):
                    if types is None or event.type in types:
                        yield event
                if batch:
                    position = batch[-1].position
                elif not self.running():
                    return
                else:
                    await self.changed(position)
        finally:
            self.followers -= 1

    async def after(self, position: Position) -> Sequence[Event]:
        """The next events after the position, at most a batch of them; none when it is at the end."""
        if position >= self._since:
            return self.at_hand(position)
        return [event for event in await self._scan(position, BATCH) if event.position <= self._end]

    def at_hand(self, position: Position) -> Sequence[Event]:
        """What of the next events is in memory: for who wants to prepare for several of them at once."""
        if position < self._since:
            return []
        first = bisect_right(self._places, _place(position))
        return self._window[first : first + BATCH]

    async def changed(self, position: Position) -> None:
        """Wait until there is something after the position, or the hub closes."""
        if position >= self._end and self._open:
            await self._more.wait()

    async def access_changed(self, timeout: float) -> None:
        """Wait until somebody's access has changed, or the time is over."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._access.wait()


def _place(of: Event | Position) -> int:
    """A position as one number, which is sooner compared."""
    return of.xid << 64 | of.seq
