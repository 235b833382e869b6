"""Whose clock decides when a task is due: PostgreSQL's, however wrong those of senders and runners are."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from app.clock import now

Fetch = Callable[..., Awaitable[Sequence[Mapping[str, Any]]]]
"""Runs a statement with its arguments, as `app.database.fetch` and a connection's do."""


async def difference(run: Fetch) -> timedelta:
    """What to add to a time of this process's clock. Never too little: the way to the database is part of it."""
    [row] = await run("SELECT clock_timestamp() - $1::timestamptz AS ahead", now())
    ahead: timedelta = row["ahead"]
    return ahead


def shifted(time: datetime, by: timedelta) -> datetime:
    """The time, later by so much; one at the end of all times stays there."""
    try:
        return time + by
    except OverflowError:
        return time
