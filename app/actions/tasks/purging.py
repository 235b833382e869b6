"""Clearing away: results whose time is over, tasks that have been kept long enough. A batch at a time: call again after a
full one."""

from app.database import fetch

BATCH = 1000
"""A statement that removes more holds its locks, and what it removed in memory, for too long."""
FOUND_BY_AGE_AFTER_DAYS = 30
"""What is kept for less time is entered in an index when it ends, which costs as much as half of running it. The rest is found
by its age."""
MOST_OF_INT8 = 2**63 - 1


async def purge_tasks() -> int:
    """Remove tasks, with their logs, that ended so long ago as they are kept. Returns how many.

    One whose result is kept for longer stays until that is over.
    """
    removed: int = 0
    while True:
        left = BATCH - removed
        [row] = await fetch(_PURGE, left)
        removed += row["removed"]
        if removed >= BATCH or row["removed"] + row["kept"] < left:
            return removed


def purge_at(table: str, kept_for: str, *, alike: bool = False) -> str:
    """SQL: what `purge_at` becomes when a task ends that is kept for so long. Null, as it was, when its age will tell.

    `alike`: so long as all that the statement ends, so that the times are computed once.
    """
    until = f"now() + {kept_for}"
    young = f"{until} - {_LONG}"
    if alike:
        until, young = f"(SELECT {until})", f"(SELECT {young})"
    return f"CASE WHEN {young} < {table}.created_at THEN {until} END"


async def empty_results() -> int:
    """Remove the results whose time is over; `result_expiry` says from then on when that was. Returns how many."""
    return len(await fetch(_EMPTY, BATCH))


_LONG = f"interval '{FOUND_BY_AGE_AFTER_DAYS} days'"

# The oldest tasks are those with the lowest ids, so the first that is young ends the search. What cannot be removed yet is looked
# at again when it can be; a task that is not over, in an hour.
_PURGE = f"""
WITH due AS MATERIALIZED (
    SELECT id, expires_at, result_expiry FROM task WHERE purge_at < now() ORDER BY purge_at LIMIT $1 FOR UPDATE SKIP LOCKED),
old AS MATERIALIZED (
    SELECT id, expires_at, result_expiry FROM task
    WHERE purge_at IS NULL
        AND id < coalesce((SELECT id FROM task WHERE created_at >= now() - {_LONG} ORDER BY id LIMIT 1), {MOST_OF_INT8})
    ORDER BY id LIMIT $1 - (SELECT count(*) FROM due) FOR UPDATE SKIP LOCKED),
looked_at AS MATERIALIZED (
    SELECT id, coalesce(greatest(expires_at, result_expiry) < now() AND expires_at IS NOT NULL, false) AS removable,
        CASE WHEN expires_at IS NULL THEN now() + interval '1 hour' ELSE greatest(expires_at, result_expiry) END AS again_at
    FROM (SELECT * FROM due UNION ALL SELECT * FROM old) AS each),
removed AS (
    DELETE FROM task WHERE id = ANY (ARRAY(SELECT looked_at.id FROM looked_at WHERE removable)) RETURNING id),
kept AS (
    UPDATE task SET purge_at = again_at FROM looked_at WHERE task.id = looked_at.id AND NOT removable RETURNING task.id)
SELECT (SELECT count(*) FROM removed)::int AS removed, (SELECT count(*) FROM kept)::int AS kept
"""

_EMPTY = """
UPDATE task SET result = NULL WHERE ctid = ANY (ARRAY(
    SELECT old.ctid FROM task AS old WHERE old.result IS NOT NULL AND old.result_expiry < now()
    ORDER BY old.result_expiry LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED))
RETURNING id
"""
