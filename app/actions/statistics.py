"""What PostgreSQL knows of our tables, from which it plans."""

from app.database import fetch

SMALL = 1000
"""Rows below which a plan that reads a whole table does no harm."""
STATISTICS_ACTOR = "app.chores.statistics.analyze_what_has_grown"
"""The chore that has them analyzed: sent as soon as a runner sees that one has grown."""


async def analyze_what_has_grown() -> list[str]:
    """Have every table analyzed that holds twice the rows it did when it was last. Returns their names.

    A connection keeps its plans, and the plan for a nearly empty table reads all of it: a claim would go on doing so
    when twenty thousand requests come at once, until autovacuum looks, up to a minute later.
    """
    grown = [str(row["relname"]) for row in await fetch(f"{GROWN.format(small=SMALL)} ORDER BY relname")]
    for table in grown:
        await fetch(f'ANALYZE "{table}"')
    return grown


# Of the catalogue itself: the view of statistics counts what is in all indexes first, and runners look each second.
GROWN = """
SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
    AND pg_stat_get_live_tuples(oid) >= greatest({small}, 2 * reltuples + 1)
"""
"""Finds the tables; `small` is a parameter, or a number of rows."""
