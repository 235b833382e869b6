"""Clearing away what is too old to be of use: each verb removes one batch at most, so call it again after a full one."""

from app.database import atomic, fetch

BATCH = 5000


@atomic()
async def prune_event_log(days: int) -> int:
    """Remove events older than so many days. Cursors before the cut expire. Returns how many were removed."""
    await fetch("SELECT 1 FROM event_log_state FOR UPDATE")
    rows = await fetch(_PRUNE, days, BATCH)
    return int(rows[0]["removed"])


_PRUNE = """
WITH cut AS (
    SELECT xid, seq FROM (
        SELECT xid, seq, created_at FROM outbox_event WHERE xid < pg_snapshot_xmin(pg_current_snapshot())
        ORDER BY xid, seq LIMIT $2) AS oldest
    WHERE created_at < now() - make_interval(days => $1)),
last AS (SELECT xid, seq FROM cut ORDER BY xid DESC, seq DESC LIMIT 1),
noted AS (UPDATE event_log_state SET pruned_xid = last.xid, pruned_seq = last.seq FROM last RETURNING 1),
gone AS (DELETE FROM outbox_event WHERE (xid, seq) <= (SELECT xid, seq FROM last) RETURNING 1)
SELECT count(*) AS removed FROM gone
"""


async def forget_old_tokens() -> int:
    """Remove sessions and activation tokens that expired more than a day ago. Returns how many."""
    return len(
        await fetch(
            "DELETE FROM token WHERE id IN (SELECT id FROM token WHERE kind IN ('session', 'activation')"
            " AND expire_at < now() - interval '1 day' LIMIT $1) RETURNING id",
            BATCH,
        )
    )


async def forget_old_keys() -> int:
    """Remove idempotency keys older than a day. Returns how many."""
    return len(
        await fetch(
            "DELETE FROM idempotency_key WHERE id IN (SELECT id FROM idempotency_key"
            " WHERE created_at < now() - interval '1 day' LIMIT $1) RETURNING id",
            BATCH,
        )
    )
