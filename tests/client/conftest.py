"""The engine room with its small schema, reached through a wire that can be cut."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Self
from urllib.parse import urlsplit

import pytest

from app.client import Backoff, Client
from tests.graphql.small import Small, make_small, serve

QUICK = Backoff(base=0.01, cap=0.1)


class Wire:
    """A TCP connection to a server that a test can cut, stop, and mend again; it counts what came through."""

    def __init__(self, target: str) -> None:
        parts = urlsplit(target)
        self._target = (parts.hostname, parts.port)
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self._port = 0
        self.connections = 0
        self.cut_on: bytes | None = None
        """Cut as soon as this has been sent to the server, before it can answer."""
        self.hold_on: bytes | None = None
        """An answer with this in it does not arrive before `release`."""
        self.release = asyncio.Event()

    @property
    def armed(self) -> bool:
        """Whether `cut_on` has not been sent yet."""
        return self.cut_on is not None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    async def open(self) -> Self:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    def cut(self) -> None:
        """As if a cable were pulled: every connection is reset."""
        for writer in list(self._writers):
            writer.transport.abort()

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Nobody listens any more."""
        assert self._server
        self._server.close()
        self.cut()
        await self._server.wait_closed()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        there, back = await asyncio.open_connection(*self._target)
        ours = {writer, back}
        self._writers |= ours
        try:
            await asyncio.gather(self._copy(reader, back, to_server=True), self._copy(there, writer))
        finally:
            self._writers -= ours
            for each in ours:
                each.close()

    async def _copy(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, to_server: bool = False
    ) -> None:
        with suppress(OSError):
            while chunk := await reader.read(65536):
                if not to_server and self.hold_on and self.hold_on in chunk:
                    await self.release.wait()
                writer.write(chunk)
                await writer.drain()
                if to_server and self.cut_on and self.cut_on in chunk:
                    self.cut_on = None
                    self.cut()
        writer.close()


@pytest.fixture
async def small() -> AsyncIterator[Small]:
    async with serve(make_small()) as served:
        yield served


@pytest.fixture
async def wire(small: Small) -> AsyncIterator[Wire]:
    async with Wire(small.url) as wire:
        yield wire


@pytest.fixture
async def client(wire: Wire) -> AsyncIterator[Client]:
    async with Client(wire.url, backoff=QUICK, timeout=10) as client:
        yield client
