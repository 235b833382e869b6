"""Where measurements take place: a PostgreSQL of their own, and servers on it, each on its processor."""

import asyncio
import os
import platform
import shutil
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import asyncpg
import httpx
import psutil

from app.client import Client
from app.database.address import Credentials
from app.database.embedded import Cluster
from app.database.opening import SERVER_SETTINGS

PASSWORD = "a password for measurements"
SIGN_IN = "mutation ($in: SignInInput!) { signIn(input: $in) { key userErrors { code message } } }"
UNLIMITED = {"COST_LIMIT": "1000000000", "COST_REFILL_PER_SECOND": "1000000000"}
SECONDS_TO_START = 60

SERVERS, OTHERS = ({0}, {1}) if (os.cpu_count() or 1) > 1 else ({0}, {0})
"""The server alone, and beside it PostgreSQL with who asks: neither takes the other's time."""


def machine() -> str:
    """What was measured on."""
    return f"{os.cpu_count()} processors, Python {platform.python_version()}, {platform.system()}"


@contextmanager
def on(processors: set[int]) -> Iterator[None]:
    """Run on these, and let children that are started meanwhile stay there."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, processors)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@dataclass
class Server:
    """A server process and its database."""

    url: str
    port: int
    credentials: Credentials
    process: psutil.Process
    admin: Client
    key: str

    async def connect(self) -> "asyncpg.Connection[Any]":
        """A connection to its database, with the settings that its own connections have."""
        return await asyncpg.connect(**self.credentials, server_settings=SERVER_SETTINGS)

    def processor_seconds(self) -> float:
        """What it has used so far."""
        times = self.process.cpu_times()
        return float(times.user + times.system)


@dataclass
class Place:
    """A PostgreSQL in memory, with the product's settings otherwise."""

    credentials: Credentials

    @asynccontextmanager
    async def server(self, name: str, *command: str) -> AsyncIterator[Server]:
        """A server with a new database. `command` is what to start instead of `python -m app serve`."""
        await self.create(name)
        port = free_port()
        host = quote(str(self.credentials["host"]), safe="")
        settings = {
            "DATABASE_URL": f"postgresql://{self.credentials['user']}@/{name}?host={host}",
            "WORKYARD_PORT": str(port),
            "WORKYARD_ADMIN_PASSWORD": PASSWORD,
            "LOG_LEVEL": "WARNING",
        }
        with on(SERVERS):
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, *(command or ("-m", "app", "serve"))),
                stdout=asyncio.subprocess.DEVNULL,
                env={**os.environ, **UNLIMITED, **settings},
            )
        url = f"http://127.0.0.1:{port}"
        try:
            await _ready(url)
            async with Client(url) as stranger:
                given = {"in": {"username": "admin", "password": PASSWORD}}
                key = (await stranger.mutate(SIGN_IN, given))["key"]
            credentials: Credentials = {**self.credentials, "database": name}
            async with Client(url, key) as admin:
                yield Server(url, port, credentials, psutil.Process(process.pid), admin, key)
        finally:
            process.terminate()
            await process.wait()

    async def create(self, name: str, template: str = "template1") -> Credentials:
        """A new database."""
        await self._execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return {**self.credentials, "database": name}

    async def drop(self, name: str) -> None:
        """Remove it, whoever uses it."""
        await self._execute(f'DROP DATABASE "{name}" WITH (FORCE)')

    async def _execute(self, statement: str) -> None:
        connection = await asyncpg.connect(**self.credentials)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


@asynccontextmanager
async def place(processors: set[int] = OTHERS) -> AsyncIterator[Place]:
    """A new one, on these processors, as is who asks; nothing of it is left."""
    directory = Path(tempfile.mkdtemp(prefix="workyard-bench-", dir="/dev/shm" if _memory() else "/var/tmp"))
    directory.chmod(0o755)  # PostgreSQL's user passes through
    try:
        async with AsyncExitStack() as stack:
            stack.enter_context(on(processors))
            cluster = Cluster.at(
                directory / "postgresql", options={"shared_preload_libraries": "pg_stat_statements"}
            )
            yield Place(await stack.enter_async_context(cluster.use()))
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _memory() -> bool:
    return Path("/dev/shm").is_mount() and shutil.disk_usage("/dev/shm").free > 2 << 30


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


async def _ready(url: str) -> None:
    async with asyncio.timeout(SECONDS_TO_START), httpx.AsyncClient() as http:
        while True:
            try:
                if (await http.get(f"{url}/health/ready")).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.1)
