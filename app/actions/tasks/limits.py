"""What is done only so often, or by so many at once: counted where all runners see it, by PostgreSQL's clock.

Each statement commits by itself, whatever transaction the caller has open: others must see at once what is taken.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from app.database import apart, fetch, transaction

BATCH = 1000
LOCKS = 7323
"""The advisory locks of windows that are made of several numbers."""


async def hold(key: str, limit: int, seconds: float) -> datetime | None:
    """Take one of so many places, for so long. Returns until when, which names the place; None: all are taken."""
    return await _time(_HOLD, key, limit, seconds)


async def release(key: str, until: datetime) -> None:
    """Give a place back before its time is over."""
    await _rows(_RELEASE, key, until)


async def count(key: str, limit: int, milliseconds: int) -> datetime | None:
    """Count, up to a limit, what is done in an interval; all begin together. Returns when this one ends; None: it is full."""
    return await _time(_COUNT, key, limit, float(milliseconds))


async def add(key: str, value: int, ttl: int) -> bool:
    """Set a number that is not there, for so many milliseconds. True if it was not."""
    return bool(await _rows(_ADD, key, value, ttl))


async def increase(key: str, amount: int, maximum: int, ttl: int) -> bool:
    """Increase a number, 0 if it is not there, unless it would become too large."""
    return bool(await _rows(_INCREASE, key, amount, ttl, maximum))


async def decrease(key: str, amount: int, minimum: int, ttl: int) -> bool:
    """Decrease a number, unless it would become too small or is not there."""
    return bool(await _rows(_DECREASE, key, amount, ttl, minimum))


async def increase_within(
    key: str, keys: Callable[[], Sequence[str]], amount: int, maximum: int, ttl: int
) -> bool:
    """Increase a number, unless the sum of several would become too large."""
    return await apart(_increase_within(key, keys, amount, maximum, ttl))


async def is_there(key: str) -> bool:
    """Whether there is such a number."""
    return bool(
        await _rows("SELECT key FROM rate_limit WHERE key = $1 AND expires_at > clock_timestamp()", key)
    )


async def forget_limits() -> int:
    """Remove what counts no more. Returns how many, up to a batch."""
    return len(await fetch(_FORGET, BATCH))


async def _increase_within(
    key: str, keys: Callable[[], Sequence[str]], amount: int, maximum: int, ttl: int
) -> bool:
    async with transaction():
        name = key.rpartition("@")[0] or key  # what stays the same while the seconds pass
        await fetch("SELECT pg_advisory_xact_lock($1, hashtext($2))", LOCKS, name)
        [row] = await fetch(_SUM, list(keys()))
        if row["sum"] + amount > maximum:
            return False
        return bool(await fetch(_INCREASE, key, amount, ttl, maximum))


async def _rows(sql: str, *args: object) -> list[dict[str, Any]]:
    return await apart(fetch(sql, *args))


async def _time(sql: str, *args: object) -> datetime | None:
    rows = await _rows(sql, *args)
    return rows[0]["until"] if rows else None


_HELD = "SELECT hold FROM unnest(it.holds) AS hold WHERE hold > clock_timestamp()"

_HOLD = f"""
INSERT INTO rate_limit AS it (key, holds, expires_at)
SELECT $1, ARRAY[until], until FROM (SELECT clock_timestamp() + make_interval(secs => $3) AS until) AS wanted
ON CONFLICT (key) DO UPDATE
    SET holds = ARRAY({_HELD}) || excluded.holds, expires_at = greatest(it.expires_at, excluded.expires_at)
    WHERE (SELECT count(*) FROM ({_HELD}) AS held) < $2::int
RETURNING it.holds[cardinality(it.holds)] AS until
"""

_RELEASE = """
UPDATE rate_limit
SET holds = holds[:array_position(holds, $2::timestamptz) - 1] || holds[array_position(holds, $2::timestamptz) + 1:]
WHERE key = $1 AND $2::timestamptz = ANY (holds)
RETURNING key
"""

# The interval may have ended while this waited for another that counts: what came later stays.
_COUNT = """
INSERT INTO rate_limit AS it (key, value, expires_at)
SELECT $1, 1, to_timestamp((floor(extract(epoch FROM clock_timestamp())::float8 * 1000 / $3::float8) + 1) * $3::float8 / 1000)
ON CONFLICT (key) DO UPDATE
    SET value = CASE WHEN it.expires_at > clock_timestamp() THEN it.value + 1 ELSE 1 END,
        expires_at = greatest(it.expires_at, excluded.expires_at)
    WHERE it.value < $2::int OR it.expires_at <= clock_timestamp()
RETURNING it.expires_at AS until
"""

_ENDS = "clock_timestamp() + make_interval(secs => $3::float8 / 1000)"
_VALUE = "CASE WHEN it.expires_at > clock_timestamp() THEN it.value ELSE 0 END"

_ADD = f"""
INSERT INTO rate_limit AS it (key, value, expires_at) SELECT $1, $2::bigint, {_ENDS}
ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at
    WHERE it.expires_at <= clock_timestamp()
RETURNING key
"""

_INCREASE = f"""
INSERT INTO rate_limit AS it (key, value, expires_at) SELECT $1, $2::bigint, {_ENDS} WHERE $2::bigint <= $4::bigint
ON CONFLICT (key) DO UPDATE SET value = {_VALUE} + excluded.value, expires_at = excluded.expires_at
    WHERE {_VALUE} + excluded.value <= $4::bigint
RETURNING key
"""

_DECREASE = f"""
UPDATE rate_limit SET value = value - $2::bigint, expires_at = {_ENDS}
WHERE key = $1 AND expires_at > clock_timestamp() AND value - $2::bigint >= $4::bigint
RETURNING key
"""

_SUM = """
SELECT coalesce(sum(value), 0)::bigint AS sum FROM rate_limit
WHERE key = ANY ($1::text[]) AND expires_at > clock_timestamp()
"""

_FORGET = """
DELETE FROM rate_limit WHERE key = ANY (ARRAY(
    SELECT old.key FROM rate_limit AS old WHERE old.expires_at < now()
    ORDER BY old.expires_at LIMIT $1 FOR UPDATE SKIP LOCKED))
RETURNING key
"""
