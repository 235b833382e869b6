"""How much waits in the queues, for how long, and for whom: what an operator watches."""

from dataclasses import dataclass

from app.database import fetch
from app.models.tasks import ALIVE_FOR


@dataclass(frozen=True)
class QueueCount:
    """A queue just now."""

    name: str
    ready: int
    """Tasks that a runner may take."""
    delayed: int
    """Tasks that wait for their time."""
    oldest_seconds: float
    """For how long the first of those that may be taken has waited, of each priority; 0: there is none."""
    runners: int
    """Living runners that serve it."""


async def count_queues() -> list[QueueCount]:
    """The queues that hold tasks, or that a living runner names. Reads an entry of an index for each task that waits."""
    return [QueueCount(**row) for row in await fetch(_QUEUES, ALIVE_FOR)]


async def count_runners() -> dict[str, int]:
    """How many living runners there are, by their version."""
    rows = await fetch(
        "SELECT version, count(*)::int AS number FROM worker_status WHERE last_seen > now() - $1::interval"
        " AND lost_at IS NULL GROUP BY version ORDER BY version",
        ALIVE_FOR,
    )
    return {row["version"]: row["number"] for row in rows}


# `first` hops from priority to priority, as in promoting.
_QUEUES = """
WITH RECURSIVE first AS (
    (SELECT queue_name, priority, task_id FROM task_waiting ORDER BY queue_name, priority, task_id LIMIT 1)
    UNION ALL
    SELECT next.queue_name, next.priority, next.task_id FROM first CROSS JOIN LATERAL (
        SELECT waiting.queue_name, waiting.priority, waiting.task_id FROM task_waiting AS waiting
        WHERE (waiting.queue_name, waiting.priority) > (first.queue_name, first.priority)
        ORDER BY waiting.queue_name, waiting.priority, waiting.task_id LIMIT 1) AS next),
alive AS (SELECT queues FROM worker_status WHERE last_seen > now() - $1::interval AND lost_at IS NULL),
counted AS (
    SELECT queue_name AS name, count(*)::int AS ready, 0 AS delayed FROM task_waiting GROUP BY queue_name
    UNION ALL
    SELECT queue_name, 0, count(*)::int FROM task WHERE delayed_until IS NOT NULL GROUP BY queue_name
    UNION ALL
    SELECT DISTINCT unnest(queues), 0, 0 FROM alive)
SELECT name, sum(ready)::int AS ready, sum(delayed)::int AS delayed,
    coalesce((SELECT max(extract(epoch FROM now() - greatest(mtime, eta))) FROM first JOIN task ON task.id = first.task_id
              WHERE first.queue_name = name), 0)::float8 AS oldest_seconds,
    (SELECT count(*) FROM alive WHERE queues = '{}' OR name = ANY (queues))::int AS runners
FROM counted GROUP BY name ORDER BY name
"""
