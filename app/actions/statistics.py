"""What PostgreSQL knows of our tables, from which it plans."""

from app.database import fetch

SMALL = 1000
"""Rows below which a plan that reads a whole table does no harm."""


async def analyze_what_has_grown() -> list[str]:
    """Have every table analyzed that holds twice the rows it did when it was last. Returns their names.

    A connection keeps its plans, and the plan for a nearly empty table reads all of it: a claim would go on doing so
    when twenty thousand requests come at once, until autovacuum looks, up to a minute later.
    """
    grown = [str(row["relname"]) for row in await fetch(_GROWN, SMALL)]
    for table in grown:
        await fetch(f'ANALYZE "{table}"')
    return grown


_GROWN = """
SELECT table_.relname::text FROM pg_class AS table_ JOIN pg_stat_user_tables AS seen ON seen.relid = table_.oid
WHERE seen.schemaname = 'public' AND seen.n_live_tup >= $1 AND seen.n_live_tup > 2 * greatest(table_.reltuples, 0)
ORDER BY table_.relname
"""
