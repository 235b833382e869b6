"""Who is at the other end of a connection: from its headers, its cookie, or its first message, to a `Viewer`."""

import contextlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from http.cookies import SimpleCookie
from time import monotonic
from typing import Any, NamedTuple

from starlette.types import Scope

from app.access import Viewer
from app.actions.accounts import default_tenant_id
from app.actions.tokens import hash_of, viewer_of, viewer_of_hash
from app.clock import now
from app.errors import Unauthenticated
from app.headers import header, headers_of
from app.publishers.hub import Hub

COOKIE = "workyard_session"
RECHECK = 60.0
LONGEST = 200  # characters of a key
MOST_KNOWN = 10_000
SURE_SECONDS = 1.0
"""For so long after the log was read to its end, or a token was looked up, nothing can have changed that matters."""

LookUp = Callable[[str], Awaitable[Viewer]]


class Caller:
    """Somebody on a connection. The token was good when it began; it is looked at again when access changes."""

    __slots__ = ("_hub", "_key", "_look_up", "_new", "_seen", "_viewer", "address", "by_cookie")

    def __init__(
        self,
        key: str | None,
        viewer: Viewer,
        hub: Hub,
        *,
        seen: int,
        look_up: LookUp | None = None,
        by_cookie: bool = False,
        address: str = "",
    ) -> None:
        """`seen` is what `hub.access_changes` was before the viewer was looked up; `look_up` does it again."""
        self.by_cookie = by_cookie
        self.address = address
        self._key = key
        self._viewer = viewer
        self._hub = hub
        self._seen = seen
        self._look_up = look_up or _look_up
        self._new = True

    async def viewer(self, *, fresh: bool = True) -> Viewer:
        """What the caller may do now; `Unauthenticated` once the token is refused.

        Not `fresh`: what was true after the latest change of anybody's access that this process knows of.
        """
        changes = self._hub.access_changes
        if self._new and self._seen == changes and not _expired(self._viewer):
            self._new = False  # what was found when it began still holds
        elif self._key is not None and (fresh or self._seen != changes or _expired(self._viewer)):
            self._viewer = await self._look_up(self._key)
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
                    return "Token expired" if _expired(self._viewer) else "Token revoked"

    def _seconds_left(self) -> float:
        if self._viewer.expire_at is None:
            return RECHECK
        return min(RECHECK, max(0.01, (self._viewer.expire_at - now()).total_seconds()))


@dataclass(slots=True)
class Known:
    """Who a token was found to be: when, and how often access had changed by then."""

    viewer: Viewer
    at: float
    news: int


class Bearer(NamedTuple):
    """The key of `Authorization: Bearer`, and its hash as the table has it."""

    key: str
    hash: str

    @classmethod
    def of(cls, scope: Scope) -> "Bearer | None":
        """That of a request: found out once for all that have the same head. None when it comes in another way."""
        headers = headers_of(scope)
        found: Bearer | None = headers.made.get(cls)
        if found is None:
            value = headers.get(b"authorization", b"")
            if not value.startswith(b"Bearer ") or b"token" in headers:
                return None
            found = headers.made[cls] = cls(value[7:].decode("latin-1"), sha256(value[7:]).hexdigest())
        return found


class Identities:
    """Finds out who calls, and remembers it for a moment: see docs/decisions/0017.

    What is remembered is never older than a second, unless the log has been read to its end within the last second and
    told of no change. Changes by this process are noticed as they commit.
    """

    def __init__(self, hub: Hub, *, remember_seconds: float = 5) -> None:
        self._hub = hub
        self._tenant_id: int | None = None
        self._remember_seconds = remember_seconds
        self._known: OrderedDict[str, Known] = OrderedDict()  # by the hash of the key, as the table has it

    async def from_request(self, scope: Scope) -> Caller:
        """The caller of an HTTP request: by `Authorization: Bearer`, `Token`, or the session cookie; else anonymous."""
        bearer = Bearer.of(scope)
        if bearer is not None:  # most come so, and again and again
            known = self._known.get(bearer.hash)
            if known is not None and self._holds(known):
                address = (scope.get("client") or ("",))[0]
                seen = self._hub.access_changes
                return Caller(
                    bearer.key, known.viewer, self._hub, seen=seen, look_up=self.look_up, address=address
                )
        return await self._found(scope)

    async def _found(self, scope: Scope) -> Caller:
        key = key_in(header(scope, b"authorization"), header(scope, b"token"))
        cookie = None if key is not None else _cookie(header(scope, b"cookie"))
        return await self._caller(key or cookie, scope, by_cookie=cookie is not None)

    async def from_socket(self, scope: Scope, payload: Mapping[str, Any]) -> Caller:
        """The caller on a WebSocket: by `token` or `Authorization` in the first message, else as by HTTP."""
        authorization = payload.get("Authorization", payload.get("authorization"))
        key = key_in(authorization, payload.get("token", payload.get("Token")))
        if key is None:
            return await self.from_request(scope)
        return await self._caller(key, scope, by_cookie=False)

    async def look_up(self, key: str) -> Viewer:
        """Who presents this key, as of a moment ago at most; `Unauthenticated` when it is refused."""
        if len(key) > LONGEST:
            raise Unauthenticated()
        hash = hash_of(key)
        known = self._known.get(hash)
        if known is not None and self._holds(known):
            return known.viewer
        at, news = monotonic(), self._hub.access_news
        viewer = _or_refuse(await viewer_of_hash(hash))
        if self._remember_seconds and self._hub.running():
            self._known[hash] = Known(viewer, at, news)
            if len(self._known) > MOST_KNOWN:
                self._known.popitem(last=False)
        return viewer

    def _holds(self, known: Known) -> bool:
        hub, moment = self._hub, monotonic()
        return (
            known.news == hub.access_news
            and hub.running()
            and moment - known.at < self._remember_seconds
            and moment - max(known.at, hub.read_at) < SURE_SECONDS
            and not _expired(known.viewer)
        )

    async def _caller(self, key: str | None, scope: Scope, *, by_cookie: bool) -> Caller:
        address = (scope.get("client") or ("",))[0]
        seen = self._hub.access_changes
        if key is not None:
            try:
                viewer = await self.look_up(key)
            except Unauthenticated:
                if not by_cookie:
                    raise
            else:
                return Caller(
                    key,
                    viewer,
                    self._hub,
                    seen=seen,
                    look_up=self.look_up,
                    by_cookie=by_cookie,
                    address=address,
                )
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


async def _look_up(key: str) -> Viewer:
    return _or_refuse(await viewer_of(key) if len(key) <= LONGEST else None)


def _or_refuse(viewer: Viewer | None) -> Viewer:
    if viewer is None:
        raise Unauthenticated()
    return viewer


def _expired(viewer: Viewer) -> bool:
    return viewer.expire_at is not None and viewer.expire_at <= now()
