"""Ways out to a client that cost no switch of tasks: for an event that goes to a thousand sockets at once.

An outlet takes what there is room for, at once. What it does not take is sent by the task of the subscription, which
waits until there is room: so a client that does not read holds back itself alone.
"""

import asyncio
from collections.abc import Coroutine, Generator
from contextlib import suppress
from types import coroutine
from typing import Any, Protocol

from starlette.types import Message, Receive, Send

from app.graphql.rendering import Parcel


class Outlet(Protocol):
    """Where the results of one subscription go."""

    def put(self, parcel: Parcel, start: int) -> int:
        """Send what there is room for, from that result on. Returns up to where it did."""


class Closed:
    """The outlet of whoever takes each result by itself."""

    def put(self, parcel: Parcel, start: int) -> int:
        """Nothing."""
        return start


class Sending:
    """ASGI's `send`, as a function that a task need not wait for.

    It is run up to its first wait, which with room in the server's buffer is its end; else a task of its own ends it.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self._unfinished: asyncio.Task[None] | None = None

    @property
    def busy(self) -> bool:
        """True while something put is on its way still: then nothing can be."""
        return self._unfinished is not None and not self._unfinished.done()

    def put(self, message: Message) -> bool:
        """Send it, or begin to; not while it is busy. False when there was no room, so that it is busy now."""
        sending = self._send(message)
        assert isinstance(sending, Coroutine)
        try:
            waits_for = sending.send(None)
        except (StopIteration, OSError):  # sent, or the client is gone, of which its reader hears as well
            return True
        self._unfinished = asyncio.create_task(_end(sending, waits_for))
        return False

    async def send(self, message: Message) -> None:
        """Send it after all that was put."""
        while self._unfinished is not None and not self._unfinished.done():
            await asyncio.wait([self._unfinished])
        await self._send(message)


async def _end(sending: Coroutine[Any, Any, None], waits_for: Any) -> None:
    with suppress(OSError):
        await _rest(sending, waits_for)


@coroutine
def _rest(begun: Coroutine[Any, Any, None], waits_for: Any) -> Generator[Any, Any, None]:
    """What is left of a coroutine that was run up to where it waits for this."""
    try:
        while True:
            try:
                answer = yield waits_for
            except BaseException as error:
                waits_for = begun.throw(error)
            else:
                waits_for = begun.send(answer)
    except StopIteration:
        return


class ReadyFrames:
    """Frames of WebSocket, written to the server's transport as they are.

    This reaches into uvicorn: it saves two thirds of what its `send` costs, which makes each frame anew. Where another
    server runs us, or uvicorn has become another, there is none, and everything goes by `send`.
    """

    def __init__(self, protocol: Any) -> None:
        self._protocol = protocol
        self._writable, self._connection = protocol.writable, protocol.conn
        self._transport = protocol.transport
        self._open = type(protocol.conn.state).OPEN

    @classmethod
    def behind(cls, receive: Receive) -> "ReadyFrames | None":
        """The way to the transport of the socket that this belongs to, if there is one and frames go out as they are."""
        protocol: Any = getattr(receive, "__self__", None)
        if not _is_uvicorns(protocol):
            return None
        try:
            return (
                cls(protocol) if not protocol.conn.extensions else None
            )  # an extension would change the frames
        except AttributeError:
            return None

    def room(self) -> bool:
        """False when the client is slow to read, or there is nobody any more."""
        return (
            self._writable.is_set()  # as uvicorn's own `send`: the transport has no more than 64 KiB to write
            and not self._protocol.close_sent
            and self._connection.state is self._open
            and not self._transport.is_closing()
        )

    def write(self, frames: bytes) -> None:
        """Write whole frames. Only while there is room."""
        self._transport.write(frames)


def _is_uvicorns(protocol: object) -> bool:
    try:
        from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
    except ImportError:
        return False
    return type(protocol) is WebSocketsSansIOProtocol


def text_frame(*parts: bytes) -> bytes:
    """A frame of text as a server sends it: whole, and not masked (RFC 6455, 5.2)."""
    body = b"".join(parts)
    size = len(body)
    if size < 126:
        return bytes((0x81, size)) + body
    if size < 1 << 16:
        return b"\x81\x7e" + size.to_bytes(2, "big") + body
    return b"\x81\x7f" + size.to_bytes(8, "big") + body
