"""One WebSocket for all subscriptions of a client, in the graphql-transport-ws protocol.

A subscription that reads too slowly must neither hold up the others, which share the socket, nor fill the memory. So
each has a bounded window; when that is full we end the operation and ask again from the last event that was taken out.
"""

import asyncio
import json
import logging
from collections import deque
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from itertools import count
from time import monotonic
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.typing import Subprotocol

from app.client.backoff import Backoff
from app.client.errors import ClientError, GraphQLError, ProtocolError, Unauthenticated

PROTOCOL = Subprotocol("graphql-transport-ws")
WINDOW = 256
OPEN_SECONDS = 10.0
PING_SECONDS = 20.0
LARGEST_MESSAGE = 32 * 1024 * 1024

# A connection that has lasted this long was a good one: the next loss counts as the first again.
GOOD_AFTER_SECONDS = 5.0

# Close codes (graphql-transport-ws, RFC 6455) after which trying again would only meet the same answer.
NO_IDENTITY = {4401, 4403}
NO_USE = {1002, 1003, 1007, 1009, 4400, 4406, 4409}
RESTART = 1012

log = logging.getLogger(__name__)

# At DEBUG, websockets writes out every frame, and the first one carries the token.
frames = logging.getLogger(f"{__name__}.frames")
frames.setLevel(logging.WARNING)


class Lost(Exception):
    """The connection, or this operation on it, has ended and may be taken up again from the last event."""

    def __init__(self, reason: str, code: int | None = None) -> None:
        super().__init__(reason)
        self.code = code


class Socket:
    """Connects when the first operation starts, and again whenever one starts and the connection is gone."""

    def __init__(self, url: str, token: str | None, backoff: Backoff) -> None:
        self.url = url
        self._init: dict[str, Any] = {"token": token} if token else {}
        self._backoff = backoff
        self._connection: Connection | None = None
        self._connecting = asyncio.Lock()
        self._failures = 0
        self._closed = False

    async def aclose(self) -> None:
        self._closed = True
        if self._connection:
            await self._connection.aclose()

    async def events(self, document: str, variables: Mapping[str, Any]) -> AsyncGenerator[dict[str, Any]]:
        """The `data` of each event until the server completes; raises Lost when it must be taken up again."""
        connection = await self._connected()
        async with connection.operation(document, variables) as operation:
            while (data := await operation.next()) is not None:
                yield data

    async def _connected(self) -> "Connection":
        """The connection, made anew for as long as it takes; raises only what no waiting can mend."""
        async with self._connecting:
            while self._connection is None or self._connection.end is not None:
                if self._closed:
                    raise ClientError("the client has been closed")
                await asyncio.sleep(self._delay())
                try:
                    self._connection = await Connection.open(self.url, self._init)
                except Lost as error:
                    self._failures += 1
                    log.log(severity(self._failures), "cannot connect to %s: %s", self.url, error)
            return self._connection

    def _delay(self) -> float:
        last, self._connection = self._connection, None
        if last is None:
            return self._backoff.delay(self._failures) if self._failures else 0.0
        good = last.lasted > GOOD_AFTER_SECONDS
        self._failures = 0 if good else self._failures + 1
        log.info("lost %s: %s", self.url, last.end)
        if isinstance(last.end, Lost) and last.end.code == RESTART and self._failures <= 1:
            return 0.0
        return self._backoff.delay(self._failures)


def severity(failures: int) -> int:
    """The first failures of a row are news, the hundredth is not."""
    return logging.WARNING if failures <= 3 or failures % 20 == 0 else logging.DEBUG


class Connection:
    """One WebSocket from its handshake to its end. `end` is None while it is open, then says why it ended."""

    def __init__(self, websocket: ClientConnection) -> None:
        self.end: Exception | None = None
        self._websocket = websocket
        self._operations: dict[str, Operation] = {}
        self._ids = count(1)
        self._opened_at = self._ended_at = monotonic()
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def open(cls, url: str, init: dict[str, Any]) -> "Connection":
        try:
            websocket = await connect(
                url,
                subprotocols=[PROTOCOL],
                open_timeout=OPEN_SECONDS,
                ping_interval=PING_SECONDS,
                ping_timeout=PING_SECONDS,
                close_timeout=2,
                max_size=LARGEST_MESSAGE,
                logger=frames,
            )
        except InvalidStatus as error:
            raise refusal(error) from error
        except (OSError, EOFError, TimeoutError, InvalidHandshake) as error:
            raise Lost(str(error) or type(error).__name__) from error
        try:
            await handshake(websocket, init)
        except BaseException:
            await websocket.close()
            raise
        return cls(websocket)

    @property
    def lasted(self) -> float:
        return (monotonic() if self.end is None else self._ended_at) - self._opened_at

    async def aclose(self) -> None:
        await self._websocket.close()
        await self._reading

    @asynccontextmanager
    async def operation(self, document: str, variables: Mapping[str, Any]) -> AsyncGenerator["Operation"]:
        operation = Operation(str(next(self._ids)))
        self._operations[operation.id] = operation
        try:
            await self._send("subscribe", operation.id, {"query": document, "variables": dict(variables)})
            yield operation
        finally:
            if self._operations.pop(operation.id, None):
                with suppress(Lost, ClientError):
                    await self._send("complete", operation.id)

    async def _send(self, type: str, id: str | None = None, payload: Any = None) -> None:
        try:
            await self._websocket.send(message(type, id, payload))
        except ConnectionClosed as error:
            raise lost(error) from error

    async def _read(self) -> None:
        try:
            while True:
                await self._receive(decode(await self._websocket.recv()))
        except ConnectionClosed as error:
            self._finish(lost(error))
        except (Lost, ClientError) as error:
            self._finish(error)
            await self._websocket.close(4400)
        finally:  # whatever ends the reading, nobody may be left waiting for an event
            self._finish(Lost("the connection was closed"))

    async def _receive(self, received: dict[str, Any]) -> None:
        type, payload = received.get("type"), received.get("payload")
        if type == "ping":
            await self._send("pong")
        operation = self._operations.get(str(received.get("id")))
        if operation is None:  # one that we have ended meanwhile
            return
        if type == "next":
            operation.add(payload if isinstance(payload, dict) else {})
        elif type == "error":
            operation.finish(GraphQLError.of(payload if isinstance(payload, list) else []))
        elif type == "complete":
            operation.finish(None)
        if operation.finished:
            del self._operations[operation.id]
            if type == "next":
                await self._send("complete", operation.id)

    def _finish(self, end: Exception) -> None:
        if self.end is None:
            self.end, self._ended_at = end, monotonic()
        for operation in self._operations.values():
            operation.finish(end)
        self._operations.clear()


class Operation:
    """One subscription on one connection: a window of events, then an end."""

    def __init__(self, id: str) -> None:
        self.id = id
        self.finished = False
        self._end: Exception | None = None
        self._events: deque[dict[str, Any]] = deque()
        self._news = asyncio.Event()

    def add(self, result: dict[str, Any]) -> None:
        if result.get("errors"):
            self.finish(GraphQLError.of(result["errors"], result.get("data")))
        elif len(self._events) >= WINDOW:
            self.finish(Lost("the reader is slower than the events"))
        else:
            self._events.append(result.get("data") or {})
            self._news.set()

    def finish(self, end: Exception | None) -> None:
        self.finished, self._end = True, end
        self._news.set()

    async def next(self) -> dict[str, Any] | None:
        """The next event, None after the last; raises what ended the operation. Events come before the end."""
        while not self._events:
            if self.finished and self._end:
                raise self._end
            if self.finished:
                return None
            self._news.clear()
            await self._news.wait()
        return self._events.popleft()


async def handshake(websocket: ClientConnection, init: dict[str, Any]) -> None:
    try:
        async with asyncio.timeout(OPEN_SECONDS):
            await websocket.send(message("connection_init", None, init))
            while (received := decode(await websocket.recv()).get("type")) != "connection_ack":
                if received == "ping":
                    await websocket.send(message("pong"))
    except TimeoutError as error:
        raise Lost(
            f"the server did not acknowledge the connection within {OPEN_SECONDS:g} seconds"
        ) from error
    except ConnectionClosed as error:
        raise lost(error) from error


def message(type: str, id: str | None = None, payload: Any = None) -> str:
    parts = {"type": type, "id": id, "payload": payload}
    return json.dumps({name: value for name, value in parts.items() if value is not None})


def decode(text: str | bytes) -> dict[str, Any]:
    try:
        received = json.loads(text)
    except ValueError as error:
        raise ProtocolError("the server sent a message that is no JSON") from error
    if not isinstance(received, dict):
        raise ProtocolError("the server sent a message that is no object")
    return received


def refusal(error: InvalidStatus) -> Exception:
    """What it means that the server answered, but would not open a WebSocket.

    Proxies answer anything, even 404, while the server behind them restarts: only a refused identity is final.
    """
    status = error.response.status_code
    if status in (401, 403):
        return Unauthenticated.saying("UNAUTHENTICATED", f"the server refused the connection with {status}")
    return Lost(f"the server answered {status} instead of opening a WebSocket")


def lost(error: ConnectionClosed) -> Exception:
    """What the end of a connection means for the operations on it."""
    close = error.rcvd or error.sent
    code, reason = (close.code, close.reason) if close else (1006, "the connection was cut")
    said = f"closed with {code}" + (f": {reason}" if reason else "")
    if code in NO_IDENTITY:
        return Unauthenticated.saying("UNAUTHENTICATED", said)
    if code in NO_USE:
        return ProtocolError(said)
    return Lost(said, code)
