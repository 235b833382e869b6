"""How the peers in Python are served: as we are, so that the difference is theirs and ours."""

import asyncio
import base64
import gc
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import uvicorn

CREATE = Path(__file__).with_name("create.sql").read_text()

SEEN = "ARRAY(SELECT id FROM workspace WHERE public UNION ALL SELECT workspace_id FROM workspace_membership WHERE user_id = $1)"
"""The workspaces that a user may look into. (Tenants and teams are left out.)"""


class Connections:
    """Connections to the database that $PGHOST and the like name, as many as are used at once."""

    def __init__(self, many: int = 16, **settings: str) -> None:
        self._many = many
        self._settings = {"timezone": "UTC", "jit": "off", **settings}
        self._idle: asyncio.LifoQueue[asyncpg.Connection[Any]] = asyncio.LifoQueue()

    @asynccontextmanager
    async def lifespan(self, _app: Any) -> AsyncIterator[None]:
        """For Starlette: they are open as long as it runs."""
        every = [await asyncpg.connect(server_settings=self._settings) for _ in range(self._many)]
        for each in every:
            self._idle.put_nowait(each)
        yield
        for each in every:
            await each.close()

    async def fetch(self, sql: str, *values: Any) -> list[Any]:
        """Rows. (A pool of asyncpg would send one more statement after each.)"""
        connection = await self._idle.get()
        try:
            return list(await connection.fetch(sql, *values))
        finally:
            self._idle.put_nowait(connection)


def run(app: Any, tuned: bool = False) -> None:
    """Serve on $PORT until told to stop; tuned as we are: the garbage collector looks less often."""

    class Server(uvicorn.Server):
        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets)
            if tuned:
                gc.collect()
                gc.freeze()
                gc.set_threshold(50_000, 20, 50)

    config = uvicorn.Config(
        app,
        port=int(os.environ["PORT"]),
        loop="uvloop",
        http="httptools",
        lifespan="on",
        access_log=False,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    Server(config).run()


def global_id(name: str, number: int) -> str:
    """An id as Relay wants it."""
    return base64.urlsafe_b64encode(f"{name}:{number}".encode()).decode().rstrip("=")


def row_id(id: str) -> int:
    """The number in such an id."""
    return int(base64.urlsafe_b64decode(id + "=" * (-len(id) % 4)).partition(b":")[2])
