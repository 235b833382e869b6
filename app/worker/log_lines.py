"""Carries a task's output to the server: in batches, in order, and no faster than the server takes it."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime

from app.worker.process import StreamName
from app.worker.text import Lines
from app.worker.verbs import LogLine

BATCH_LINES = 100
BATCH_BYTES = 128 * 1024
BATCH_SECONDS = 0.2
MOST_BYTES = 1024 * 1024
"""Waiting lines of one attempt; when there are more, the task waits."""

LINE_COSTS = 100
"""Bytes that even an empty line takes."""

Send = Callable[[int, Sequence[LogLine]], Awaitable[None]]


class LogLines:
    """The lines of one attempt, numbered from 1. `add` from the task's side, `deliver` runs beside it."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._cutters: dict[str, Lines] = {"STDOUT": Lines(), "STDERR": Lines()}
        self._waiting: deque[LogLine] = deque()
        self._bytes = 0
        self._ended = False
        self._changed = asyncio.Condition()

    async def add(self, stream: StreamName, chunk: bytes) -> None:
        """Take a chunk of output; returns when there is room for more."""
        await self._put(stream, list(self._cutters[stream].feed(chunk)))
        async with self._changed:
            await self._changed.wait_for(lambda: self._bytes < MOST_BYTES)

    async def end(self) -> None:
        """There will be no more output."""
        for stream, cutter in self._cutters.items():
            await self._put(stream, list(cutter.end()))
        async with self._changed:
            self._ended = True
            self._changed.notify_all()

    async def deliver(self) -> None:
        """Send everything until the end; whatever `send` raises ends it."""
        first = 1
        while batch := await self._next_batch():
            await self._send(first, batch)
            first += len(batch)

    async def _put(self, stream: str, texts: Sequence[str]) -> None:
        if texts:
            time = datetime.now(UTC).isoformat()
            async with self._changed:
                self._waiting.extend(LogLine(stream, text, time) for text in texts)
                self._bytes += sum(map(cost, texts))
                self._changed.notify_all()

    async def _next_batch(self) -> list[LogLine]:
        """What can be sent: at once when it is a full batch, else what a moment brings together; empty at the end."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._waiting or self._ended)
            try:
                async with asyncio.timeout(BATCH_SECONDS):
                    await self._changed.wait_for(self._full_or_ended)
            except TimeoutError:
                pass
            batch: list[LogLine] = []
            size = 0
            while self._waiting and len(batch) < BATCH_LINES and size < BATCH_BYTES:
                batch.append(self._waiting.popleft())
                size += cost(batch[-1].text)
            self._bytes -= size
            self._changed.notify_all()
        return batch

    def _full_or_ended(self) -> bool:
        return self._ended or len(self._waiting) >= BATCH_LINES or self._bytes >= BATCH_BYTES


def cost(text: str) -> int:
    return len(text) * 2 + LINE_COSTS
