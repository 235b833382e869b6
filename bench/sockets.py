"""As little of a WebSocket client as will do: it counts messages, and says how old each was when it came."""

import asyncio
import base64
import os
import re
import time
from datetime import datetime
from typing import Any, Self, cast

import orjson

MADE = re.compile(rb'"time":"([^"]+)"')
NEXT = b'"type":"next"'
LIMIT = 30.0
TEXT, PING, PONG = 0x81, 0x89, 0x8A


class Subscriber(asyncio.Protocol):
    """One socket with one subscription. `received` counts its events; `ages` are theirs in seconds, while `timed`."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._transport: asyncio.Transport
        self._received = b""
        self._upgraded, self._acknowledged = asyncio.Event(), asyncio.Event()
        self.received = 0
        self.timed = False
        self.ages: list[float] = []

    async def open(self, key: str, query: str, variables: dict[str, Any]) -> Self:
        """Subscribe; the server may take a moment longer to begin, so name in `variables` from where."""
        await asyncio.get_running_loop().create_connection(lambda: self, "127.0.0.1", self._port)
        nonce = base64.b64encode(os.urandom(16)).decode()
        self._transport.write(
            f"GET /graphql HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {nonce}\r\n"
            "Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n".encode()
        )
        async with asyncio.timeout(LIMIT):
            await self._upgraded.wait()
            self._send({"type": "connection_init", "payload": {"token": key}})
            await self._acknowledged.wait()
        self._send({"id": "1", "type": "subscribe", "payload": {"query": query, "variables": variables}})
        return self

    def close(self) -> None:
        self._transport.close()

    def _send(self, message: dict[str, Any]) -> None:
        self._write(TEXT, orjson.dumps(message))

    def _write(self, kind: int, body: bytes) -> None:
        size = len(body)
        length = bytes([0x80 | size]) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
        self._transport.write(
            bytes([kind]) + length + bytes(4) + body
        )  # a mask of zeros leaves the body as it is

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        now = time.time()
        data = self._received + data
        if not self._upgraded.is_set():
            head, end, rest = data.partition(b"\r\n\r\n")
            if not end:
                self._received = data
                return
            assert head.startswith(b"HTTP/1.1 101"), head
            self._upgraded.set()
            data = rest
        start = 0
        while (found := _frame(data, start)) is not None:
            kind, body, start = found
            if kind == PING:
                self._write(PONG, body)
            else:
                self._take(body, now)
        self._received = data[start:]

    def _take(self, body: bytes, now: float) -> None:
        if NEXT in body:
            self.received += 1
            if self.timed and (made := MADE.search(body)):
                self.ages.append(now - datetime.fromisoformat(made[1].decode()).timestamp())
        elif body == b'{"type":"connection_ack"}':
            self._acknowledged.set()
        else:
            raise AssertionError(body)


def _frame(data: bytes, start: int) -> tuple[int, bytes, int] | None:
    """The kind and body of the frame that starts there, and where the next one does; None when it is not whole yet."""
    if len(data) < start + 2:
        return None
    size, begin = data[start + 1], start + 2
    if size >= 126:
        begin = start + (4 if size == 126 else 10)
        size = int.from_bytes(data[start + 2 : begin], "big")
    end = begin + size
    return None if len(data) < end else (data[start], data[begin:end], end)
