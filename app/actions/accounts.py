"""People: made, changed, signed in and out; teams, and permissions given by name."""

import asyncio
import os
from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import timedelta

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from argon2.low_level import ARGON2_VERSION
from tortoise.exceptions import IntegrityError

from app import events
from app.access import Capability, Scope, Viewer
from app.actions.audit import note
from app.actions.outbox import record
from app.actions.standing import require_standing
from app.actions.tokens import make_token
from app.clock import now
from app.database import atomic
from app.errors import Forbidden, Invalid, Unauthenticated
from app.models import LogAction, Permission, Team, Tenant, Token, TokenKind, User

SESSION_LENGTH = timedelta(days=14)
MIN_PASSWORD = 8
HASHING = asyncio.Semaphore(2)  # Argon2 takes 64 MiB and a core
_hasher = PasswordHasher()


def _hash_of_nothing() -> str:
    """What looks like a hash and costs as much to verify, but was made of no password: nothing had to be hashed."""
    salt, digest = (
        b64encode(os.urandom(length)).rstrip(b"=").decode() for length in (_hasher.salt_len, _hasher.hash_len)
    )
    costs = f"m={_hasher.memory_cost},t={_hasher.time_cost},p={_hasher.parallelism}"
    return f"$argon2id$v={ARGON2_VERSION}${costs}${salt}${digest}"


_NOBODY = _hash_of_nothing()


async def default_tenant_id() -> int:
    """The tenant that exists from the first migration on and needs no attention."""
    return int((await Tenant.get(name="default")).id)


def hash_password(password: str) -> str:
    """Argon2id hash. Takes tens of milliseconds of processor time: call it in a thread, outside a transaction."""
    return _hasher.hash(password)


async def hash_new_password(viewer: Viewer, password: str) -> str:
    """The hash of a password that the viewer sets. Not for the anonymous, who could keep the machine busy with it."""
    viewer.require(Capability.MANAGE_OWN_TOKENS)
    async with HASHING:
        return await asyncio.to_thread(hash_password, password)


def password_matches(hash: str | None, password: str) -> bool:
    """True when it does. An unknown user costs as much time as a wrong password."""
    try:
        return _hasher.verify(hash or _NOBODY, password) and hash is not None
    except (Argon2Error, InvalidHashError):
        return False


@atomic()
async def create_user(
    viewer: Viewer,
    *,
    username: str,
    password_hash: str,
    email: str = "",
    first_name: str = "",
    last_name: str = "",
    is_staff: bool = False,
    is_superuser: bool = False,
) -> User:
    """A new user of the viewer's tenant."""
    viewer.require(Capability.ADMINISTER_USERS)
    if (is_staff or is_superuser) and not viewer.is_superuser:
        raise Forbidden("Only a superuser may make staff and superusers.")
    if not username or len(username) > 150 or not username.isprintable() or username != username.strip():
        raise Invalid.field(
            "username", "A user name has 1 to 150 printable characters, without spaces at its ends."
        )
    _check_lengths({"email": email, "first_name": first_name, "last_name": last_name})
    try:
        user = await User.create(
            tenant_id=viewer.tenant_id,
            username=username,
            password=password_hash,
            email=email,
            first_name=first_name,
            last_name=last_name,
            is_staff=is_staff,
            is_superuser=is_superuser,
        )
    except IntegrityError:
        raise Invalid.field("username", "This user name is taken.", "TAKEN") from None
    await record(events.UserCreated, user.id)
    await note(viewer, LogAction.ADDITION, user, username, is_staff=is_staff, is_superuser=is_superuser)
    return user


@atomic()
async def update_user(viewer: Viewer, id: int, *, if_version: int | None = None, **changes: object) -> User:
    """Change a user's state or rights: is_active, is_staff, is_superuser, email, first_name, last_name, password."""
    user = await User.lock_visible(viewer, id, if_version=if_version)
    own = user.id == viewer.user_id and set(changes) <= {"email", "first_name", "last_name", "password"}
    viewer.require(Capability.MANAGE_OWN_TOKENS if own else Capability.ADMINISTER_USERS)
    if changes.keys() & {"is_staff", "is_superuser"} and not viewer.is_superuser:
        raise Forbidden("Only a superuser may change who is staff or a superuser.")
    if not own:
        await require_standing(viewer, user)
    if "password" in changes and viewer.scopes != frozenset(Scope):
        raise Forbidden("A password opens everything: to set one needs a token with all scopes.")
    _check_lengths(changes)
    user.update_from_dict(changes)
    await user.save_changes(*changes)
    if "password" in changes:
        await _end_sessions(user.id, but=viewer.token_id)
    await record(events.UserChanged, user.id)
    await note(viewer, LogAction.CHANGE, user, user.username, **_without_secrets(changes))
    return user


def _check_lengths(changes: Mapping[str, object]) -> None:
    for name, spelled, most in (
        ("email", "email", 254),
        ("first_name", "firstName", 150),
        ("last_name", "lastName", 150),
    ):
        if len(str(changes.get(name, ""))) > most:
            raise Invalid.field(spelled, f"This has at most {most} characters.", "TOO_LARGE")


def _without_secrets(changes: Mapping[str, object]) -> dict[str, object]:
    return {name: "changed" if name == "password" else value for name, value in changes.items()}


async def _end_sessions(user_id: int, *, but: int | None) -> None:
    """End all sessions of a user but one: whoever else knew the old password is out."""
    sessions = await Token.filter(user_id=user_id, kind=TokenKind.SESSION).only("id")
    ids = [session.id for session in sessions if session.id != but]
    if ids:
        await record(events.TokenDeleted, *ids)
        await Token.filter(id__in=ids).delete()


@atomic()
async def start_session(user_id: int) -> Token:
    """A session for a user whose password was checked: a token of two weeks."""
    user = await User.filter(id=user_id, is_active=True).get_or_none()
    if user is None:
        raise Unauthenticated()
    user.last_login = now()
    await user.save(update_fields=["last_login"])
    return await make_token(
        user.tenant_id,
        TokenKind.SESSION,
        user_id=user.id,
        comment="signed in",
        expire_at=now() + SESSION_LENGTH,
    )


@atomic()
async def end_session(viewer: Viewer) -> bool:
    """Sign out: the session that the viewer came with is gone. False when it was none."""
    token = await Token.filter(id=viewer.token_id, kind=TokenKind.SESSION).get_or_none()
    if token is not None:
        await record(events.TokenDeleted, token.id)
        await token.delete()
    return token is not None


@atomic()
async def set_team(viewer: Viewer, name: str, member_ids: Sequence[int]) -> Team:
    """Make a team of that name, or give the existing one these members instead."""
    viewer.require(Capability.ADMINISTER_USERS)
    if not 1 <= len(name) <= 150:
        raise Invalid.field("name", "A team's name has 1 to 150 characters.")
    team, made = await Team.get_or_create(tenant_id=viewer.tenant_id, name=name)
    members = await User.visible_to(viewer).filter(id__in=list(member_ids))
    if len(members) != len(set(member_ids)):
        raise Invalid.field("members", "One of the members is not a user whom you may see.")
    await team.members.clear()
    if members:
        await team.members.add(*members)
    await team.save_changes()
    await record(events.TeamChanged, team.id)
    await note(
        viewer, LogAction.ADDITION if made else LogAction.CHANGE, team, name, members=sorted(member_ids)
    )
    return team


@atomic()
async def grant_permission(viewer: Viewer, user_id: int, codename: str, granted: bool) -> User:
    """Give a user a capability by name, beyond what roles and staff status give; or take it back."""
    viewer.require(Capability.ADMINISTER_USERS)
    if not viewer.is_superuser:
        raise Forbidden("Only a superuser may give permissions.")
    user = await User.lock_visible(viewer, user_id)
    if codename not in {capability.value for capability in Capability}:
        raise Invalid.field("permission", f"There is no permission '{codename}'.")
    permission, _ = await Permission.get_or_create(
        codename=codename, defaults={"name": codename.replace("_", " ")}
    )
    await (user.user_permissions.add(permission) if granted else user.user_permissions.remove(permission))
    await user.save_changes()
    await record(events.UserChanged, user.id)
    await note(viewer, LogAction.CHANGE, user, user.username, permission=codename, granted=granted)
    return user
