"""Everything on one machine, as `make run` starts it, and workers beside it: any part may be killed."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import DEVNULL, STDOUT, Process
from collections.abc import Awaitable, Callable, Collection
from pathlib import Path
from time import monotonic
from typing import Any

import asyncpg
import httpx
import psutil

from app.client import Backoff, Client
from app.database.address import Credentials
from app.database.embedded import OWNER, PORT
from app.database.opening import NAME
from app.graphql.ids import decode_id, global_id
from tests.faults.changes import Change, read_log
from tests.faults.machine import ACTIVATE, CREATE
from tests.live import PASSWORD, free_port

LIMIT = 60.0  # for one thing to happen, on a busy machine
QUICK = Backoff(base=0.05, cap=0.3)
LEASE = 20  # seconds; on a machine that is kept busy by 200 tasks, renewals come late

SIGN_IN = "mutation ($in: SignInInput!) { signIn(input: $in) { key userErrors { code message } } }"


async def until(look: Callable[[], Awaitable[bool]], limit: float = LIMIT) -> None:
    """Look again until it is true; not so often that looking keeps the machine busy."""
    async with asyncio.timeout(limit):
        began = monotonic()
        while not await look():
            await asyncio.sleep(max(0.02, 2 * (monotonic() - began)))
            began = monotonic()


class Site:
    """`python -m app run` without its own worker, in a directory of its own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port, self.task_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: Process
        self.admin: Client
        self.workers: dict[str, Worker] = {}

    async def start(self) -> None:
        """Until it is ready, with its administrator signed in."""
        settings = {
            "WORKYARD_DATA_DIR": str(self.directory),
            "WORKYARD_PORT": str(self.port),
            "WORKYARD_ADMIN_PASSWORD": PASSWORD,
            "TASK_MODULES": "tests.task_actors",
            "TASK_CONCURRENCY": "20",
            "TASK_PORT": str(self.task_port),
        }
        with self._log.open("wb") as log:
            self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "app", "run", "--no-worker"),
                stdin=DEVNULL,
                stdout=log,
                stderr=STDOUT,
                env={**os.environ, "DATABASE_URL": "", "PUBLIC_URL": "", "HOST": "", **settings},
            )
        await until(self.is_ready)
        async with Client(self.url) as stranger:
            given = {"in": {"username": "admin", "password": PASSWORD}}
            key = (await stranger.mutate(SIGN_IN, given))["key"]
        self.admin = Client(self.url, key, retries=100, backoff=QUICK)

    @property
    def _log(self) -> Path:
        return self.directory / "run.log"

    @property
    def output(self) -> str:
        """What it has printed and logged."""
        return self._log.read_text()

    async def is_ready(self) -> bool:
        """Whether requests can be served just now."""
        assert self.process.returncode is None, self.output
        try:
            async with httpx.AsyncClient(verify=False, timeout=3) as http:
                return (await http.get(f"{self.url}/health/ready")).status_code == 200
        except httpx.TransportError:
            return False

    async def stop(self) -> None:
        await asyncio.gather(*[worker.kill() for worker in self.workers.values()])
        await self.admin.aclose()
        self.process.terminate()
        async with asyncio.timeout(LIMIT):
            await self.process.wait()

    # --- its parts

    @property
    def server(self) -> psutil.Process:
        """The process that serves just now."""
        return self._child("serve")

    @property
    def task_runner(self) -> psutil.Process:
        """The process that runs tasks just now."""
        return self._child("tasks")

    def _child(self, command: str) -> psutil.Process:
        children = psutil.Process(self.process.pid).children()
        return next(child for child in children if command in child.cmdline())

    @property
    def postmaster(self) -> psutil.Process:
        """The PostgreSQL that runs just now."""
        found = next(self.directory.glob("postgresql/*/data/postmaster.pid"))
        return psutil.Process(int(found.read_text().split()[0]))

    async def start_worker(self, name: str, concurrency: int = 1) -> "Worker":
        """A worker, connected. One that there was under that name goes on with its identity."""
        worker = Worker(name, self.directory / name)
        activation = "" if worker.key_file.exists() else (await self.admin.mutate(ACTIVATE))["key"]
        await worker.start(self.url, activation, concurrency)
        self.workers[name] = worker

        async def connected() -> bool:
            assert worker.running, worker.output.read_text()
            found = await self.worker(name)
            return bool(found and found["connected"] and found["providedTags"])

        await until(connected)
        return worker

    async def worker(self, name: str) -> dict[str, Any] | None:
        """What the server knows of a worker."""
        query = "query ($name: String!) { worker(name: $name) { connected providedTags } }"
        found: dict[str, Any] | None = (await self.admin.execute(query, {"name": name}))["worker"]
        return found

    async def submit(self, **input: Any) -> str:
        """The id of a new work request."""
        return str((await self.admin.mutate(CREATE, {"in": input}))["workRequest"]["id"])

    # --- its database, not through the server

    @property
    def credentials(self) -> Credentials:
        """Of its database."""
        sockets = next(self.directory.glob("postgresql/*/run"))
        return {"host": str(sockets), "port": PORT, "user": OWNER, "database": NAME}

    async def count(self, ids: Collection[str], condition: str) -> int:
        """How many of the work requests are so; -1 while the database is down."""
        try:
            return len(await self.those(ids, condition))
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return -1

    async def those(self, ids: Collection[str], condition: str) -> set[str]:
        """Which of the work requests are so."""
        rows = await self.fetch(
            "SELECT work_request.id FROM work_request LEFT JOIN worker ON worker.id = worker_id"
            f" WHERE work_request.id = ANY($1) AND {condition}",
            [decode_id(id)[1] for id in ids],
        )
        return {global_id("WorkRequest", row["id"]) for row in rows}

    async def runner(self, id: str) -> str:
        """The name of the worker that runs a work request."""
        query = (
            "SELECT name FROM worker JOIN work_request ON worker_id = worker.id WHERE work_request.id = $1"
        )
        return str((await self.fetch(query, decode_id(id)[1]))[0]["name"])

    async def fetch(self, query: str, *arguments: Any) -> list[Any]:
        """The rows of a statement."""
        connection = await asyncpg.connect(**self.credentials)
        try:
            rows: list[Any] = await connection.fetch(query, *arguments)
        finally:
            await connection.close()
        return rows

    async def log(self, after: str) -> list[Change]:
        """What the log says of work requests after a cursor."""
        return await read_log(self.credentials, after)


class Worker:
    """`python -m app worker`, with short leases."""

    def __init__(self, name: str, directory: Path) -> None:
        self.name, self.directory = name, directory
        self.key_file = directory / "token"
        self.output = directory / "worker.log"
        self.process: Process

    async def start(self, url: str, activation: str, concurrency: int) -> None:
        self.directory.mkdir(exist_ok=True)
        settings = {
            "WORKYARD_URL": url,
            "WORKYARD_WORKER_NAME": self.name,
            "WORKYARD_WORKER_STATE_DIR": str(self.directory),
            "WORKYARD_WORKER_CONCURRENCY": str(concurrency),
            "WORKYARD_WORKER_LEASE_SECONDS": str(LEASE),
            "WORKYARD_WORKER_ACTIVATION_TOKEN": activation,
            "WORKYARD_LOG_FORMAT": "json",
        }
        with self.output.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "app", "worker"),
                stdin=DEVNULL,
                stdout=log,
                stderr=STDOUT,
                env={**os.environ, **settings},
            )

    @property
    def running(self) -> bool:
        return self.process.returncode is None

    @property
    def key(self) -> str:
        """The secret by which the server knows it."""
        return self.key_file.read_text().strip()

    def children(self) -> list[psutil.Process]:
        """Every process that it has started, and what those have started."""
        return psutil.Process(self.process.pid).children(recursive=True)

    async def kill(self) -> None:
        if self.running:
            self.process.kill()
        async with asyncio.timeout(LIMIT):
            await self.process.wait()

    def logged(self, event: str) -> list[dict[str, Any]]:
        """The lines in which it says so."""
        lines = [json.loads(line) for line in self.output.read_text().splitlines() if line.startswith("{")]
        return [line for line in lines if line["event"] == event]
