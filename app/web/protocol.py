"""HTTP as uvicorn speaks it, but for two things that it does again and again for each request of a connection.

A response's head and body go in one write: each is a call of the kernel otherwise. And a head that came before on the same
connection is not read again: clients that keep a connection send the same bytes before each body.
"""

import asyncio
from functools import lru_cache, partial
from typing import Any, NamedTuple, cast
from weakref import ref

from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from app.graphql.http import BODY, WHOLE
from app.headers import Headers, headers_of

MOST_HELD = 65_536
"""Bytes: so much is held back at most until the loop comes round. What streams for long is written as it comes."""
MOST_HEADS = 8
"""So many heads of a connection are known, in the order in which they came: one for each length of a body."""
LONGEST_HEAD = 4_096
SPECIAL = {b"expect", b"upgrade", b"transfer-encoding"}
"""Headers with which a head alone does not say what follows it."""
OF_PROXIES = {b"x-forwarded-for", b"x-forwarded-proto"}


class Gathering:
    """A transport that writes what one turn of the event loop gives it together, at the end of the turn."""

    __slots__ = ("_held", "_size", "_soon", "plain")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self.plain = transport
        self._soon = loop.call_soon
        self._held: list[bytes] = []
        self._size = 0

    def write(self, data: bytes) -> None:
        """Write this, in a moment."""
        if not self._held:
            self._soon(self.flush)
        self._held.append(data)
        self._size += len(data)
        if self._size > MOST_HELD:
            self.flush()

    def flush(self) -> None:
        """Write what is held, now."""
        held, self._held, self._size = self._held, [], 0
        if held:
            self.plain.write(held[0] if len(held) == 1 else b"".join(held))

    def write_now(self, data: bytes) -> None:
        """Write this, and what is held before it, without waiting."""
        self.flush()
        self.plain.write(data)

    def close(self) -> None:
        """Close the connection when all is written."""
        self.flush()
        self.plain.close()

    def is_closing(self) -> bool:
        return self.plain.is_closing()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.plain, name)


class Head(NamedTuple):
    """What uvicorn read of a head, how long the body is that follows it, and who answers."""

    scope: dict[str, Any]
    length: int
    app: Any


class Protocol(HttpToolsProtocol):
    """uvicorn's, on such a transport."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._heads: dict[bytes, Head] = {}
        self._between = True  # all that came so far are whole requests

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._gathering = Gathering(transport, self.loop)
        as_transport: Any = self._gathering
        super().connection_made(as_transport)

    def data_received(self, data: bytes) -> None:
        """Read what came: by what is known, when it is one whole request with a known head; else as ever."""
        before = self.cycle
        if not self._between or (before is not None and not before.response_complete):
            super().data_received(data)
            return
        head, _, body = data.partition(b"\r\n\r\n")
        known = self._heads.get(head)
        if known is not None and known.length == len(body):
            self._unset_keepalive_if_required()
            self._begin(known, body)
            return
        super().data_received(data)
        if self._between and self.cycle is not None and self.cycle is not before:
            self._learn(head, body)

    def _learn(self, head: bytes, body: bytes) -> None:
        """Remember the head of a request that came whole and by itself, if there is nothing special about it."""
        cycle, scope = self.cycle, cast("dict[str, Any]", self.scope)
        headers = headers_of(scope)
        if (
            cycle.body == body
            and cycle.keep_alive
            and not headers.keys() & SPECIAL
            and len(head) <= LONGEST_HEAD
            and self.limit_concurrency is None
        ):
            if len(self._heads) >= MOST_HEADS:
                del self._heads[next(iter(self._heads))]
            self._heads[head] = Head({**scope}, len(body), self._app_for(headers))

    def _app_for(self, headers: Headers) -> Any:
        """The application, past what looks into headers of proxies, where there are none."""
        app: Any = self.app
        if isinstance(app, ProxyHeadersMiddleware) and not headers.keys() & OF_PROXIES:
            return app.app
        return app

    def _begin(self, known: Head, body: bytes) -> None:
        """Begin to answer a request whose head is known: as `on_headers_complete` does when all of it has come."""
        scope: Any = {**known.scope, "state": self.app_state.copy(), BODY: body}
        self.scope = scope
        self.cycle = cycle = RequestResponseCycle(
            scope=scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=self.access_log,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=False,
            keep_alive=True,
            on_response=self.on_response_complete,
        )
        cycle.body += body
        cycle.more_body = False
        cycle.message_event.set()
        scope[WHOLE] = partial(_send_whole, self._gathering, ref(cycle))
        self._start_asgi_task(cycle, known.app)

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        self._between = False
        super().on_message_begin()

    def on_message_complete(self) -> None:
        """The last byte of a request."""
        self._between = True
        super().on_message_complete()

    def on_headers_complete(self) -> None:
        """Begin to answer a request. Who has the whole answer may give it in one step."""
        super().on_headers_complete()
        scope: Any = self.scope
        cycle: Any = self.cycle
        if self.parser.should_upgrade() and self._should_upgrade():
            return  # no cycle: it asks for a socket
        # The cycle has the scope: were it to have the cycle, too, each request would be garbage that only a collection finds.
        scope[WHOLE] = partial(_send_whole, self._gathering, ref(cycle))

    def handle_websocket_upgrade(self) -> None:
        """A socket writes frame by frame, and has rules of its own."""
        self._gathering.flush()
        self.transport = self._gathering.plain
        super().handle_websocket_upgrade()


def _send_whole(transport: Gathering, of: "ref[RequestResponseCycle]", head: bytes, body: bytes) -> bool:
    """What uvicorn does in two messages, of which it looks at each header, for an answer whose headers are known to be good.

    False when it has not been sent: what is special is left to uvicorn.
    """
    cycle = of()
    if (
        cycle is None
        or cycle.response_started
        or cycle.disconnected
        or not cycle.keep_alive
        or cycle.flow.write_paused
    ):
        return False
    cycle.response_started = cycle.response_complete = True
    usual = _lines(tuple(cycle.default_headers))
    transport.write_now(
        b"HTTP/1.1 200 OK\r\n%b%bcontent-length: %d\r\n\r\n%b" % (usual, head, len(body), body)
    )
    cycle.message_event.set()
    cycle.on_response()
    return True


@lru_cache(maxsize=1)
def _lines(headers: tuple[tuple[bytes, bytes], ...]) -> bytes:
    """The lines of these headers, which are the same for a second: the date is in them."""
    return b"".join([b"%b: %b\r\n" % header for header in headers])
