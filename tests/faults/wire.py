"""A way from a server to its database that a test can close and open again."""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Self

from app.database.address import Credentials


class Wire:
    """Carries bytes between a port of its own and PostgreSQL's socket."""

    def __init__(self, credentials: Credentials) -> None:
        self._target = Path(str(credentials["host"])) / f".s.PGSQL.{credentials['port']}"
        self._user, self._database = credentials["user"], credentials["database"]
        self._server: asyncio.Server | None = None
        self.port = 0
        self._carrying: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """The DATABASE_URL of the database behind it."""
        return f"postgresql://{self._user}@127.0.0.1:{self.port}/{self._database}?sslmode=disable"

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Cut what goes through, and refuse what comes."""
        assert self._server
        self._server.close()
        for task in self._carrying:
            task.cancel()
        await asyncio.gather(*self._carrying, return_exceptions=True)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._carrying.add(task)
        there, back = await asyncio.open_unix_connection(str(self._target))
        try:
            await asyncio.gather(_copy(reader, back), _copy(there, writer))
        except asyncio.CancelledError:
            pass
        finally:
            self._carrying.discard(task)
            for each in (writer, back):
                each.transport.abort()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while chunk := await reader.read(65536):
            writer.write(chunk)
            await writer.drain()
    writer.close()
