"""As little of a WebSocket client as will do, for thousands of subscriptions: counts messages, and knows how old they were.

A crowd is a process of its own, so that who measures takes no time from it, and it reads sockets as the system has them
ready, without an event loop. `python -m bench.sockets` is that process; it takes orders by lines of JSON.
"""

import asyncio
import base64
import os
import re
import resource
import select
import socket
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Any

import orjson

MADE = re.compile(rb'"time":"([^"]+)"')
NEXT = b'"type":"next"'
LIMIT = 120.0
TEXT, PING, PONG = 0x81, 0x89, 0x8A
AT_ONCE = 100
READ = 1 << 18


class Crowd:
    """Many subscribers, each with a socket of its own."""

    def __init__(self, process: Process) -> None:
        self._process = process

    async def connect(self, port: int, key: str, queries: Sequence[str], variables: dict[str, Any]) -> None:
        """One more for each query. The server may take a moment longer to begin, so name in `variables` from where."""
        await self._order(connect=list(queries), port=port, key=key, variables=variables)

    async def has(self, each: int, timed: bool = False) -> float:
        """Wait until each has had so many messages since the beginning; when that was. `timed`: ages are kept meanwhile."""
        return float(await self._order(has=each, timed=timed))

    async def ages(self) -> list[float]:
        """Of the messages that were timed: seconds from the event until it was here."""
        return list(await self._order(ages=True))

    async def processor_seconds(self) -> float:
        """What it has used so far."""
        return float(await self._order(used=True))

    async def _order(self, **order: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(orjson.dumps(order) + b"\n")
        async with asyncio.timeout(LIMIT):
            answer = await self._process.stdout.readline()
        if not answer:
            raise RuntimeError("the subscribers' process has ended")
        return orjson.loads(answer)


@asynccontextmanager
async def crowd() -> AsyncIterator[Crowd]:
    """Nobody yet. They leave together."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.sockets"), stdin=PIPE, stdout=PIPE, limit=1 << 26
    )
    try:
        yield Crowd(process)
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


# The process ---------------------------------------------------------------------------------------------------------


class Subscriber:
    """One socket with one subscription."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=LIMIT)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.rest = b""
        self.received = 0
        nonce = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            f"GET /graphql HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {nonce}\r\n"
            "Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n".encode()
        )

    def begin(self, key: str) -> None:
        """Once the handshake is answered, say who asks."""
        while b"\r\n\r\n" not in self.rest:
            self.rest += self.socket.recv(READ)
        head, _, self.rest = self.rest.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101"), head
        self.send(TEXT, orjson.dumps({"type": "connection_init", "payload": {"token": key}}))

    def subscribe(self, query: str, variables: dict[str, Any]) -> None:
        """Once that is accepted, subscribe."""
        while (found := frame_in(self.rest, 0)) is None:
            self.rest += self.socket.recv(READ)
        assert found[1] == b'{"type":"connection_ack"}', found
        self.rest = self.rest[found[2] :]
        asked = {"id": "1", "type": "subscribe", "payload": {"query": query, "variables": variables}}
        self.send(TEXT, orjson.dumps(asked))
        self.socket.setblocking(False)

    def send(self, kind: int, body: bytes) -> None:
        size = len(body)
        length = bytes([0x80 | size]) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
        self.socket.sendall(
            bytes([kind]) + length + bytes(4) + body
        )  # a mask of zeros leaves the body as it is

    def read(self, ages: list[float] | None) -> None:
        """Count what there is."""
        data = self.socket.recv(READ)
        now = time.time()
        if not data:
            raise ConnectionError("the server closed a socket")
        data = self.rest + data if self.rest else data
        start = 0
        while (found := frame_in(data, start)) is not None:
            kind, body, start = found
            if kind == PING:
                self.send(PONG, body)
            elif NEXT not in body[:100]:
                raise AssertionError(body)
            else:
                self.received += 1
                if ages is not None and (made := MADE.search(body)):
                    ages.append(now - datetime.fromisoformat(made[1].decode()).timestamp())
        self.rest = data[start:]


def frame_in(data: bytes, start: int) -> tuple[int, bytes, int] | None:
    """The kind and body of the frame that starts there, and where the next one does; None when it is not whole yet."""
    if len(data) < start + 2:
        return None
    size, begin = data[start + 1], start + 2
    if size >= 126:
        begin = start + (4 if size == 126 else 10)
        if len(data) < begin:
            return None
        size = int.from_bytes(data[start + 2 : begin], "big")
    end = begin + size
    return None if len(data) < end else (data[start], data[begin:end], end)


class Obedient:
    """What obeys the orders."""

    def __init__(self) -> None:
        self._subscribers: dict[int, Subscriber] = {}
        self._poll = select.epoll()
        self._poll.register(sys.stdin.fileno(), select.EPOLLIN)
        self._ages: list[float] = []
        self._timed = False

    def run(self) -> None:
        """Until there are no more orders."""
        while True:
            if self._turn(-1):
                line = sys.stdin.buffer.readline()
                if not line:
                    return
                sys.stdout.buffer.write(orjson.dumps(self._obey(orjson.loads(line))) + b"\n")
                sys.stdout.buffer.flush()

    def _turn(self, timeout: float) -> bool:
        """Read what is ready. True when there is an order."""
        ordered = False
        ages = self._ages if self._timed else None
        for number, _ in self._poll.poll(timeout, 1024):
            if number == sys.stdin.fileno():
                ordered = True
            else:
                self._subscribers[number].read(ages)
        return ordered

    def _obey(self, order: dict[str, Any]) -> Any:
        if "connect" in order:
            return self._connect(order["connect"], order["port"], order["key"], order["variables"])
        if "has" in order:
            return self._has(order["has"], order["timed"])
        if "used" in order:
            return time.process_time()
        return self._ages

    def _connect(self, queries: list[str], port: int, key: str, variables: dict[str, Any]) -> int:
        for first in range(0, len(queries), AT_ONCE):
            some = queries[first : first + AT_ONCE]
            new = [Subscriber(port) for _ in some]
            for each in new:
                each.begin(key)
            for each, query in zip(new, some, strict=True):
                each.subscribe(query, variables)
                self._subscribers[each.socket.fileno()] = each
                self._poll.register(each.socket.fileno(), select.EPOLLIN)
            self._turn(0)  # the server asks those who are there already whether they still are
        return len(self._subscribers)

    def _has(self, many: int, timed: bool) -> float:
        self._timed = timed
        until = time.monotonic() + LIMIT
        behind = list(self._subscribers.values())
        while behind := [each for each in behind if each.received < many]:
            if time.monotonic() > until:
                raise TimeoutError(f"{len(behind)} have not had {many} messages")
            self._turn(0.1)
        return time.time()


if __name__ == "__main__":
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    Obedient().run()
