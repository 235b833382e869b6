"""Taking back what was lost: leases that ran out, workers whose server is gone. Not what only we could not hear of."""

from dataclasses import dataclass
from datetime import timedelta

from app.actions.work.running import recover_lost_work, spare_leases
from app.actions.work.workers import SERVER_LOCK, disconnect_lost_workers
from app.database import fetch

SPARED = 15
"""Seconds within which the reference worker has tried again, however long the server was away."""
LATE = timedelta(seconds=15)
"""When nobody looked for longer than this, something was away: us, or the database."""
GRACE = 15.0  # seconds; three heartbeats of a connected worker
BATCH = 100
MAX_BATCHES = 100


@dataclass(frozen=True)
class TakenBack:
    """What was taken back. `spared`: leases were left alone, because nobody could have renewed them."""

    work_requests: int = 0
    workers: int = 0
    spared: bool = False


async def take_back_what_is_lost(*, away: bool = False) -> TakenBack:
    """Take back requests whose lease ran out, and note which workers are gone. To be called every few seconds.

    `away`: for some time nobody has done so. Then, and as long as no server is there that workers could renew with, no
    lease is let run out: that must cost them no attempt.
    """
    if away or not await _server_is_there():
        await spare_leases(SPARED)
        return TakenBack(workers=await disconnect_lost_workers(grace_seconds=GRACE), spared=True)
    requests = 0
    for _ in range(MAX_BATCHES):
        requests += (batch := await recover_lost_work(limit=BATCH))
        if batch < BATCH:
            break
    return TakenBack(requests, await disconnect_lost_workers(grace_seconds=GRACE))


async def nobody_looked_before(task_id: int) -> bool:
    """Whether nobody was there for too long, before this task of a schedule was sent, to take back what is lost.

    The time for which the task then waited for a runner does not count: servers were there, and workers could renew.
    """
    [row] = await fetch(_SENT_AFTER, task_id)
    return row["after"] is None or bool(row["after"] > LATE)


_SENT_AFTER = """
SELECT sent.created_at - (
    SELECT max(earlier.mtime) FROM task AS earlier
    WHERE earlier.rel_obj_content_type_id = sent.rel_obj_content_type_id AND earlier.rel_obj_id = sent.rel_obj_id
      AND earlier.state = 'done') AS after
FROM task AS sent WHERE sent.id = $1
"""


async def _server_is_there() -> bool:
    return bool(await fetch(_SERVER_IS_THERE))


_SERVER_IS_THERE = f"""
SELECT FROM pg_locks WHERE locktype = 'advisory' AND classid = {SERVER_LOCK} AND objsubid = 2
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) LIMIT 1
"""
