"""The open sockets and streams of this process, so that a shutdown can tell each of them to come back."""

import asyncio
from typing import Protocol

RESTART = "Service restart: reconnect from your cursor"


class Open(Protocol):
    """A connection that stays open."""

    def restart(self) -> None:
        """Tell the client to reconnect, and end. Returns at once; it leaves `Connections` when it is done."""


class Connections:
    """Every socket and stream enters when it opens and leaves when it has ended."""

    def __init__(self) -> None:
        self.draining = False
        self._open: set[Open] = set()
        self._empty = asyncio.Event()

    def enter(self, connection: Open) -> None:
        """Count a connection as open; one that comes during shutdown is sent away at once."""
        self._open.add(connection)
        if self.draining:
            connection.restart()

    def leave(self, connection: Open) -> None:
        """Count a connection as ended."""
        self._open.discard(connection)
        if not self._open:
            self._empty.set()

    async def drain(self, *, within: float = 5) -> int:
        """Tell everyone to reconnect and wait for that many seconds until they are gone; return how many are not."""
        self.draining = True
        self._empty.clear()
        for connection in list(self._open):
            connection.restart()
        if self._open:
            try:
                async with asyncio.timeout(within):
                    await self._empty.wait()
            except TimeoutError:
                pass
        return len(self._open)
