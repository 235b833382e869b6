"""Who a connection acts for, at every moment."""

import asyncio

import pytest

from app.actions import tokens
from app.errors import Unauthenticated
from app.identity import Caller
from app.publishers.hub import Hub
from tests.api import Api
from tests.cast import Cast


async def _caller_of_a_refused_token(cast: Cast) -> Caller:
    """bob's, on a connection that has worked for a while; the log has just told that somebody's access changed."""
    hub = Hub(None)  # type: ignore[arg-type]  # nobody reads the log through it
    caller = Caller(cast.bob.key, await cast.bob.viewer(), hub, seen=0)
    await caller.viewer(fresh=False)
    await tokens.set_token_enabled(await cast.sam.viewer(), cast.bob.token.id, False)
    hub.publish([], changes_access=True)
    return caller


async def test_every_subscription_of_a_connection_notices_that_its_token_is_refused(cast: Cast) -> None:
    caller = await _caller_of_a_refused_token(cast)

    found = await asyncio.gather(*[caller.viewer(fresh=False) for _ in range(3)], return_exceptions=True)

    assert [type(each) for each in found] == [Unauthenticated] * 3


async def test_a_refused_token_stays_refused_however_often_it_is_looked_at(cast: Cast) -> None:
    caller = await _caller_of_a_refused_token(cast)

    for _ in range(3):
        with pytest.raises(Unauthenticated):
            await caller.viewer(fresh=False)


async def test_a_change_while_the_token_is_looked_up_is_noticed(
    api: Api, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = await cast.bob.viewer()

    async def late(_key: str) -> object:
        await tokens.set_token_enabled(await cast.sam.viewer(), cast.bob.token.id, False)
        api.hub.publish([], changes_access=True)
        return found  # as it was read before the change

    with monkeypatch.context() as patched:
        patched.setattr("app.identity.viewer_of", late)
        caller = await api.caller(cast.bob)

    with pytest.raises(Unauthenticated):
        await caller.viewer(fresh=False)
