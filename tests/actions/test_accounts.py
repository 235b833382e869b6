"""Who may act upon whom, and what a password opens."""

import asyncio

import pytest
from argon2.exceptions import VerifyMismatchError

from app.access import Capability, Scope, Viewer
from app.actions import accounts, sign_in, tokens
from app.actions.first_start import prepare_installation
from app.errors import Forbidden, LimitExceeded, Unauthenticated
from app.models import Group, LogEntry, Permission, Token, TokenKind, User
from tests.api import Api, gid, state
from tests.cast import Cast, Person


async def _with_permission(cast: Cast, person: Person, *capabilities: Capability) -> Viewer:
    await prepare_installation("not needed")  # makes the permissions known
    for capability in capabilities:
        await accounts.grant_permission(await cast.root.viewer(), person.user.id, capability.value, True)
    return await person.viewer()


async def test_administering_users_by_permission_reaches_no_member_of_staff(cast: Cast) -> None:
    bob = await _with_permission(cast, cast.bob, Capability.ADMINISTER_USERS, Capability.ADMINISTER_TOKENS)
    before = await state()

    with pytest.raises(Forbidden):
        await accounts.update_user(bob, cast.sam.user.id, password="x")
    with pytest.raises(Forbidden):
        await tokens.create_token(bob, comment="", user_id=cast.sam.user.id)
    with pytest.raises(Forbidden):
        await tokens.set_token_enabled(bob, cast.sam.token.id, False)

    assert await state() == before
    assert (await accounts.update_user(bob, cast.eve.user.id, first_name="Eve")).first_name == "Eve"


async def test_staff_reach_nobody_who_was_given_more_than_staff_have(cast: Cast) -> None:
    await _with_permission(cast, cast.bob, Capability.ABORT_WORK)
    sam = await cast.sam.viewer()

    with pytest.raises(Forbidden):
        await tokens.create_token(sam, comment="", user_id=cast.bob.user.id)

    assert await Token.filter(user_id=cast.bob.user.id).count() == 1
    assert (await tokens.create_token(sam, comment="", user_id=cast.vic.user.id)).user_id == cast.vic.user.id


async def test_permissions_of_a_group_count_as_well(cast: Cast) -> None:
    await prepare_installation("not needed")
    group = await Group.create(tenant_id=cast.tenant.id, name="stoppers")
    await group.permissions.add(await Permission.get(codename=Capability.ABORT_WORK.value))
    await cast.bob.user.groups.add(group)

    with pytest.raises(Forbidden):
        await accounts.update_user(await cast.sam.viewer(), cast.bob.user.id, password="x")

    assert (await User.get(id=cast.bob.user.id)).password == cast.bob.user.password


async def test_a_token_with_fewer_scopes_sets_no_password(cast: Cast) -> None:
    ann = await cast.ann.viewer()
    narrow = await tokens.create_token(ann, comment="", scopes=[Scope.ADMIN])
    viewer = await tokens.viewer_of(narrow.key or "")
    assert viewer is not None

    with pytest.raises(Forbidden):
        await accounts.update_user(viewer, cast.ann.user.id, password="x")

    assert (await User.get(id=cast.ann.user.id)).password == cast.ann.user.password


async def test_a_new_password_ends_the_sessions_of_whoever_knew_the_old_one(cast: Cast) -> None:
    mine, other = (
        await accounts.start_session(cast.ann.user.id),
        await accounts.start_session(cast.ann.user.id),
    )
    viewer = await tokens.viewer_of(mine.key or "")
    assert viewer is not None

    await accounts.update_user(viewer, cast.ann.user.id, password="new")

    assert await tokens.viewer_of(other.key or "") is None
    assert await tokens.viewer_of(mine.key or "") is not None
    left = await Token.filter(user_id=cast.ann.user.id).order_by("id")
    assert [token.kind for token in left] == [TokenKind.API, TokenKind.SESSION]
    entry = await LogEntry.filter(object_type="User", object_id=cast.ann.user.id).order_by("-id").first()
    assert entry is not None and entry.change_message == {"password": "changed"}


async def test_the_anonymous_have_no_password_hashed(
    api: Api, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[str] = []

    def hash_password(password: str) -> str:
        hashed.append(password)
        return ""

    monkeypatch.setattr(accounts, "hash_password", hash_password)

    created = await api.mutate(None, "createUser", username="new", password="long enough")
    changed = await api.mutate(None, "updateUser", id=gid(cast.bob.user), password="long enough")

    assert (created.code, changed.code) == ("UNAUTHENTICATED", "UNAUTHENTICATED")
    assert hashed == []


async def test_hashing_for_the_anonymous_is_refused(db: object) -> None:
    with pytest.raises(Unauthenticated):
        await accounts.hash_new_password(Viewer(tenant_id=1), "long enough")


def test_no_password_is_that_of_nobody_and_trying_one_costs_as_much_as_a_wrong_one() -> None:
    with pytest.raises(
        VerifyMismatchError
    ):  # it was hashed to be compared; what is no hash would be refused at once
        accounts._hasher.verify(accounts._NOBODY, "nobody has this password")

    assert not accounts._hasher.check_needs_rehash(accounts._NOBODY)
    assert not accounts.password_matches(None, "nobody has this password")


async def test_an_address_that_is_stopped_uses_up_no_tries_for_a_name(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_in._tries.clear()
    monkeypatch.setattr(sign_in, "REFILL", 1e9)

    refused = await asyncio.gather(
        *[sign_in.sign_in(f"nobody{number}", "x", "192.0.2.9") for number in range(sign_in.TRIES)],
        *[sign_in.sign_in("ann", "x", "192.0.2.9") for _ in range(2 * sign_in.TRIES)],
        return_exceptions=True,
    )
    token, _ = await sign_in.sign_in("ann", "ann", "192.0.2.10")

    assert [type(each) for each in refused] == [Forbidden] * sign_in.TRIES + [
        LimitExceeded
    ] * 2 * sign_in.TRIES
    assert token.user_id == cast.ann.user.id


async def test_signing_in_oneself_buys_no_tries_for_others_names(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_in._tries.clear()
    monkeypatch.setattr(sign_in, "REFILL", 1e9)

    for number in range(sign_in.TRIES - 1):
        with pytest.raises(Forbidden):
            await sign_in.sign_in(f"name{number}", "x", "192.0.2.11")
    await sign_in.sign_in("ann", "ann", "192.0.2.11")
    with pytest.raises(Forbidden):
        await sign_in.sign_in("one more", "x", "192.0.2.11")

    with pytest.raises(LimitExceeded):
        await sign_in.sign_in("and one", "x", "192.0.2.11")


async def test_a_name_that_cannot_be_stored_is_wrong_like_any_other(cast: Cast) -> None:
    with pytest.raises(Forbidden):
        await sign_in.sign_in("a\0b", "x", "192.0.2.12")
