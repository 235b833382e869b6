"""Sending schedules when they are due. Every runner does, and each time of a schedule is sent by one of them."""

import asyncio

import structlog

from app.actions.tasks.schedules import AT_ONCE, seconds_until_due, send_due_schedules

LONGEST_SLEEP = 10.0
"""Seconds after which a schedule that somebody has changed or un-paused is seen, at the latest."""
SHORTEST_SLEEP = 0.05

log = structlog.get_logger(__name__)


class Scheduler:
    """Asks the database once for every time something is due, and every 10 seconds while nothing is."""

    async def run_once(self) -> int:
        """Send all that is due. Returns how many tasks that were."""
        sent = 0
        while (due := await send_due_schedules()).found == AT_ONCE:
            sent += due.sent
        return sent + due.sent

    async def run_forever(self) -> None:
        """Until cancelled. A database that is gone is waited for."""
        while True:
            pause = await self._run_patiently()
            await asyncio.sleep(pause)

    async def _run_patiently(self) -> float:
        """Look once. Returns for how many seconds there is nothing to do."""
        try:
            seconds = await seconds_until_due()
            if seconds is not None and seconds <= 0:
                await self.run_once()
                seconds = await seconds_until_due()
        except Exception as error:  # whatever it is, what is due stays due
            log.warning("schedules could not be sent, trying again", error=repr(error))
            return 1.0
        return LONGEST_SLEEP if seconds is None else min(max(seconds, SHORTEST_SLEEP), LONGEST_SLEEP)
