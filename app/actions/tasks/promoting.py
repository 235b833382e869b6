"""What a runner looks for once a second: tasks whose time has come, tasks that wait, tasks that it is to stop."""

from dataclasses import dataclass
from uuid import UUID

from app.database import fetch

BATCH = 1000
"""So many tasks become ready at a time; when there are more, look again at once."""


@dataclass(frozen=True)
class Cancelled:
    """A task that the runner has and is to stop."""

    id: int
    attempt: int


@dataclass(frozen=True)
class Seen:
    """What a look found."""

    promoted: int
    """So many tasks became ready: their time has come."""
    filled: dict[str, float]
    """The queues that have tasks to run now, each with the seconds for which the next of them has waited."""
    cancelled: tuple[Cancelled, ...]
    seconds_to_next: float | None
    """Until the next task becomes due; None: there is none."""

    @property
    def more(self) -> bool:
        """True when more tasks may be due than were made ready."""
        return self.promoted >= BATCH


async def look_for_tasks(worker_id: UUID) -> Seen:
    """Make the tasks ready whose time has come, never before it, and say what waits. One statement."""
    [row] = await fetch(_LOOK, worker_id, BATCH)
    filled: dict[str, float] = {}
    for name, waited in zip(row["queues"], row["waited"], strict=True):
        filled[name] = max(waited, filled.get(name, 0.0))
    return Seen(
        promoted=row["promoted"],
        filled=filled,
        cancelled=tuple(map(Cancelled, row["cancelled"], row["attempts"])),
        seconds_to_next=row["seconds_to_next"],
    )


# Rows are found by where they are, as claiming does: a join may be planned to read the whole table. The time is the clock's
# and not the transaction's, so that a look that waited for something finds what came due meanwhile. `first` hops from
# priority to priority, and from queue to queue: it reads one row for each, however many tasks wait.
_LOOK = """
WITH RECURSIVE due AS (
    UPDATE task SET ready = true
    WHERE ctid = ANY (ARRAY(
        SELECT waiting.ctid FROM task AS waiting
        WHERE waiting.state = 'queued' AND NOT waiting.ready AND waiting.eta <= clock_timestamp()
        ORDER BY waiting.eta LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED))
    RETURNING queue_name, extract(epoch FROM clock_timestamp() - eta)::float8 AS waited),
told AS (
    SELECT pg_notify('workyard_tasks', queue_name) FROM (SELECT DISTINCT queue_name FROM due) AS filled
    WHERE EXISTS (SELECT FROM task_idle WHERE task_idle.queue_name = filled.queue_name)),
first AS (
    (SELECT queue_name, priority, mtime, eta FROM task WHERE ready ORDER BY queue_name, priority, id LIMIT 1)
    UNION ALL
    SELECT next.queue_name, next.priority, next.mtime, next.eta FROM first CROSS JOIN LATERAL (
        SELECT task.queue_name, task.priority, task.mtime, task.eta FROM task
        WHERE task.ready AND (task.queue_name, task.priority) > (first.queue_name, first.priority)
        ORDER BY task.queue_name, task.priority, task.id LIMIT 1) AS next),
filled AS (
    SELECT queue_name, max(extract(epoch FROM clock_timestamp() - greatest(mtime, eta)))::float8 AS waited
    FROM first GROUP BY queue_name
    UNION ALL
    SELECT queue_name, max(waited) FROM due GROUP BY queue_name),
cancelled AS (
    SELECT id, attempt FROM task WHERE worker_id = $1 AND cancel_requested_at IS NOT NULL)
SELECT (SELECT count(*) FROM due)::int AS promoted, (SELECT count(*) FROM told) AS told,
    coalesce((SELECT array_agg(queue_name ORDER BY queue_name, waited) FROM filled), '{}') AS queues,
    coalesce((SELECT array_agg(waited ORDER BY queue_name, waited) FROM filled), '{}') AS waited,
    coalesce((SELECT array_agg(id ORDER BY id) FROM cancelled), '{}') AS cancelled,
    coalesce((SELECT array_agg(attempt ORDER BY id) FROM cancelled), '{}') AS attempts,
    (SELECT greatest(0, extract(epoch FROM eta - clock_timestamp()))::float8 FROM task
     WHERE state = 'queued' AND NOT ready AND eta > clock_timestamp() ORDER BY eta LIMIT 1) AS seconds_to_next
"""
