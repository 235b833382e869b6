"""Taking back the tasks of runners that are lost: killed, cut off, or standing still."""

from dataclasses import dataclass
from uuid import UUID

import structlog

from app.actions.outbox import insert_events, written
from app.actions.tasks.purging import purge_at
from app.actions.tasks.runners import record_for_all_tenants
from app.database import atomic, fetch, on_commit
from app.events import TaskRejected, TaskRequeued, WorkerStatusLost
from app.models.tasks import ALIVE_FOR

BATCH = 1000
MOST_CRASHES = 3
"""A task that has lost so many runners is rejected: it may be what kills them."""
LOCK = 7322
"""The advisory lock of whoever takes back tasks: one of all runners at a time."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Recovered:
    """What was taken back."""

    runners: int = 0
    """That were found to be lost."""
    requeued: int = 0
    rejected: int = 0

    @property
    def more(self) -> bool:
        """True when there may be more tasks to take back."""
        return self.requeued + self.rejected >= BATCH


async def recover_lost_tasks(keep_days: float = 30, *, spare_seconds: float = 0) -> Recovered:
    """Put the tasks of lost runners back into their queues, or reject those that lost too many, or were to be cancelled.

    A runner is lost when it was not seen for 30 seconds, or is not known. What it still says of these tasks is refused,
    because the next runner takes them with a higher `attempt`. Only call it while others could have said that they live:
    nothing is lost for so many seconds after PostgreSQL itself was started.
    """
    if not (await fetch(_ANYTHING_LOST, ALIVE_FOR, spare_seconds))[0]["lost"]:
        return Recovered()
    return await _recover(keep_days)


@atomic()
async def _recover(keep_days: float) -> Recovered:
    if not (await fetch("SELECT pg_try_advisory_xact_lock($1) AS mine", LOCK))[0]["mine"]:
        return Recovered()
    lost: list[UUID] = [row["id"] for row in await fetch(_LOSE, ALIVE_FOR)]
    if lost:
        await record_for_all_tenants(WorkerStatusLost, *lost)
    await fetch(
        "DELETE FROM task_idle WHERE NOT EXISTS (SELECT FROM worker_status WHERE id = worker_id AND lost_at IS NULL)"
    )
    await fetch(_WRITE_CLAIMS)
    ids = [row["id"] for row in await fetch(_LOCK_TASKS, BATCH)]
    if not ids:
        await fetch(_FORGET_CLAIMS)
        return Recovered(len(lost))
    taken = await fetch(_TAKE_BACK, ids, MOST_CRASHES, keep_days)
    await fetch(_FORGET_CLAIMS)
    requeued = [row["id"] for row in taken if row["state"] == "queued"]
    await fetch(_ROTATE, requeued)
    on_commit(written)
    recovered = Recovered(len(lost), len(requeued), len(taken) - len(requeued))
    log.warning(
        "took back the tasks of lost runners",
        runners=[str(id) for id in lost],
        requeued=recovered.requeued,
        rejected=recovered.rejected,
    )
    return recovered


def _by_nobody(runner: str) -> str:
    return f"NOT EXISTS (SELECT FROM worker_status WHERE worker_status.id = {runner} AND lost_at IS NULL)"


# Taken together, and not known to have begun; or begun: see the indexes of the table.
_CLAIMED_BY_NOBODY = _by_nobody("task_claim.worker_id")
_BEGUN_BY_NOBODY = f"held_on IS NOT NULL AND {_by_nobody('held_on')}"

_ANYTHING_LOST = f"""
SELECT pg_postmaster_start_time() <= now() - make_interval(secs => $2) AND (
    EXISTS (SELECT FROM worker_status WHERE last_seen < now() - $1::interval AND lost_at IS NULL)
    OR EXISTS (SELECT FROM task_claim WHERE {_CLAIMED_BY_NOBODY})
    OR EXISTS (SELECT FROM task WHERE {_BEGUN_BY_NOBODY})) AS lost
"""

_LOSE = """
UPDATE worker_status SET lost_at = now() WHERE last_seen < now() - $1::interval AND lost_at IS NULL RETURNING id
"""

_WRITE_CLAIMS = (
    f"SELECT write_claims(ARRAY(SELECT unnest(task_ids) FROM task_claim WHERE {_CLAIMED_BY_NOBODY}))"
)

_LOCK_TASKS = f"""
SELECT id FROM task
WHERE id = ANY (ARRAY(SELECT unnest(task_ids) FROM task_claim WHERE {_CLAIMED_BY_NOBODY}
                      UNION SELECT id FROM task WHERE {_BEGUN_BY_NOBODY}))
    AND worker_id IS NOT NULL AND {_by_nobody("task.worker_id")}
ORDER BY id LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED
"""

_FORGET_CLAIMS = f"DELETE FROM task_claim WHERE {_CLAIMED_BY_NOBODY} AND NOT claim_counts(task_claim)"

_EXTRA = """jsonb_build_object('transitions',
    CASE WHEN row.old_state = 'consumed' THEN jsonb_build_array(jsonb_build_array('consumed', row.old_mtime)) ELSE '[]' END
    || jsonb_build_array(jsonb_build_array(row.state, row.mtime)))"""

# Of what is rejected the log is not rotated: that it lost its runner is the end of its last attempt.
_ROTATE = """
UPDATE task_log SET previous = true FROM task
WHERE task_id = ANY ($1) AND task.id = task_id AND NOT previous AND number < log_count
"""

_REQUEUED = f"jsonb_build_object('reason', 'runner_lost') || {_EXTRA}"

_TAKE_BACK = f"""
WITH old AS MATERIALIZED (
    SELECT task.id, task.state, task.mtime, task.worker_id,
        task.cancel_requested_at IS NOT NULL AS cancelled,
        task.cancel_requested_at IS NOT NULL OR task.crashes + 1 >= $2 AS over,
        coalesce((SELECT hostname FROM worker_status WHERE worker_status.id = task.worker_id), 'an unknown host') AS hostname
    FROM task WHERE task.id = ANY ($1)),
changed AS (
    UPDATE task SET crashes = crashes + 1, mtime = now(), worker_id = NULL, eta = NULL,
        state = CASE WHEN old.over THEN 'rejected' ELSE 'queued' END, ready = NOT old.over,
        expires_at = CASE WHEN old.over THEN now() + make_interval(secs => $3 * 86400) END,
        purge_at = CASE WHEN old.over THEN {purge_at("task", "make_interval(secs => $3 * 86400)")} ELSE purge_at END,
        dedupe_key = CASE WHEN NOT old.over THEN dedupe_key END,
        worst_level = CASE WHEN old.over THEN 'error' ELSE 'warning' END, log_count = log_count + 1
    FROM old WHERE task.id = old.id
    RETURNING task.*, old.state AS old_state, old.mtime AS old_mtime, old.worker_id AS lost_worker_id, old.hostname, old.over,
        old.cancelled),
logged AS (
    INSERT INTO task_log (id, task_id, event, log_level, logger, timestamp, attributes, attempt, number)
    SELECT line_id(id, log_count, mtime), id,
        'Task has lost its runner ' || lost_worker_id || ' on ' || hostname
            || CASE WHEN cancelled THEN ', and was to be cancelled' WHEN over THEN ' for the last time' ELSE '' END,
        CASE WHEN over THEN 'error' ELSE 'warning' END, 'workyard.tasks', mtime,
        jsonb_build_object('worker_id', lost_worker_id, 'hostname', hostname, 'crashes', crashes), attempt, log_count
    FROM changed),
requeued AS ({insert_events(TaskRequeued, "(SELECT * FROM changed WHERE NOT over)", _REQUEUED, in_turn=True)}),
rejected AS ({insert_events(TaskRejected, "(SELECT * FROM changed WHERE over)", _EXTRA, in_turn=True)}),
told AS (
    SELECT pg_notify('workyard_tasks', queue_name) FROM (SELECT DISTINCT queue_name FROM changed WHERE ready) AS filled
    WHERE EXISTS (SELECT FROM task_idle WHERE task_idle.queue_name = filled.queue_name))
SELECT id, state, (SELECT count(*) FROM told) AS told FROM changed
"""
