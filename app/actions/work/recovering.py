"""Taking back what was lost: leases that ran out, workers whose server is gone. Not what only we could not hear of."""

from dataclasses import dataclass

from app.actions.tasks.runners import GAP
from app.actions.work.running import recover_lost_work
from app.actions.work.workers import disconnect_lost_workers
from app.database import fetch

SPARED = 15
"""Seconds within which the reference worker has tried again, however long the server was away."""
RECOVERY_ACTOR = "app.chores.recovery.recover_lost_work"
"""The chore that takes back what is lost: sent as soon as a runner sees that there is something."""
GRACE = 15.0  # seconds; three heartbeats of a connected worker
BATCH = 100
MAX_BATCHES = 100


@dataclass(frozen=True)
class TakenBack:
    """What was taken back. `spared`: leases were left alone, because nobody could have renewed them."""

    work_requests: int = 0
    workers: int = 0
    spared: bool = False


async def take_back_what_is_lost() -> TakenBack:
    """Take back requests whose lease ran out, and note which workers are gone.

    Not while no server is there that workers could renew with, nor before one was for as long as they need to try again:
    that must cost them no attempt.
    """
    if not await _workers_could_renew():
        return TakenBack(workers=await disconnect_lost_workers(grace_seconds=GRACE), spared=True)
    requests = 0
    for _ in range(MAX_BATCHES):
        requests += (batch := await recover_lost_work(limit=BATCH))
        if batch < BATCH:
            break
    return TakenBack(requests, await disconnect_lost_workers(grace_seconds=GRACE))


async def _workers_could_renew() -> bool:
    [row] = await fetch("SELECT workers_could_renew($1) AS could", max(SPARED, GAP))
    return bool(row["could"])
