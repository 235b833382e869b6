"""Groups that call back: how many of each are left, counted in the transactions that store how tasks ended."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from uuid_utils.compat import uuid7

from app.actions.tasks.clocks import Fetch
from app.database import fetch
from app.tasks.messages import Counted, NewGroup, NewTask, decode, encode

BATCH = 1000
LEAST_KEPT = timedelta(days=30)


async def store_groups(run: Fetch, groups: Sequence[NewGroup]) -> None:
    """Remember how many members groups have. Belongs to the transaction that stores those."""
    await run(
        _STORE,
        [group.id for group in groups],
        [group.pending for group in groups],
        [group.due for group in groups],
    )


async def count_down(run: Fetch, counted: Sequence[Counted]) -> list[NewTask]:
    """Count members that have been done. Returns what the groups want sent of which these were the last.

    Belongs to the transaction that stores their end, so that each counts once. Others that count for the same groups wait
    for it, so store last what needs no waiting. A group that is not known any more wants nothing.
    """
    ended = Counter(each.group_id for each in counted)
    rows = await run(_COUNT_DOWN, list(ended), list(ended.values()))
    over = [row["id"] for row in rows if row["pending"] == 0]
    if not over:
        return []
    await run("DELETE FROM task_group WHERE id = ANY ($1::uuid[])", over)
    callbacks = {each.group_id: each.callbacks for each in counted}
    return await _told_apart(run, [task for id in over for task in callbacks[id]])


async def forget_groups(keep: timedelta = LEAST_KEPT) -> int:
    """Remove groups of which no member has been done for so long, at least 30 days. Returns how many, up to a batch."""
    return len(await fetch(_FORGET, max(keep, LEAST_KEPT), BATCH))


async def _told_apart(run: Fetch, tasks: Sequence[NewTask]) -> list[NewTask]:
    """The tasks, those with a new id whose message was sent already: several groups may have the same callback."""
    rows = await run(
        "SELECT message_id FROM task WHERE message_id = ANY ($1::uuid[])", [t.message_id for t in tasks]
    )
    seen = {row["message_id"] for row in rows}
    apart = []
    for task in tasks:
        apart.append(_with_new_id(task) if task.message_id in seen else task)
        seen.add(task.message_id)
    return apart


def _with_new_id(task: NewTask) -> NewTask:
    id = uuid7()
    return replace(task, message_id=id, message=encode(decode(task.message).copy(message_id=str(id))))


_STORE = """
INSERT INTO task_group (id, pending, active_at)
SELECT id, pending, greatest(due, now()) FROM unnest($1::uuid[], $2::int[], $3::timestamptz[]) AS sent(id, pending, due)
"""

# In the order of their ids, so that two who count for the same groups do not wait for each other.
_COUNT_DOWN = """
WITH counted AS MATERIALIZED (
    SELECT task_group.id, report.ended FROM unnest($1::uuid[], $2::int[]) AS report(id, ended)
    JOIN task_group ON task_group.id = report.id ORDER BY task_group.id FOR UPDATE OF task_group)
UPDATE task_group SET pending = greatest(0, task_group.pending - counted.ended), active_at = greatest(active_at, now())
FROM counted WHERE task_group.id = counted.id
RETURNING task_group.id, task_group.pending
"""

_FORGET = """
DELETE FROM task_group WHERE id = ANY (ARRAY(
    SELECT old.id FROM task_group AS old WHERE old.active_at < now() - $1::interval LIMIT $2 FOR UPDATE SKIP LOCKED))
RETURNING id
"""
