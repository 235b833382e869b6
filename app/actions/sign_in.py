"""Signing in with a password: slow to guess, and the same answer for a wrong name and a wrong password."""

import asyncio
from collections import OrderedDict
from time import monotonic

from app.access import Viewer
from app.actions.accounts import password_matches, start_session
from app.actions.tokens import viewer_of
from app.errors import Forbidden, LimitExceeded
from app.models import Token, User

TRIES = 10
REFILL = 10.0  # seconds for one more try
REMEMBERED = 10_000
AT_ONCE = asyncio.Semaphore(2)  # Argon2 takes 64 MiB and a core

_tries: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()


async def sign_in(username: str, password: str, address: str) -> tuple[Token, Viewer]:
    """A new session and who that is.

    Raises `Forbidden`, or `LimitExceeded` after too many tries for a name or from an address.
    """
    for key in (("name", username[:150]), ("address", address)):
        _take(key)
    user = await User.get_or_none(username=username[:151], is_active=True)
    hash = user.password if user is not None and user.password else None
    async with AT_ONCE:
        matches = await asyncio.to_thread(password_matches, hash, password[:1000])
    if user is None or not matches:
        raise Forbidden("The name or the password is wrong.")
    for key in (("name", username[:150]), ("address", address)):
        _tries.pop(key, None)
    token = await start_session(user.id)
    viewer = await viewer_of(token.key or "")
    assert viewer is not None
    return token, viewer


def _take(key: tuple[str, str]) -> None:
    """Take one try from the bucket of a name or an address."""
    now = monotonic()
    left, since = _tries.pop(key, (float(TRIES), now))
    left = min(TRIES, left + (now - since) / REFILL) - 1
    _tries[key] = max(left, -1.0), now
    while len(_tries) > REMEMBERED:
        _tries.popitem(last=False)
    if left < 0:
        raise LimitExceeded(
            "Too many tries to sign in: wait a little.", retry_after=round(-left * REFILL + 1, 1)
        )
