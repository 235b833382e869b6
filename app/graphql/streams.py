"""Many results over one HTTP response: server-sent events, and multipart responses as Apollo Client reads them.

Server-sent events follow the distinct connections mode of
https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md, with lines ended by LF alone, because some clients
look for two of them. Parts follow
https://www.apollographql.com/docs/graphos/routing/operations/subscriptions/multipart-protocol.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Protocol

from starlette.types import Receive, Send

from app.graphql import metrics
from app.graphql.draining import RESTART, Connections
from app.graphql.engine import Caller, Event
from app.graphql.negotiation import Media
from app.graphql.outlets import Outlet, Sending
from app.graphql.rendering import Parcel
from app.graphql.response import UNAUTHENTICATED, UNAVAILABLE, FormattedError, Refused, encode, error

Begin = Callable[[Outlet], AsyncGenerator[Event, None]]
"""Begins an operation, whose results go to the outlet so far as it takes them."""

LAST_WORDS = 0.25  # seconds for a stream to end by itself, once the credentials are revoked


class Framing(Protocol):
    """How results are put into the body of a response."""

    begin: bytes
    """Sent at once, so that the client knows that the stream is open."""
    heartbeat: bytes

    def result(self, event: Event) -> bytes:
        """One result."""

    def end(self, errors: list[FormattedError] | None) -> bytes:
        """The end, because of errors or because there is no more."""


class ServerSentEvents:
    """`next` events with the cursor as their id, then `complete`."""

    begin = heartbeat = b":\n\n"

    def result(self, event: Event) -> bytes:
        """One `next` event."""
        identity = f"id: {event.cursor}\n".encode() if event.cursor is not None else b""
        return b"event: next\n" + identity + b"data: " + event.rendered.payload + b"\n\n"

    def end(self, errors: list[FormattedError] | None) -> bytes:
        """`complete`, after a `next` with the errors."""
        told = b"event: next\ndata: " + encode({"errors": errors}) + b"\n\n" if errors else b""
        return told + b"event: complete\ndata:\n\n"


class Parts:
    """Parts of multipart/mixed with the boundary `-`."""

    begin = b"---"
    heartbeat = b"\r\ncontent-type: application/json\r\n\r\n{}\r\n---"

    def result(self, event: Event) -> bytes:
        """One part."""
        return self._part(b'{"payload":' + event.rendered.payload + b"}") + b"\r\n---"

    def end(self, errors: list[FormattedError] | None) -> bytes:
        """The closing boundary, after a part with the errors."""
        if not errors:
            return b"--\r\n"
        return self._part(encode({"payload": None, "errors": errors})) + b"\r\n-----\r\n"

    def _part(self, body: bytes) -> bytes:
        return b"\r\ncontent-type: application/json\r\n\r\n" + body


class Increments(Parts):
    """Parts that are responses themselves. The protocol has nothing that could keep a silent connection alive."""

    heartbeat = b""

    def result(self, event: Event) -> bytes:
        """One part."""
        return self._part(event.rendered.payload) + b"\r\n---"

    def end(self, errors: list[FormattedError] | None) -> bytes:
        """The closing boundary, after a part with the errors."""
        if not errors:
            return b"--\r\n"
        return self._part(encode({"errors": errors, "hasNext": False})) + b"\r\n-----\r\n"


FRAMINGS: dict[Media, Framing] = {
    Media.EVENTS: ServerSentEvents(),
    Media.PARTS: Parts(),
    Media.INCREMENTS: Increments(),
    Media.INCREMENTS_2022: Increments(),
}


async def serve_stream(
    begin: Begin,
    media: Media,
    caller: Caller,
    receive: Receive,
    connections: Connections,
    heartbeat: float,
    send: Send,
) -> None:
    """Send events until there are no more, the client leaves, its credentials are revoked or the server stops."""
    stream = Stream(begin, FRAMINGS[media], send)
    gauge = metrics.STREAMS.labels(media.name.lower())
    gauge.inc()
    connections.enter(stream)
    try:
        await _start(send, media)
        await stream.run(caller, receive, heartbeat)
    finally:
        connections.leave(stream)
        gauge.dec()


async def refuse_by_stream(send: Send, refused: Refused, media: Media) -> None:
    """Tell a client that reads nothing but streams why there is none."""
    await _start(send, media)
    framing = FRAMINGS[media]
    await send({"type": "http.response.body", "body": framing.begin + framing.end(refused.errors)})


class Stream:
    """One response that stays open, and the outlet of its events."""

    def __init__(self, begin: Begin, framing: Framing, send: Send) -> None:
        self._events = begin(self)
        self._framing = framing
        self._sending = Sending(send)
        self._writing = 0
        self._restarting = asyncio.Event()
        self._cursor: str | None = None

    def restart(self) -> None:
        """See `Open`."""
        self._restarting.set()

    async def run(self, caller: Caller, receive: Receive, heartbeat: float) -> None:
        """Race the events against everything that ends a stream, and say the last word."""
        pump = asyncio.create_task(self._pump())
        gone = asyncio.create_task(_disconnected(receive))
        revoked = asyncio.create_task(caller.wait_until_revoked())
        restarting = asyncio.create_task(self._restarting.wait())
        tasks = (pump, gone, revoked, restarting)
        try:
            await self._write(self._framing.begin)
            while not (await asyncio.wait(tasks, timeout=heartbeat, return_when=asyncio.FIRST_COMPLETED))[0]:
                if not self._writing and not self._sending.busy:
                    await self._write(self._framing.heartbeat)
            if revoked.done() and not pump.done():  # an inbox that ends by itself tells its worker why
                await asyncio.wait([pump], timeout=LAST_WORDS)
            errors = self._last_words(pump, revoked, restarting)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._events.aclose()
        if not gone.done() or gone.cancelled():
            await self._write(self._framing.end(errors), more=False)

    def put(self, parcel: Parcel, start: int) -> int:
        """See `Outlet`."""
        if start or self._writing or self._sending.busy:
            return start
        body = parcel.as_bytes(id(self._framing), self._framing.result)
        self._sending.put({"type": "http.response.body", "body": body, "more_body": True})
        self._cursor = parcel.events[-1].cursor
        return len(parcel.events)

    async def _pump(self) -> list[FormattedError] | None:
        try:
            async for event in self._events:
                self._cursor = event.cursor
                await self._write(self._framing.result(event))
        except Refused as refused:
            return refused.errors
        return None

    def _last_words(
        self,
        pump: "asyncio.Task[list[FormattedError] | None]",
        revoked: "asyncio.Task[str]",
        restarting: "asyncio.Task[bool]",
    ) -> list[FormattedError] | None:
        if pump.done():
            return pump.result()
        if revoked.done():
            return [error(revoked.result(), UNAUTHENTICATED)]
        if restarting.done():
            return [error(RESTART, UNAVAILABLE, **({"cursor": self._cursor} if self._cursor else {}))]
        return None

    async def _write(self, body: bytes, *, more: bool = True) -> None:
        self._writing += 1
        try:
            await self._sending.send({"type": "http.response.body", "body": body, "more_body": more})
        finally:
            self._writing -= 1


async def _start(send: Send, media: Media) -> None:
    headers = [
        (b"content-type", media.value.encode()),
        (b"cache-control", b"no-store"),
        (b"vary", b"Accept"),
        (b"x-accel-buffering", b"no"),  # proxies must pass each event on
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
