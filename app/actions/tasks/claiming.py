"""Taking tasks to run: the first by priority, then in the order of coming. Whoever is first at a row has it; others skip it.

What waits is in `task_waiting`, and is taken from there; `task_claim` says who took what. The row of a task that is taken says so
only once it has begun to run for a while, when its runner tells of it; or when somebody has to know before: see `write_claims`
in the migrations.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg


class Claimed(NamedTuple):
    """A task that a runner has taken. `attempt` tells this taking from all before and after it: every report names it."""

    id: int
    message_id: UUID
    queue_name: str
    actor_name: str
    message: bytes
    attempt: int
    retries: int
    crashes: int
    tenant_id: int
    workspace_id: int | None
    uid: str | None
    priority: int
    eta: datetime | None
    log_count: int
    worst_level: str
    app_label: str | None
    model: str | None
    rel_obj_id: str | None


async def claim(
    connection: "asyncpg.Connection[Any]", worker_id: UUID, queue_name: str, limit: int
) -> Sequence[Claimed]:
    """Give the runner up to so many tasks of a queue. They are its own until it reports, or is lost. No event tells of it.

    One that was taken for lost is given none until it has come back: it would lose them again.
    """
    rows = await connection.fetch(_CLAIM, worker_id, queue_name, limit)
    claimed = [Claimed._make(row) for row in rows]
    if len(claimed) > 1:
        claimed.sort(key=_turn)
    return claimed


async def claimed_unheard(
    connection: "asyncpg.Connection[Any]", worker_id: UUID, known: Sequence[int]
) -> Sequence[Claimed]:
    """What the runner has taken beside what it knows of: its connection was lost before it heard the answer."""
    await connection.fetch(_WRITE_UNHEARD, worker_id, known)  # then the rows say which attempt it is
    rows = await connection.fetch(_UNHEARD, worker_id, known)
    return [Claimed._make(row) for row in rows]


async def filled_queues(connection: "asyncpg.Connection[Any]") -> list[str]:
    """The queues that have a task to run now: one look-up for each, however many tasks there are."""
    return [row[0] for row in await connection.fetch(_FILLED)]


async def await_tasks(
    connection: "asyncpg.Connection[Any]", worker_id: UUID, queue_names: Sequence[str]
) -> None:
    """Ask to be told of tasks that come into these queues. Look for tasks once more after it, then wait."""
    await connection.execute(_AWAIT, worker_id, queue_names)


async def await_no_tasks(connection: "asyncpg.Connection[Any]", worker_id: UUID) -> None:
    """Ask no more: whoever is busy looks by itself, and telling it would make commits wait for each other."""
    await connection.execute("DELETE FROM task_idle WHERE worker_id = $1", worker_id)


def _turn(task: Claimed) -> tuple[int, int]:
    return task.priority, task.id


_CLAIMED = """id, message_id, queue_name, actor_name, message, attempt, retries, crashes, tenant_id, workspace_id, _uid, priority,
    eta, log_count, worst_level,
    CASE WHEN rel_obj_id IS NOT NULL THEN (SELECT app_label FROM content_type WHERE id = rel_obj_content_type_id) END,
    CASE WHEN rel_obj_id IS NOT NULL THEN (SELECT model FROM content_type WHERE id = rel_obj_content_type_id) END, rel_obj_id"""

# One queue at a time: for `queue_name = ANY (…)` no index gives the order.
_CLAIM = f"SELECT {_CLAIMED} FROM take_tasks($1, $2, $3)"

_WRITE_UNHEARD = """
SELECT write_claims(ARRAY(SELECT unnest(task_ids) FROM task_claim WHERE worker_id = $1 EXCEPT SELECT unnest($2::bigint[])))
"""

_UNHEARD = f"""
SELECT {_CLAIMED} FROM task
WHERE id = ANY (ARRAY(SELECT unnest(task_ids) FROM task_claim WHERE task_claim.worker_id = $1))
    AND worker_id = $1 AND state = 'consumed' AND id <> ALL ($2::bigint[])
ORDER BY priority, id
"""

_FILLED = "SELECT * FROM filled_task_queues()"

_AWAIT = """
INSERT INTO task_idle (queue_name, worker_id) SELECT unnest($2::text[]), $1::uuid ON CONFLICT DO NOTHING
"""
