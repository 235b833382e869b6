"""Signing in with a password: slow to guess, and the same answer for a wrong name and a wrong password."""

import asyncio
from collections import OrderedDict
from time import monotonic

from app.access import Viewer
from app.actions.accounts import HASHING, password_matches, start_session
from app.actions.tokens import viewer_of
from app.errors import Forbidden, LimitExceeded
from app.models import Token, User

TRIES = 10
REFILL = 10.0  # seconds for one more try
REMEMBERED = 10_000

_tries: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()


async def sign_in(username: str, password: str, address: str) -> tuple[Token, Viewer]:
    """A new session and who that is.

    Raises `Forbidden`, or `LimitExceeded` after too many tries for a name or from an address.
    """
    _take(("address", address))  # first: whoever is stopped by it must not use up the tries for a name
    _take(("name", username[:150]))
    known = username.isprintable() and len(username) <= 150  # others cannot be anybody's
    user = await User.get_or_none(username=username, is_active=True) if known else None
    hash = user.password if user is not None and user.password else None
    async with HASHING:
        matches = await asyncio.to_thread(password_matches, hash, password[:1000])
    if user is None or not matches:
        raise Forbidden("The name or the password is wrong.")
    _tries.pop(("name", username[:150]), None)
    _give_back(("address", address))  # this try alone: one's own password must not buy tries at others'
    token = await start_session(user.id)
    viewer = await viewer_of(token.key or "")
    assert viewer is not None
    return token, viewer


def _give_back(key: tuple[str, str]) -> None:
    left, since = _tries.get(key, (float(TRIES), monotonic()))
    _tries[key] = min(TRIES, left + 1), since


def _take(key: tuple[str, str]) -> None:
    """Take one try from the bucket of a name or an address. What is refused takes none: it would never fill again."""
    now = monotonic()
    left, since = _tries.pop(key, (float(TRIES), now))
    left = min(TRIES, left + (now - since) / REFILL)
    _tries[key] = (left if left < 1 else left - 1), now
    while len(_tries) > REMEMBERED:
        _tries.popitem(last=False)
    if left < 1:
        raise LimitExceeded(
            "Too many tries to sign in: wait a little.", retry_after=round((1 - left) * REFILL, 1)
        )
