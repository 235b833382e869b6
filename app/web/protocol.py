"""HTTP as uvicorn speaks it, with a response's head and body in one write: each is a call of the kernel otherwise."""

import asyncio
from functools import partial
from typing import Any
from weakref import ref

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from app.graphql.http import WHOLE

MOST_HELD = 65_536
"""Bytes: so much is held back at most until the loop comes round. What streams for long is written as it comes."""


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


class Protocol(HttpToolsProtocol):
    """uvicorn's, on such a transport."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._gathering = Gathering(transport, self.loop)
        as_transport: Any = self._gathering
        super().connection_made(as_transport)

    def on_headers_complete(self) -> None:
        """Begin to answer a request. Who has the whole answer may give it in one step."""
        super().on_headers_complete()
        scope: Any = self.scope
        cycle: Any = self.cycle
        if cycle is None:  # it asks for a socket
            return
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
    usual = b"".join([b"%b: %b\r\n" % header for header in cycle.default_headers])
    transport.write_now(
        b"HTTP/1.1 200 OK\r\n%b%bcontent-length: %d\r\n\r\n%b" % (usual, head, len(body), body)
    )
    cycle.message_event.set()
    cycle.on_response()
    return True
