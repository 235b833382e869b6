"""Clearing away: results whose time is over, tasks that have been kept long enough. A batch at a time: call again after a
full one."""

from app.database import fetch

BATCH = 1000
"""A statement that removes more holds its locks, and what it removed in memory, for too long."""


async def purge_tasks() -> int:
    """Remove tasks, with their logs, that ended so long ago as they are kept. Returns how many.

    One whose result is kept for longer stays until that is over.
    """
    return len(await fetch(_PURGE, BATCH))


async def empty_results() -> int:
    """Remove the results whose time is over; `result_expiry` says from then on when that was. Returns how many."""
    return len(await fetch(_EMPTY, BATCH))


_PURGE = """
DELETE FROM task WHERE ctid = ANY (ARRAY(
    SELECT old.ctid FROM task AS old
    WHERE old.expires_at < now() AND (old.result_expiry IS NULL OR old.result_expiry < now())
    ORDER BY old.expires_at LIMIT $1 FOR UPDATE SKIP LOCKED))
RETURNING id
"""

_EMPTY = """
UPDATE task SET result = NULL WHERE ctid = ANY (ARRAY(
    SELECT old.ctid FROM task AS old WHERE old.result IS NOT NULL AND old.result_expiry < now()
    ORDER BY old.result_expiry LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED))
RETURNING id
"""
