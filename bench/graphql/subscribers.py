"""As little of a WebSocket client as will do: it counts events, and says how old each was when it came."""

import asyncio
import base64
import os
import re
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast

import orjson

MADE = re.compile(rb'"time": ?"([^"]+)"')
LIMIT = 60.0
TEXT, PING, PONG = 0x81, 0x89, 0x8A
AT_ONCE = 50
"""So many connect at the same time."""


class Subscriber(asyncio.Protocol):
    """One socket with one subscription. `ages` are those of its events in seconds, while `timed`."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._transport: asyncio.Transport | None = None
        self._received = b""
        self._upgraded, self._acknowledged = asyncio.Event(), asyncio.Event()
        self.received = 0
        self.timed = False
        self.ages: list[float] = []

    async def open(self, token: Mapping[str, str], query: str, variables: Mapping[str, Any]) -> None:
        """Subscribe; the server may take a moment longer to begin."""
        await asyncio.get_running_loop().create_connection(lambda: self, "127.0.0.1", self._port)
        nonce = base64.b64encode(os.urandom(16)).decode()
        assert self._transport
        self._transport.write(
            f"GET /graphql HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {nonce}\r\n"
            "Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n".encode()
        )
        async with asyncio.timeout(LIMIT):
            await self._upgraded.wait()
            self._send({"type": "connection_init", "payload": token})
            await self._acknowledged.wait()
        self._send({"id": "1", "type": "subscribe", "payload": {"query": query, "variables": variables}})

    def close(self) -> None:
        """Also where it was never opened."""
        if self._transport:
            self._transport.close()

    def _send(self, message: Mapping[str, Any]) -> None:
        self._write(TEXT, orjson.dumps(message))

    def _write(self, kind: int, body: bytes) -> None:
        size = len(body)
        length = bytes([0x80 | size]) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
        assert self._transport
        # A mask of zeros leaves the body as it is.
        self._transport.write(bytes([kind]) + length + bytes(4) + body)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        now = time.time()
        data = self._received + data if self._received else data
        if not self._upgraded.is_set():
            head, end, rest = data.partition(b"\r\n\r\n")
            if not end:
                self._received = data
                return
            assert head.startswith(b"HTTP/1.1 101"), head
            self._upgraded.set()
            data = rest
        start, length = 0, len(data)
        while length - start >= 2:
            size, begin = data[start + 1], start + 2
            if size >= 126:
                begin = start + (4 if size == 126 else 10)
                size = int.from_bytes(data[start + 2 : begin], "big")
            if length < begin + size:
                break
            self._take(data[start], data[begin : begin + size], now)
            start = begin + size
        self._received = data[start:]

    def _take(self, kind: int, body: bytes, now: float) -> None:
        if b'"next"' in body:
            self.received += 1
            if self.timed and (made := MADE.search(body)):
                self.ages.append(now - datetime.fromisoformat(made[1].decode()).timestamp())
        elif kind == PING:
            self._write(PONG, body)
        elif b'"connection_ack"' in body:
            self._acknowledged.set()
        elif b'"ping"' in body:
            self._send({"type": "pong"})
        else:
            raise AssertionError(body)


async def open_all(
    subscribers: Sequence[Subscriber], token: Mapping[str, str], query: str, variables: Mapping[str, Any]
) -> None:
    """Let all of them ask for the same."""
    room = asyncio.Semaphore(AT_ONCE)

    async def one(subscriber: Subscriber) -> None:
        async with room:
            await subscriber.open(token, query, variables)

    async with asyncio.TaskGroup() as group:
        for each in subscribers:
            group.create_task(one(each))


async def all_have(subscribers: Sequence[Subscriber], many: int) -> None:
    """Wait until each has as many events."""
    async with asyncio.timeout(LIMIT):
        while any(each.received < many for each in subscribers):
            await asyncio.sleep(0.002)
