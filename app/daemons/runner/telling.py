"""Tells the servers that a runner wrote events, so that subscribers hear of them at once and not within a second."""

import asyncio

from app.actions.outbox import CHANNEL, call_when_written
from app.database import fetch

PAUSE = 0.01
"""Seconds: a NOTIFY in each of many commits would make them wait for each other, so one tells of all in between."""


class EventTeller:
    """One per runner."""

    def __init__(self) -> None:
        self._written = asyncio.Event()

    async def run_forever(self) -> None:
        """Until cancelled. What cannot be told is found by the servers, which look each second."""
        forget = call_when_written(self._written.set)
        try:
            while True:
                await self._written.wait()
                self._written.clear()
                try:
                    await fetch(f"NOTIFY {CHANNEL}")
                except Exception:  # of the models' own kinds too: the runner goes on
                    await asyncio.sleep(1)
                await asyncio.sleep(PAUSE)
        finally:
            forget()
