"""Sending schedules when they are due. Every runner does, and each time of a schedule is sent by one of them."""

import asyncio
from collections.abc import Callable, Iterable
from time import monotonic

import structlog

from app.actions.tasks.promoting import Seen
from app.actions.tasks.schedules import AT_ONCE, make_due, send_due_schedules

NEEDED_EVERY = 5.0
"""Seconds within which a chore is not made due again: what it is needed for may take it some time."""

log = structlog.get_logger(__name__)


class Scheduler:
    """Looks for nothing by itself: the runner's look each second says when something is due. `on_sent` is called then, as
    something else may be due soon."""

    def __init__(self, on_sent: Callable[[], None] = lambda: None) -> None:
        self._on_sent = on_sent
        self._asked_at: dict[str, float] = {}
        self._needed: set[str] = set()
        self._wake = asyncio.Event()

    def notice(self, seen: Seen) -> None:
        """Say what a look has found."""
        self._needed.update(self._not_asked_lately(seen.needed))
        if self._needed or (seen.seconds_to_schedule is not None and seen.seconds_to_schedule <= 0):
            self._wake.set()

    async def run_once(self) -> int:
        """Send all that is due, or needed. Returns how many tasks that were."""
        if self._needed:
            await make_due(self._needed)
            self._needed.clear()
        sent = 0
        while (due := await send_due_schedules()).found == AT_ONCE:
            sent += due.sent
        return sent + due.sent

    async def run_forever(self) -> None:
        """Until cancelled. What cannot be sent stays due, and is found by the next look."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                await self.run_once()
            except Exception as error:  # whatever it is, what is due stays due
                log.warning("schedules could not be sent, trying again", error=repr(error))
            else:
                self._on_sent()

    def _not_asked_lately(self, needed: Iterable[str]) -> Iterable[str]:
        time = monotonic()
        for name in needed:
            if time - self._asked_at.get(name, -NEEDED_EVERY) >= NEEDED_EVERY:
                self._asked_at[name] = time
                yield name
