"""Tokens: made, looked up, enabled, disabled, deleted."""

import hashlib
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta

import orjson

from app import events
from app.access import Capability, Role, Scope, Viewer
from app.actions.audit import note
from app.actions.outbox import record
from app.actions.standing import require_standing
from app.clock import now
from app.database import atomic, fetch
from app.errors import Invalid, InvalidState
from app.models import LogAction, Token, TokenKind, User

TOUCH_EVERY = timedelta(minutes=1)
MOST_WORKSPACES = 200
"""Of who may see more, it is not remembered which: to send so many ids with each statement costs more than to look."""


def new_key() -> str:
    """64 hex characters: 32 random bytes."""
    return secrets.token_hex(32)


def hash_of(key: str) -> str:
    """What is kept of a key: its SHA-256 in hex."""
    return hashlib.sha256(key.encode()).hexdigest()


async def make_token(
    tenant_id: int,
    kind: TokenKind,
    *,
    user_id: int | None = None,
    comment: str = "",
    enabled: bool = True,
    expire_at: datetime | None = None,
    scopes: Iterable[Scope] = tuple(Scope),
    key: str | None = None,
) -> Token:
    """A new token in the caller's transaction; `token.key` holds the secret, this once."""
    key = key or new_key()
    token = await Token.create(
        tenant_id=tenant_id,
        kind=kind,
        user_id=user_id,
        comment=comment,
        enabled=enabled,
        expire_at=expire_at,
        scopes=sorted(scope.value for scope in scopes),
        hash=hash_of(key),
        prefix=key[:8],
    )
    token.key = key
    await record(events.TokenCreated, token.id)
    return token


@atomic()
async def create_token(
    viewer: Viewer,
    *,
    comment: str,
    user_id: int | None = None,
    expire_at: datetime | None = None,
    scopes: Iterable[Scope] | None = None,
) -> Token:
    """A token for the viewer, or by an administrator for another user. It never has a scope that the viewer lacks."""
    viewer.require(Capability.MANAGE_OWN_TOKENS)
    owner = viewer.user_id if user_id is None else user_id
    if owner != viewer.user_id:
        viewer.require(Capability.ADMINISTER_TOKENS)
        await require_standing(viewer, await User.get_visible(viewer, owner or 0))
    if len(comment) > 100:
        raise Invalid.field("comment", "A comment has at most 100 characters.")
    if expire_at is not None and expire_at <= now():
        raise Invalid.field("expireAt", "The time of expiry has passed already.")
    wanted = frozenset(viewer.scopes if scopes is None else scopes)
    if not wanted <= viewer.scopes:
        raise Invalid.field("scopes", "A token cannot have a scope that yours lacks.")
    token = await make_token(
        viewer.tenant_id, TokenKind.API, user_id=owner, comment=comment, expire_at=expire_at, scopes=wanted
    )
    await note(viewer, LogAction.ADDITION, token, token.prefix, comment=comment, user_id=owner)
    return token


@atomic()
async def create_activation_token(viewer: Viewer, *, minutes: int = 15) -> Token:
    """A token with which one worker may register once, already enabled, within so many minutes."""
    viewer.require(Capability.ADMINISTER_WORKERS)
    if not 1 <= minutes <= 24 * 60:
        raise Invalid.field("minutes", "An activation token lasts from 1 minute to a day.")
    token = await make_token(
        viewer.tenant_id,
        TokenKind.ACTIVATION,
        user_id=viewer.user_id,
        comment="worker activation",
        expire_at=now() + timedelta(minutes=minutes),
        scopes=(),
    )
    await note(viewer, LogAction.ADDITION, token, token.prefix, kind="activation")
    return token


@atomic()
async def set_token_enabled(viewer: Viewer, id: int, enabled: bool) -> Token:
    """Accept or refuse a token from now on. Live connections that use a refused one are closed within a second."""
    token = await _lock_to_manage(viewer, id)
    if token.kind is TokenKind.WORKER:
        raise InvalidState(
            "This is a worker's token: enable or disable the worker.", current_state=token.kind.name
        )
    (token.enable if enabled else token.disable)()
    await token.save_changes("enabled")
    await record(events.TokenEnabled if enabled else events.TokenDisabled, token.id)
    await note(viewer, LogAction.CHANGE, token, token.prefix, enabled=enabled)
    return token


@atomic()
async def delete_token(viewer: Viewer, id: int) -> Token:
    """Remove a token for good."""
    token = await _lock_to_manage(viewer, id)
    if token.kind is TokenKind.WORKER:
        raise InvalidState(
            "This is a worker's token: it goes with the worker.", current_state=token.kind.name
        )
    await record(events.TokenDeleted, token.id)
    await note(viewer, LogAction.DELETION, token, token.prefix)
    await token.delete()
    return token


async def _lock_to_manage(viewer: Viewer, id: int) -> Token:
    token = await Token.lock_visible(viewer, id)
    viewer.require(
        Capability.MANAGE_OWN_TOKENS if token.user_id == viewer.user_id else Capability.ADMINISTER_TOKENS
    )
    if token.user_id is not None and token.user_id != viewer.user_id:
        await require_standing(viewer, await User.get_visible(viewer, token.user_id))
    return token


async def get_token_or_none(key: str) -> Token | None:
    """The token of that key, disabled or not; None when there is none."""
    return await Token.get_or_none(hash=hash_of(key))


async def viewer_of(key: str) -> Viewer | None:
    """Who presents this key; None when it is unknown, disabled or expired, or its user is not active. One statement."""
    return await viewer_of_hash(hash_of(key))


async def viewer_of_hash(hash: str) -> Viewer | None:
    """`viewer_of`, by what is kept of the key."""
    rows = await fetch(_VIEWER_OF, hash)
    if not rows:
        return None
    row = rows[0]
    if row["stale"]:
        await fetch("UPDATE token SET last_seen_at = now() WHERE id = $1", row["token_id"])
    return Viewer(
        tenant_id=row["tenant_id"],
        user_id=row["user_id"],
        worker_id=row["worker_id"],
        token_id=row["token_id"],
        is_staff=bool(row["is_staff"]),
        is_superuser=bool(row["is_superuser"]),
        scopes=frozenset(Scope(scope) for scope in row["scopes"]),
        expire_at=row["expire_at"],
        roles={int(id): Role(role) for id, role in orjson.loads(row["roles"] or "{}").items()},
        permissions=frozenset(row["permissions"] or ()),
        workspaces=_workspaces(row["workspaces"]),
    )


def _workspaces(found: list[int] | None) -> tuple[int, ...] | None:
    return None if found is None or len(found) > MOST_WORKSPACES else tuple(sorted(found))


_VIEWER_OF = f"""
SELECT token.id AS token_id, token.tenant_id, token.user_id, worker.id AS worker_id, token.scopes, token.expire_at,
       "user".is_staff, "user".is_superuser,
       token.last_seen_at IS NULL OR token.last_seen_at < now() - interval '1 minute' AS stale, membership.roles,
       CASE WHEN token.user_id IS NOT NULL THEN ARRAY(
           (SELECT id FROM workspace WHERE public AND tenant_id = token.tenant_id LIMIT {MOST_WORKSPACES + 1})
           UNION (SELECT id FROM workspace WHERE id = ANY(membership.ids) AND tenant_id = token.tenant_id)
           UNION (SELECT id FROM workspace WHERE "user".is_superuser AND tenant_id = token.tenant_id
                  LIMIT {MOST_WORKSPACES + 1})) END AS workspaces,
       CASE WHEN token.user_id IS NOT NULL THEN ARRAY(
           SELECT codename FROM permission WHERE id IN (
               SELECT permission_id FROM user_permission WHERE user_id = token.user_id
               UNION ALL
               SELECT permission_id FROM group_permission JOIN user_group USING (group_id)
               WHERE user_id = token.user_id)) END AS permissions
FROM token LEFT JOIN "user" ON "user".id = token.user_id LEFT JOIN worker ON worker.token_id = token.id
LEFT JOIN LATERAL (
    SELECT jsonb_object_agg(workspace_id, role)::text AS roles, array_agg(workspace_id) AS ids FROM (
        SELECT workspace_id, max(role) AS role FROM workspace_membership
        WHERE user_id = token.user_id
           OR team_id IN (SELECT team_id FROM team_member WHERE user_id = token.user_id)
        GROUP BY workspace_id) AS best) AS membership ON token.user_id IS NOT NULL
WHERE token.hash = $1 AND token.enabled AND token.kind <> 'activation'
  AND (token.expire_at IS NULL OR token.expire_at > now())
  AND CASE token.kind WHEN 'worker' THEN worker.id IS NOT NULL ELSE "user".is_active END
"""
