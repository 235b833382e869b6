"""The client that programs hold: one per server and token."""

import asyncio
import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any, Self
from urllib.parse import urlsplit, urlunsplit

from app.client.backoff import Backoff
from app.client.errors import GraphQLError, ProtocolError, Unavailable, UserErrors
from app.client.http import HTTP
from app.client.socket import Lost, Socket
from app.client.transfers import Transfers

Variables = Mapping[str, Any]
BACKOFF = Backoff()


class Client:
    """Speaks to one server as one identity. Close it, or use it as `async with`.

    `url` is the server's address, with or without `/graphql`. `retries` is how often one call is tried again when the
    connection fails; subscriptions reconnect for ever. `transfers` carries the bytes of files.
    """

    def __init__(
        self,
        url: str,
        token: str | None = None,
        *,
        timeout: float = 30.0,
        retries: int = 4,
        backoff: Backoff = BACKOFF,
    ) -> None:
        http_url, socket_url = endpoints(url)
        self.timeout = timeout
        self.retries = retries
        self.backoff = backoff
        self._http = HTTP(http_url, token)
        self._socket = Socket(socket_url, token, backoff)
        self.transfers = Transfers(self._http.pool, http_url.removesuffix("/graphql"))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        await self._socket.aclose()
        await self._http.aclose()

    async def execute(
        self,
        document: str,
        variables: Variables | None = None,
        *,
        idempotent: bool | None = None,
        timeout: float | None = None,
    ) -> dict[str, Any]:
        """Run a query or mutation and return its `data`.

        A call that certainly did not reach the server is tried again, and so is an idempotent one whose answer was
        lost; a document without a mutation counts as idempotent unless said otherwise. Raises Unavailable when no try
        was answered within `timeout` seconds each, GraphQLError when the server answered with errors.
        """
        safe = not MUTATION.search(document) if idempotent is None else idempotent
        failures = 0
        while True:
            try:
                return await self._http.execute(document, variables, timeout or self.timeout)
            except Unavailable as error:
                if failures >= self.retries or (error.sent and not safe):
                    raise
                await asyncio.sleep(max(error.retry_after or 0, self.backoff.delay(failures)))
                failures += 1

    async def mutate(
        self,
        document: str,
        variables: Variables | None = None,
        *,
        idempotent: bool = False,
        timeout: float | None = None,
    ) -> dict[str, Any]:
        """Run a document with one mutation and return that mutation's payload; raise UserErrors if it refused.

        The document selects `userErrors { code message path }`.
        """
        data = await self.execute(document, variables, idempotent=idempotent, timeout=timeout)
        payload = only_field(data)
        if payload.get("userErrors"):
            raise UserErrors(payload["userErrors"], payload)
        return payload

    async def subscribe(
        self, document: str, variables: Variables | None = None, *, after: str | None = None
    ) -> AsyncGenerator[dict[str, Any]]:
        """Yield each event of a document's one subscription field, across any number of lost connections.

        The document declares `$after: Cursor`, passes it on, and selects `cursor`. Without `after` events are followed
        from now; after a lost connection, from the last event that was yielded, so that none is repeated and none
        skipped. (Nothing can be resumed before the first event: whoever must not miss anything at all passes `after`.)
        Ends when the server completes the subscription. Raises CursorExpired, Unauthenticated (also when the token is
        revoked later), or GraphQLError. Leave early only through `contextlib.aclosing`, which tells the server.
        """
        if "$after" not in document:
            raise ValueError(
                "a subscription must declare $after: Cursor to resume from; this document does not"
            )
        failures = 0
        while True:
            try:
                async with aclosing(
                    self._socket.events(document, {**(variables or {}), "after": after})
                ) as events:
                    async for data in events:
                        event = only_field(data)
                        after, failures = cursor_of(event), 0
                        yield event
                return
            except Lost:  # the socket itself waits before it connects again
                continue
            except GraphQLError as error:
                if "UNAVAILABLE" not in error.codes:
                    raise
            await asyncio.sleep(self.backoff.delay(failures))
            failures += 1


# The word anywhere in a document only costs a retry when it is no mutation after all.
MUTATION = re.compile(r"\bmutation\b")


def endpoints(url: str) -> tuple[str, str]:
    """The HTTP and the WebSocket address of the server's GraphQL endpoint."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"expected a URL like http://127.0.0.1:8000, got {url!r}")
    path = parts.path.rstrip("/")
    path = path if path.endswith("/graphql") else f"{path}/graphql"
    socket_scheme = {"http": "ws", "https": "wss"}[parts.scheme]
    return (
        urlunsplit((parts.scheme, parts.netloc, path, "", "")),
        urlunsplit((socket_scheme, parts.netloc, path, "", "")),
    )


def only_field(data: dict[str, Any]) -> dict[str, Any]:
    if len(data) != 1 or not isinstance(value := next(iter(data.values())), dict):
        raise ValueError(
            f"the document must have exactly one field with selections at its root, got {', '.join(data)}"
        )
    return value


def cursor_of(event: dict[str, Any]) -> str:
    if not isinstance(cursor := event.get("cursor"), str):
        raise ProtocolError("the subscription's events have no cursor; select it to be able to resume")
    return cursor
