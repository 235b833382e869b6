"""HTTP as uvicorn speaks it, with a response's head and body in one write: each is a call of the kernel otherwise."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

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

    def handle_websocket_upgrade(self) -> None:
        """A socket writes frame by frame, and has rules of its own."""
        self._gathering.flush()
        self.transport = self._gathering.plain
        super().handle_websocket_upgrade()
