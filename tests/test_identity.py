"""Who a connection acts for, at every moment."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from time import monotonic

import pytest

from app import identity
from app.access import Role, Viewer
from app.actions import accounts, tokens, work, workspaces
from app.database import fetch, transaction
from app.errors import Unauthenticated
from app.events import CATALOGUE
from app.identity import Caller
from app.models import TokenKind
from app.publishers.hub import Hub
from tests.api import Api
from tests.cast import Cast

LIMIT = 30.0


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

    async def late(_hash: str) -> object:
        await tokens.set_token_enabled(await cast.sam.viewer(), cast.bob.token.id, False)
        api.hub.publish([], changes_access=True)
        return found  # as it was read before the change

    with monkeypatch.context() as patched:
        patched.setattr("app.identity.viewer_of_hash", late)
        caller = await api.caller(cast.bob)

    with pytest.raises(Unauthenticated):
        await caller.viewer(fresh=False)


# What is remembered of tokens over requests ---------------------------------------------------------------------------


@pytest.fixture
def looked_up(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The hashes of keys that were looked up in the database."""
    hashes: list[str] = []
    real = tokens.viewer_of_hash

    async def counted(hash: str) -> Viewer | None:
        hashes.append(hash)
        return await real(hash)

    monkeypatch.setattr("app.identity.viewer_of_hash", counted)
    return hashes


async def test_a_token_is_not_looked_up_for_each_request(api: Api, cast: Cast, looked_up: list[str]) -> None:
    await read_to_the_end(api)

    found = [await (await api.caller(cast.bob)).viewer() for _ in range(3)]

    assert found == [await cast.bob.viewer()] * 3
    assert looked_up == [tokens.hash_of(cast.bob.key)]


async def test_no_key_is_kept_and_no_more_than_so_many_hashes(
    api: Api, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.identity.MOST_KNOWN", 2)
    people = (cast.ann, cast.bob, cast.vic)

    for person in people:
        await api.caller(person)

    kept = api.server.identities._known
    assert list(kept) == [tokens.hash_of(person.key) for person in people[1:]]
    assert not any(person.key in repr(kept) for person in people)


async def test_a_refusal_is_not_remembered(api: Api, cast: Cast) -> None:
    await tokens.set_token_enabled(await cast.sam.viewer(), cast.bob.token.id, False)
    with pytest.raises(Unauthenticated):
        await api.caller(cast.bob)

    await fetch("UPDATE token SET enabled = true WHERE id = $1", cast.bob.token.id)

    assert await api.caller(cast.bob)


async def disable_token(cast: Cast) -> object:
    return await tokens.set_token_enabled(await cast.sam.viewer(), cast.bob.token.id, False)


async def enable_token(cast: Cast) -> object:
    return await tokens.set_token_enabled(await cast.sam.viewer(), cast.bob.token.id, True)


async def delete_token(cast: Cast) -> object:
    return await tokens.delete_token(await cast.sam.viewer(), cast.bob.token.id)


async def end_session(cast: Cast) -> object:
    await fetch("UPDATE token SET kind = $1 WHERE id = $2", TokenKind.SESSION.value, cast.bob.token.id)
    return await accounts.end_session(await cast.bob.viewer())


async def change_password(cast: Cast) -> object:
    await fetch("UPDATE token SET kind = $1 WHERE id = $2", TokenKind.SESSION.value, cast.bob.token.id)
    return await accounts.update_user(await cast.root.viewer(), cast.bob.user.id, password="another one")


async def deactivate_user(cast: Cast) -> object:
    return await accounts.update_user(await cast.root.viewer(), cast.bob.user.id, is_active=False)


async def make_staff(cast: Cast) -> object:
    return await accounts.update_user(await cast.root.viewer(), cast.bob.user.id, is_staff=True)


async def grant_permission(cast: Cast) -> object:
    return await accounts.grant_permission(
        await cast.root.viewer(), cast.bob.user.id, "administer_files", True
    )


async def set_team(cast: Cast) -> object:
    sam, root = await cast.sam.viewer(), await cast.root.viewer()
    team = await accounts.set_team(root, "night shift", [cast.eve.user.id])
    await workspaces.set_workspace_role(root, cast.lab.id, Role.OWNER, team_id=team.id)
    return await accounts.set_team(sam, "night shift", [cast.eve.user.id, cast.bob.user.id])


async def make_workspace(cast: Cast) -> object:
    promoted = replace(await cast.bob.viewer(), is_staff=True)
    return await workspaces.create_workspace(promoted, name="of-bob")


async def change_role(cast: Cast) -> object:
    return await workspaces.set_workspace_role(
        await cast.ann.viewer(), cast.lab.id, Role.VIEWER, user_id=cast.bob.user.id
    )


CHANGES: dict[str, list[Callable[[Cast], Awaitable[object]]]] = {
    "token.disabled": [disable_token],
    "token.enabled": [enable_token],
    "token.deleted": [delete_token, end_session, change_password],
    "user.changed": [deactivate_user, make_staff, grant_permission],
    "team.changed": [set_team],
    "workspace.created": [make_workspace],
    "workspace.changed": [change_role],
}


def test_the_changes_tried_here_are_all_that_there_are() -> None:
    assert set(CHANGES) == {name for name, event in CATALOGUE.items() if event.changes_access}


@pytest.mark.parametrize("change", [change for some in CHANGES.values() for change in some])
async def test_a_change_by_this_process_is_seen_by_the_next_request(
    api: Api, cast: Cast, change: Callable[[Cast], Awaitable[object]]
) -> None:
    if change is enable_token:
        await disable_token(cast)
    before = await who_is(api, cast)
    await api.caught_up()

    await change(cast)
    after = await who_is(api, cast)  # before the log had time to tell

    assert after != before
    assert after == await tokens.viewer_of(cast.bob.key)


async def test_a_worker_that_is_disabled_is_refused_at_once(api: Api, cast: Cast) -> None:
    assert (await (await api.caller(cast.machine)).viewer()).worker_id == cast.machine.worker.id

    await work.disable_worker(await cast.sam.viewer(), cast.machine.worker.id)

    with pytest.raises(Unauthenticated):
        await api.caller(cast.machine)


async def test_a_change_that_only_the_log_tells_of_is_seen_as_it_does(
    api: Api, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.identity.SURE_SECONDS", LIMIT)
    monkeypatch.setattr("app.actions.outbox._to_tell_of_access", [])  # as for a commit of another process
    assert await who_is(api, cast)

    await deactivate_user(cast)
    await api.caught_up()

    assert await who_is(api, cast) is None


async def test_while_the_log_cannot_be_read_to_its_end_nothing_is_believed_for_longer_than_a_second(
    api: Api, cast: Cast, looked_up: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api.server.identities, "_remember_seconds", LIMIT)
    async with transaction():
        await fetch("SELECT pg_current_xact_id()")  # holds back what commits from now on
        await asyncio.create_task(_change_in_another_process(cast, monkeypatch))
        began = monotonic()
        async with asyncio.timeout(LIMIT):
            while await who_is(api, cast) is not None:
                await asyncio.sleep(0.01)
        assert monotonic() - began < identity.SURE_SECONDS + 1
        assert api.hub.read_at < began


async def _change_in_another_process(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.actions.outbox._to_tell_of_access", [])
    await deactivate_user(cast)


async def test_without_a_log_reader_each_request_looks_up_its_token(
    api: Api, cast: Cast, looked_up: list[str]
) -> None:
    api.hub.close()

    for _ in range(2):
        await api.caller(cast.bob)

    assert len(looked_up) == 2


async def test_a_token_that_expires_is_refused_although_it_is_remembered(
    api: Api, cast: Cast, looked_up: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.identity.SURE_SECONDS", LIMIT)
    await fetch("UPDATE token SET expire_at = now() + interval '1 second' WHERE id = $1", cast.bob.token.id)

    async with asyncio.timeout(LIMIT):
        while await who_is(api, cast) is not None:
            await asyncio.sleep(0.01)

    assert await tokens.viewer_of(cast.bob.key) is None


async def read_to_the_end(api: Api) -> None:
    """Wait until the log was read to its end, from now on."""
    began = monotonic()
    async with asyncio.timeout(LIMIT):
        while api.hub.read_at < began:
            await asyncio.sleep(0.001)


async def who_is(api: Api, cast: Cast) -> Viewer | None:
    """Whom a request of bob's is taken for; None when it is refused."""
    try:
        return await (await api.caller(cast.bob)).viewer()
    except Unauthenticated:
        return None
