"""Who is at the other end of a connection: from its headers, its cookie, or its first message, to a `Viewer`."""

import contextlib
from collections.abc import Mapping
from http.cookies import SimpleCookie
from typing import Any

from starlette.types import Scope

from app.access import Viewer
from app.actions.accounts import default_tenant_id
from app.actions.tokens import viewer_of
from app.clock import now
from app.errors import Unauthenticated
from app.publishers.hub import Hub

COOKIE = "workyard_session"
RECHECK = 60.0


class Caller:
    """Somebody on a connection. The token was good when it began; it is looked at again when access changes."""

    def __init__(
        self,
        key: str | None,
        viewer: Viewer,
        hub: Hub,
        *,
        seen: int,
        by_cookie: bool = False,
        address: str = "",
    ) -> None:
        """`seen` is what `hub.access_changes` was before the viewer was looked up."""
        self.by_cookie = by_cookie
        self.address = address
        self._key = key
        self._viewer = viewer
        self._hub = hub
        self._seen = seen
        self._new = True

    async def viewer(self, *, fresh: bool = True) -> Viewer:
        """What the caller may do now; `Unauthenticated` once the token is refused.

        Not `fresh`: what was true after the latest change of anybody's access that this process knows of.
        """
        changes = self._hub.access_changes
        if self._new and self._seen == changes and not self._expired():
            self._new = False  # what was found when it began still holds
        elif self._key is not None and (fresh or self._seen != changes or self._expired()):
            self._viewer = await _viewer_or_refuse(self._key)
            self._seen = changes  # only now: until then others on this connection must look for themselves
        return self._viewer

    async def wait_until_revoked(self) -> str:
        """Return when the token is no longer good. An anonymous caller has none to lose: never."""
        while True:
            await self._hub.access_changed(self._seconds_left())
            if self._key is None:
                continue
            with contextlib.suppress(ConnectionError, OSError, TimeoutError):
                if await viewer_of(self._key) is None:
                    return "Token expired" if self._expired() else "Token revoked"

    def _expired(self) -> bool:
        return self._viewer.expire_at is not None and self._viewer.expire_at <= now()

    def _seconds_left(self) -> float:
        if self._viewer.expire_at is None:
            return RECHECK
        return min(RECHECK, max(0.01, (self._viewer.expire_at - now()).total_seconds()))


class Identities:
    """Finds out who calls."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._tenant_id: int | None = None

    async def from_request(self, scope: Scope) -> Caller:
        """The caller of an HTTP request: by `Authorization: Bearer`, `Token`, or the session cookie; else anonymous."""
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]
        }
        key = key_in(headers.get("authorization"), headers.get("token"))
        cookie = None if key is not None else _cookie(headers.get("cookie"))
        return await self._caller(key or cookie, scope, by_cookie=cookie is not None)

    async def from_socket(self, scope: Scope, payload: Mapping[str, Any]) -> Caller:
        """The caller on a WebSocket: by `token` or `Authorization` in the first message, else as by HTTP."""
        authorization = payload.get("Authorization", payload.get("authorization"))
        key = key_in(authorization, payload.get("token", payload.get("Token")))
        if key is None:
            return await self.from_request(scope)
        return await self._caller(key, scope, by_cookie=False)

    async def _caller(self, key: str | None, scope: Scope, *, by_cookie: bool) -> Caller:
        address = (scope.get("client") or ("",))[0]
        seen = self._hub.access_changes
        if key is not None:
            try:
                viewer = await _viewer_or_refuse(key)
                return Caller(key, viewer, self._hub, seen=seen, by_cookie=by_cookie, address=address)
            except Unauthenticated:
                if not by_cookie:
                    raise
        if self._tenant_id is None:
            self._tenant_id = await default_tenant_id()
        return Caller(None, Viewer(tenant_id=self._tenant_id), self._hub, seen=seen, address=address)


def key_in(authorization: Any, token: Any) -> str | None:
    """The key in an Authorization or Token header; `Unauthenticated` when there is one that cannot be a key."""
    if isinstance(token, str) and token:
        return token.strip()
    if authorization is None or authorization == "":
        return None
    scheme, _, key = authorization.partition(" ") if isinstance(authorization, str) else ("", "", "")
    if scheme.lower() not in ("bearer", "token") or not key.strip():
        raise Unauthenticated("Send 'Authorization: Bearer <token>' or 'Token: <token>'.")
    return key.strip()


def _cookie(header: str | None) -> str | None:
    if not header:
        return None
    with contextlib.suppress(Exception):
        morsel = SimpleCookie(header).get(COOKIE)
        return morsel.value if morsel and morsel.value else None
    return None


async def _viewer_or_refuse(key: str) -> Viewer:
    viewer = await viewer_of(key) if len(key) <= 200 else None
    if viewer is None:
        raise Unauthenticated()
    return viewer
