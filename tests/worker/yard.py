"""A real server process with a database of its own, and real worker processes: all of them may be killed."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from time import monotonic
from typing import Any, TypeVar

import httpx
import pytest

from app.client import Backoff, Client
from app.database.address import Credentials
from tests.live import url_of

T = TypeVar("T")

PASSWORD = "a password for the tests"
LIMIT = 30.0

SIGN_IN = "mutation ($in: SignInInput!) { signIn(input: $in) { key userErrors { code message } } }"
ACTIVATE = """mutation { createActivationToken(input: {minutes: 60}) { key userErrors { code message } } }"""
CREATE = """mutation ($in: CreateWorkRequestInput!) { createWorkRequest(input: $in) {
  workRequest { id } userErrors { code message path } } }"""
ABORT = """mutation ($id: ID!) { abortWorkRequest(input: {id: $id, reason: "enough"}) {
  workRequest { status } userErrors { code message } } }"""
DISABLE = "mutation ($id: ID!) { disableWorker(input: {id: $id}) { worker { enabled } userErrors { code } } }"
ENABLE = "mutation ($id: ID!) { enableWorker(input: {id: $id}) { worker { enabled } userErrors { code } } }"
LOOK = """query ($id: ID!) { workRequest(id: $id) {
  status result attempt outputData errors { code message } worker { name }
  log(first: 100) { edges { node { attempt number stream text } } } } }"""
WORKER = """query ($name: String!) { worker(name: $name) {
  id connected enabled busy concurrency providedTags dynamicMetadata } }"""
CHANGES = """subscription ($after: Cursor) { workRequestChanged(after: $after) {
  cursor type status result attempt workRequest { id } } }"""


async def until(look: Callable[[], Awaitable[T | None]], what: str, limit: float = LIMIT) -> T:
    """Look again until it is there; not so often that looking keeps the machine busy."""
    try:
        async with asyncio.timeout(limit):
            began = monotonic()
            while not (found := await look()):
                await asyncio.sleep(max(0.02, 2 * (monotonic() - began)))
                began = monotonic()
            return found
    except TimeoutError:
        pytest.fail(f"within {limit:g} s: {what}")


class Program:
    """A process of ours; what it logs is kept."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.output = ""
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def start(cls, *arguments: str, **environment: str) -> "Program":
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "app", *arguments),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, **environment, "WORKYARD_LOG_FORMAT": "json", "WORKYARD_LOG_LEVEL": "DEBUG"},
        )
        return cls(process)

    async def _read(self) -> None:
        assert self.process.stdout
        while chunk := await self.process.stdout.read(65536):
            self.output += chunk.decode()

    @property
    def running(self) -> bool:
        return self.process.returncode is None

    def signal(self, number: signal.Signals) -> None:
        if self.running:
            self.process.send_signal(number)

    async def ended(self) -> int:
        """Its exit code."""
        async with asyncio.timeout(LIMIT):
            code = await self.process.wait()
            await self._reading
        return code

    async def kill(self) -> None:
        self.signal(signal.SIGKILL)
        await self.ended()

    def logged(self, event: str) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.output.splitlines() if line.startswith("{")]
        return [line for line in lines if line["event"] == event]


class Yard:
    """The server, somebody who administers it, and as many workers as a test likes."""

    def __init__(self, credentials: Credentials, directory: Path) -> None:
        self._credentials = credentials
        self._directory = directory
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        self.server: Program
        self.runner: Program
        self.workers: list[Program] = []
        self.admin = Client(self.url)
        self._changes: list[tuple[str, str, int]] = []
        self._watching: asyncio.Task[None] | None = None

    async def start_server(self) -> None:
        self.server = await Program.start(
            "serve",
            DATABASE_URL=url_of(self._credentials),
            WORKYARD_PORT=str(self._port),
            WORKYARD_ADMIN_PASSWORD=PASSWORD,
        )
        try:
            await until(self._ready, "the server is ready")
        except pytest.fail.Exception as failed:
            await self.server.kill()
            pytest.fail(f"{failed}; it said:\n{self.server.output[-5000:]}")

    async def start_task_runner(self) -> None:
        """What takes back the work of workers that are lost."""
        self.runner = await Program.start("tasks", "run", DATABASE_URL=url_of(self._credentials))

        async def running() -> bool:
            if not self.runner.running:
                pytest.fail(f"the task runner has ended; it said:\n{self.runner.output[-5000:]}")
            return "running tasks" in self.runner.output

        await until(running, "the task runner runs")

    async def _ready(self) -> bool:
        if not self.server.running:
            pytest.fail("the server has ended")
        try:
            async with httpx.AsyncClient(verify=False) as http:
                return (await http.get(f"{self.url}/health/ready")).status_code == 200
        except httpx.TransportError:
            return False

    async def sign_in(self) -> None:
        async with Client(self.url) as stranger:
            given = {"in": {"username": "admin", "password": PASSWORD}}
            key = (await stranger.mutate(SIGN_IN, given))["key"]
        self.admin = Client(self.url, key, retries=50, backoff=Backoff(base=0.05, cap=0.3))

    async def start_worker(
        self,
        name: str,
        *,
        activated: bool = True,
        url: str = "",
        environment: dict[str, str] | None = None,
        **settings: Any,
    ) -> Program:
        """A worker of that name; a second one of the same name has the state that the first one left."""
        given = {
            "name": name,
            "state_dir": self.directory_of(name),
            "grace_seconds": 0,
            "lease_seconds": 3,
        } | settings
        if activated:
            given["activation_token"] = (await self.admin.mutate(ACTIVATE))["key"]
        variables = {f"WORKYARD_WORKER_{name.upper()}": str(value) for name, value in given.items()}
        worker = await Program.start(
            "worker", WORKYARD_URL=url or self.url, **variables, **(environment or {})
        )
        self.workers.append(worker)
        if activated:
            await self.connected(name)
        return worker

    def directory_of(self, name: str) -> Path:
        """The state directory of the worker of that name."""
        return self._directory / name

    async def stop_workers(self) -> None:
        for worker in self.workers:
            await worker.kill()
        self.workers.clear()

    async def connected(self, name: str) -> dict[str, Any]:
        """The worker, once it is connected and has said what it can do."""

        async def look() -> dict[str, Any] | None:
            worker = await self.worker(name)
            return worker if worker and worker["connected"] and worker["providedTags"] else None

        return await until(look, f"{name} is connected")

    async def worker(self, name: str) -> dict[str, Any] | None:
        found: dict[str, Any] | None = (await self.admin.execute(WORKER, {"name": name}))["worker"]
        return found

    async def submit(self, task_name: str, **task_data: Any) -> str:
        given = {"in": {"taskName": task_name, "taskData": task_data}}
        return str((await self.admin.mutate(CREATE, given))["workRequest"]["id"])

    async def look(self, id: str) -> dict[str, Any]:
        found: dict[str, Any] = (await self.admin.execute(LOOK, {"id": id}))["workRequest"]
        return found

    async def becomes(self, id: str, status: str, attempt: int | None = None) -> dict[str, Any]:
        """The request once it has that status (in that attempt)."""

        async def look() -> dict[str, Any] | None:
            request = await self.look(id)
            return request if request["status"] == status and attempt in (None, request["attempt"]) else None

        return await until(look, f"{id} becomes {status}")

    async def logs(self, id: str, text: str) -> None:
        """Wait until that line is in the request's log."""

        async def look() -> bool:
            return text in texts(await self.look(id))

        await until(look, f"{text!r} is in the log of {id}")

    async def watch(self) -> None:
        """From now on keep every change of every work request; through restarts of the server, too."""
        self._watching = asyncio.create_task(self._follow())

        submitted: list[str] = []

        async def look() -> bool:
            submitted.append(
                await self.submit("noop")
            )  # a subscription is known to be open by its first event
            await asyncio.sleep(0.1)
            return bool(self._changes)

        await until(look, "the changes are followed")
        for id in submitted:
            await self.admin.mutate(ABORT, {"id": id})

    async def _follow(self) -> None:
        async for event in self.admin.subscribe(CHANGES):
            self._changes.append((event["workRequest"]["id"], event["type"], event["attempt"]))

    async def changes(self, id: str, *, last: str = "completed") -> list[str]:
        """Every change of a request in order, as "started 1": what happened, in which attempt; `last` is waited for."""

        def seen() -> list[str]:
            return [
                f"{type.removeprefix('work_request.')} {attempt}"
                for of, type, attempt in self._changes
                if of == id
            ]

        async def look() -> bool:
            return any(change.startswith(last) for change in seen())

        await until(look, f"{id} is {last}")
        return [change for change in seen() if not change.startswith("log_appended")]

    async def close(self) -> None:
        await self.stop_workers()
        if self._watching:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
        await self.admin.aclose()
        for program in (self.runner, self.server):
            program.signal(signal.SIGTERM)
            await program.ended()


def texts(request: dict[str, Any], stream: str = "STDOUT") -> list[str]:
    nodes = [edge["node"] for edge in request["log"]["edges"]]
    return [node["text"] for node in nodes if node["stream"] == stream]


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
