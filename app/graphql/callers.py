"""Who sends requests, as the engine knows them: transports bring callers, and the product says who they are."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from starlette.types import Scope

from app.access import Viewer


class Caller(Protocol):
    """Who sends requests over one connection. Its credentials were accepted when the connection began."""

    @property
    def by_cookie(self) -> bool:
        """True when a browser sends the credentials by itself, so that other sites could make it do so."""

    @property
    def address(self) -> str:
        """Where the caller calls from."""

    async def viewer(self, *, fresh: bool = True) -> Viewer:
        """What the caller may do now; raises `Unauthenticated` once the credentials are revoked or expired.

        Without `fresh` it is cheap: for each event, where a change is known from the log anyway.
        """

    async def wait_until_revoked(self) -> str:
        """Return when the credentials are no longer good, with the reason in a few words."""


class Identify(Protocol):
    """Turns the credentials of a connection into a `Caller`. No credentials make an anonymous caller.

    Both raise `Unauthenticated` for credentials that are unknown, disabled or expired, and `BadInput` for ones that do
    not decode.
    """

    async def from_request(self, scope: Scope) -> Caller:
        """By the headers or the cookie of an HTTP request."""

    async def from_socket(self, scope: Scope, payload: Mapping[str, Any]) -> Caller:
        """By the payload of `connection_init`, else by the headers or the cookie of the handshake."""


@dataclass(frozen=True, slots=True)
class AnyOfThem:
    """One caller in the place of several with equal rights, as far as what is sent to all of them goes."""

    standing: Viewer
    by_cookie: ClassVar[bool] = False
    address: ClassVar[str] = ""

    async def viewer(self, *, fresh: bool = True) -> Viewer:
        """The rights that they share: whose rights change is not among them any more."""
        return self.standing

    async def wait_until_revoked(self) -> str:
        """Never: credentials are each one's own."""
        never: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        return await never
