"""GraphQL over WebSocket, as https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md says.

Queries, mutations and subscriptions run side by side on one socket. A message that breaks the protocol closes the
socket with the code that the protocol gives; an operation that cannot be served gets an `error` of its own.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing, suppress
from typing import Any

import orjson
from starlette.types import Receive, Scope, Send

from app.graphql import metrics
from app.graphql import response as codes
from app.graphql.draining import RESTART, Connections
from app.graphql.engine import Caller, Engine, Identify
from app.graphql.origins import Origins
from app.graphql.outlets import ReadyFrames, Sending, text_frame
from app.graphql.rendering import Event, Parcel
from app.graphql.request import GraphQLRequest
from app.graphql.response import LIMIT_EXCEEDED, Refused, encode, refusal
from app.settings import Settings

PROTOCOL = "graphql-transport-ws"
LONGEST_REASON = 123  # bytes, by RFC 6455
LAST_WORDS = 0.25  # seconds for operations to end by themselves, once the credentials are revoked

INVALID_MESSAGE = 4400
UNAUTHORIZED = 4401
FORBIDDEN = 4403
UNACCEPTABLE_PROTOCOL = 4406
INIT_TIMEOUT = 4408
SUBSCRIBER_EXISTS = 4409
TOO_MANY_INITS = 4429
SERVICE_RESTART = 1012
TOO_LARGE = 1009
TRY_AGAIN_LATER = 1013
CLOSE_CODES = {
    codes.UNAVAILABLE: TRY_AGAIN_LATER,
    codes.INTERNAL: 1011,
}  # by the code of an error; else FORBIDDEN


class Close(Exception):
    """The socket is to be closed with this code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class ClientGone(Exception):
    """The client closed the socket."""


class GraphQLWebSocket:
    """The ASGI application at /graphql for WebSockets."""

    def __init__(
        self,
        engine: Engine,
        identify: Identify,
        connections: Connections,
        settings: Settings,
        *,
        init_timeout: float = 10,
        ready_frames: bool = True,
    ) -> None:
        """`ready_frames`: write events past the server's `send` where it lets us."""
        self.engine = engine
        self.identify = identify
        self.init_timeout = init_timeout
        self.ready_frames = ready_frames
        self.most_bytes = settings.max_body_bytes
        self.most_operations = settings.max_operations_per_socket
        self.origins = Origins.of(settings)
        self._connections = connections

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one socket until it closes."""
        await receive()  # websocket.connect
        if not self.origins.may_call(scope):
            await send(
                {"type": "websocket.close", "code": FORBIDDEN}
            )  # before accepting: the handshake gets 403
            return
        if PROTOCOL not in scope["subprotocols"]:
            await send({"type": "websocket.accept"})
            await send(
                {"type": "websocket.close", "code": UNACCEPTABLE_PROTOCOL, "reason": f"Speak {PROTOCOL}"}
            )
            return
        await send({"type": "websocket.accept", "subprotocol": PROTOCOL})
        socket = Socket(self, scope, receive, send)
        metrics.SOCKETS.inc()
        self._connections.enter(socket)
        try:
            await socket.serve()
        finally:
            self._connections.leave(socket)
            metrics.SOCKETS.dec()


class Socket:
    """One socket: the task that reads it, a task for each operation, and one that waits for revocation."""

    def __init__(self, endpoint: GraphQLWebSocket, scope: Scope, receive: Receive, send: Send) -> None:
        self._endpoint = endpoint
        self._scope = scope
        self._receive = receive
        self._sending = Sending(send)
        self._frames = ReadyFrames.behind(receive) if endpoint.ready_frames else None
        self._caller: Caller | None = None
        self._operations: dict[str, asyncio.Task[None]] = {}
        self._guard: asyncio.Task[None] | None = None
        self._reader: asyncio.Task[Any] | None = None
        self._closing: Close | None = None

    def restart(self) -> None:
        """See `Open`."""
        self._close_with(Close(SERVICE_RESTART, RESTART))

    async def serve(self) -> None:
        """Read messages until somebody closes the socket."""
        self._reader = asyncio.current_task()
        try:
            if self._closing is None:
                await self._read_all()
        except Close as close:
            self._closing = close
        except ClientGone:
            return
        except asyncio.CancelledError:
            if self._closing is None or self._reader is None or self._reader.uncancel() > 0:
                raise
        finally:
            self._reader = None  # nothing is read any more that a shutdown would have to interrupt
            await self._end_operations()
        if self._closing is not None:
            await self._close(self._closing)

    async def _read_all(self) -> None:
        try:
            async with asyncio.timeout(self._endpoint.init_timeout):
                await self._read_init()
        except TimeoutError:
            raise Close(INIT_TIMEOUT, "Connection initialisation timeout") from None
        while True:
            message = await self._read()
            kind = message.get("type")
            if not isinstance(kind, str) or kind not in HANDLERS:
                raise Close(INVALID_MESSAGE, f"Unknown message type {kind!r}")
            await HANDLERS[kind](self, message)

    async def _read_init(self) -> None:
        while True:
            message = await self._read()
            if message.get("type") == "connection_init":
                break
            if message.get("type") == "ping":
                await self._on_ping(message)
            elif message.get("type") != "pong":
                raise Close(UNAUTHORIZED, "Unauthorized: send connection_init first")
        await self._init(message)

    async def _init(self, message: dict[str, Any]) -> None:
        payload = _payload(message)
        try:
            self._caller = await self._endpoint.identify.from_socket(self._scope, payload)
        except Exception as error:
            refused = refusal(error)
            raise Close(CLOSE_CODES.get(refused.code, FORBIDDEN), str(refused)) from None
        if self._caller.by_cookie and not self._endpoint.origins.may_use_cookie(self._scope):
            raise Close(FORBIDDEN, "A socket with a session cookie must come from a page of this server")
        self._guard = asyncio.create_task(self._wait_until_revoked(self._caller))
        await self._send('{"type":"connection_ack"}')

    async def _wait_until_revoked(self, caller: Caller) -> None:
        reason = await caller.wait_until_revoked()
        if self._operations:  # an inbox that ends by itself tells its worker why
            await asyncio.wait(self._operations.values(), timeout=LAST_WORDS)
        self._close_with(Close(FORBIDDEN, reason))

    async def _read(self) -> dict[str, Any]:
        frame = await self._receive()
        if frame["type"] == "websocket.disconnect":
            raise ClientGone
        text = frame.get("text")
        if text is None:
            raise Close(INVALID_MESSAGE, "Send text, not binary messages")
        if len(text) > self._endpoint.most_bytes:
            raise Close(TOO_LARGE, f"Messages may be {self._endpoint.most_bytes} bytes long")
        try:
            message = orjson.loads(text)
        except orjson.JSONDecodeError:
            raise Close(INVALID_MESSAGE, "The message is no JSON") from None
        if not isinstance(message, dict):
            raise Close(INVALID_MESSAGE, "The message is no JSON object")
        return message

    async def _on_init(self, _message: dict[str, Any]) -> None:
        raise Close(TOO_MANY_INITS, "Too many initialisation requests")

    async def _on_ping(self, message: dict[str, Any]) -> None:
        payload = _payload(message)
        await self._send(encode({"type": "pong", **({"payload": payload} if payload else {})}).decode())

    async def _on_pong(self, _message: dict[str, Any]) -> None:
        pass

    async def _on_subscribe(self, message: dict[str, Any]) -> None:
        identity = _identity(message)
        if identity in self._operations:
            raise Close(SUBSCRIBER_EXISTS, f"Subscriber for {identity} already exists")
        try:
            request = GraphQLRequest.parse(message.get("payload"))
        except Refused as refused:
            raise Close(INVALID_MESSAGE, str(refused)) from None
        if len(self._operations) >= self._endpoint.most_operations:
            full = f"This socket runs {self._endpoint.most_operations} operations already."
            await self._send_errors(identity, Refused.because(full, LIMIT_EXCEEDED))
            return
        self._operations[identity] = asyncio.create_task(self._operate(identity, request))

    async def _on_complete(self, message: dict[str, Any]) -> None:
        task = self._operations.pop(_identity(message), None)
        if task is not None:
            task.cancel()

    async def _operate(self, identity: str, request: GraphQLRequest) -> None:
        """Run one operation to its end. The id is free again before the client hears of the end."""
        assert self._caller is not None
        quoted = encode(identity).decode()
        outlet = Results(quoted, self._sending, self._frames)
        try:
            engine = self._endpoint.engine
            operation = engine.find(request)
            async with aclosing(engine.stream(operation, request, self._caller, outlet=outlet)) as events:
                async for event in events:
                    await self._send(outlet.message(event))
        except Exception as error:
            self._forget(identity)
            await self._send_errors(identity, refusal(error))
        else:
            self._forget(identity)
            await self._send(f'{{"id":{quoted},"type":"complete"}}')

    def _forget(self, identity: str) -> None:
        if self._operations.get(identity) is asyncio.current_task():
            del self._operations[identity]

    async def _send_errors(self, identity: str, refused: Refused) -> None:
        await self._send(encode({"id": identity, "type": "error", "payload": refused.errors}).decode())

    async def _send(self, text: str) -> None:
        """Waits while the client does not read: that is the back-pressure of every operation."""
        with suppress(OSError):  # the client is gone: the reader hears of it as well, and ends everything
            await self._sending.send({"type": "websocket.send", "text": text})

    def _close_with(self, close: Close) -> None:
        """Close from another task than the reader."""
        if self._closing is None:
            self._closing = close
            if self._reader is not None:
                self._reader.cancel()

    async def _end_operations(self) -> None:
        tasks = [*self._operations.values(), *([self._guard] if self._guard else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _close(self, close: Close) -> None:
        reason = close.reason.encode()[:LONGEST_REASON].decode(errors="ignore")
        await self._sending.send({"type": "websocket.close", "code": close.code, "reason": reason})


class Results:
    """The way out for the results of one operation, under its id. See `Outlet`."""

    def __init__(self, quoted_id: str, sending: Sending, frames: ReadyFrames | None) -> None:
        self._prefix = f'{{"id":{quoted_id},"type":"next","payload":'
        self._prefix_bytes = self._prefix.encode()
        self._sending = sending
        self._frames = frames

    def message(self, event: Event) -> str:
        """A result as `next`."""
        return f"{self._prefix}{event.rendered.text}}}"

    def put(self, parcel: Parcel, start: int) -> int:
        """Send what there is room for."""
        if self._sending.busy:
            return start
        if self._frames is not None and start == 0:
            if not self._frames.room():
                return 0
            self._frames.write(parcel.as_bytes(self._prefix_bytes, self._frame))
            return len(parcel.events)
        for number in range(start, len(parcel.events)):
            text = self.message(parcel.events[number])
            if not self._sending.put({"type": "websocket.send", "text": text}):
                return number + 1
        return len(parcel.events)

    def _frame(self, event: Event) -> bytes:
        return text_frame(self._prefix_bytes, event.rendered.payload, b"}")


HANDLERS: dict[str, Callable[[Socket, dict[str, Any]], Awaitable[None]]] = {
    "connection_init": Socket._on_init,
    "ping": Socket._on_ping,
    "pong": Socket._on_pong,
    "subscribe": Socket._on_subscribe,
    "complete": Socket._on_complete,
}


def _identity(message: dict[str, Any]) -> str:
    identity = message.get("id")
    if isinstance(identity, str) and identity:
        return identity
    raise Close(INVALID_MESSAGE, "The message has no id, or one that is no string")


def _payload(message: dict[str, Any]) -> dict[str, Any]:
    payload = message.get("payload")
    if payload is None:
        return {}
    if isinstance(payload, dict):
        return payload
    raise Close(INVALID_MESSAGE, "The payload is no JSON object")
