"""Takes back what was lost: leases that ran out, workers whose server is gone, tokens, keys and events that are too old."""

import asyncio
import random
from dataclasses import dataclass

import structlog

from app.actions import work
from app.actions.retention import BATCH, forget_old_keys, forget_old_tokens, prune_event_log
from app.actions.statistics import analyze_what_has_grown
from app.settings import Settings

log = structlog.get_logger(__name__)
HOURLY = 3600.0
SPARED = 15
"""Seconds within which the reference worker has tried again, however long the server was away."""
GRACE = 15.0  # seconds; three heartbeats of a connected worker


@dataclass(frozen=True)
class Reaped:
    """What one round took back or away."""

    work_requests: int
    workers: int
    tokens: int = 0
    keys: int = 0
    events: int = 0


class Reaper:
    """Any number of processes may run one: each row is taken by one of them."""

    def __init__(self, settings: Settings, *, interval: float = 1.0) -> None:
        self._settings = settings
        self._interval = interval
        self._next_clearing = 0.0

    async def run_once(self) -> Reaped:
        """One round; once an hour it clears away what is old, and goes on with that round by round until it is done."""
        requests = await work.recover_lost_work()
        workers = await work.disconnect_lost_workers(grace_seconds=GRACE)
        await analyze_what_has_grown()
        now = asyncio.get_running_loop().time()
        if now < self._next_clearing:
            return Reaped(requests, workers)
        cleared = (
            await forget_old_tokens(),
            await forget_old_keys(),
            await prune_event_log(self._settings.event_retention_days),
        )
        # A full batch leaves more behind it: go on in the next round, and take back leases in between.
        self._next_clearing = now if max(cleared) >= BATCH else now + HOURLY
        return Reaped(requests, workers, *cleared)

    async def run_forever(self) -> None:
        """A round about every second, until cancelled."""
        away = True
        while True:
            try:
                if away:  # workers could not renew meanwhile: that we were away must cost them no attempt
                    await work.spare_leases(SPARED)
                    away = False
                reaped = await self.run_once()
                if reaped.work_requests or reaped.workers:
                    log.info(
                        "took back what was lost", work_requests=reaped.work_requests, workers=reaped.workers
                    )
            except Exception as error:  # the next round may succeed; a reaper that stops helps nobody
                log.warning("a round of the reaper failed", error=repr(error))
                away = True
            await asyncio.sleep(self._interval * random.uniform(0.8, 1.2))
