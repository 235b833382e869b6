"""Chores that clear away: batch by batch while there is more, saying now and then how far they are."""

from collections.abc import Awaitable, Callable
from time import monotonic

from app.tasks.running import current

QUEUE = "chores"
LONGEST = 300.0
"""Seconds after which a chore leaves the rest to the next time."""
SAY_EVERY = 5.0
TIME_LIMIT_MS = 600_000
DAYS = 24 * 3600


async def clear_away(step: Callable[[], Awaitable[int]], batch: int, what: str) -> int:
    """Call `step`, which removes up to a batch and says how many, until it finds no full one. Returns how many in all."""
    task = current.get()
    began = said = monotonic()
    total = 0
    while True:
        total += (removed := await step())
        time = monotonic()
        if removed < batch or time - began > LONGEST:
            break
        if task is not None and time - said > SAY_EVERY:
            task.info(f"Removed {total:,} {what} so far.", removed=total)
            said = time
    if task is not None and total:
        task.info(f"Removed {total:,} {what}.", removed=total, more=removed >= batch)
    return total
