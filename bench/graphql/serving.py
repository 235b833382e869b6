"""Servers, one process group each, on the processor of servers; none of them outlives the measurement."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

from app.database.address import Credentials
from bench.place import SERVERS, free_port, on

SECONDS_TO_START = 90
SECONDS_TO_STOP = 8
SECONDS_TO_ANSWER = 120  # what a load has left behind is answered first
PORTS = ("PORT", "WORKYARD_PORT", "GRANIAN_PORT")


class NotStarted(Exception):
    """The message says why."""


@dataclass(frozen=True)
class Server:
    """One that runs, and how to ask it."""

    name: str
    port: int
    headers: Mapping[str, str]
    process: psutil.Process

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/graphql"

    def processor_seconds(self) -> float:
        """What it has used so far, threads and children included."""
        family = [self.process, *self.process.children(recursive=True)]
        return sum(sum(each.cpu_times()[:2]) for each in family)

    def memory(self) -> int:
        """Resident bytes."""
        return int(self.process.memory_info().rss)

    async def ask(self, document: str, variables: dict[str, Any] | None = None) -> tuple[dict[str, Any], int]:
        """The data of an answer, which must have no errors, and its length in bytes."""
        async with httpx.AsyncClient(headers=self.headers, timeout=SECONDS_TO_ANSWER) as http:
            answer = await http.post(self.url, json={"query": document, "variables": variables or {}})
        told = answer.json()
        if "errors" in told or not told.get("data"):
            raise AssertionError(f"{self.name} answered {answer.status_code} {answer.text[:2000]}")
        data: dict[str, Any] = told["data"]
        return data, len(answer.content)


@asynccontextmanager
async def serve(
    name: str,
    command: Sequence[str],
    directory: Path,
    *,
    environment: Mapping[str, str],
    headers: Mapping[str, str],
) -> AsyncIterator[Server]:
    """Start it, wait until it answers, and stop it with all that it started."""
    port = free_port()
    log = directory / f"{name.replace(' ', '-').replace('/', '-')}.log"
    with on(SERVERS), log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, **environment, **{name: str(port) for name in PORTS}},
            start_new_session=True,
        )
    try:
        server = Server(name, port, headers, psutil.Process(process.pid))
        await _ready(server, process, log)
        yield server
    finally:
        await _stop(process)


async def _ready(server: Server, process: asyncio.subprocess.Process, log: Path) -> None:
    last = "nothing"
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(SECONDS_TO_START):
            while process.returncode is None:
                try:
                    await server.ask("{ __typename }")
                    return
                except (httpx.TransportError, ValueError, AssertionError) as error:
                    last = str(error)
                await asyncio.sleep(0.1)
    said = log.read_text(errors="replace")[-3000:]
    raise NotStarted(f"it answered {last} and wrote:\n{said}")


async def _stop(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(process.wait(), SECONDS_TO_STOP)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


def python(module: str, *arguments: str, program: str = sys.executable) -> list[str]:
    """A command that runs a module."""
    return [program, "-m", module, *arguments]


def libpq(database: Credentials) -> dict[str, str]:
    """The variables that every driver of PostgreSQL reads."""
    return {
        "PGHOST": str(database["host"]),
        "PGPORT": str(database["port"]),
        "PGUSER": database["user"],
        "PGDATABASE": database["database"],
    }


def database_used(postmaster: int) -> dict[int, float]:
    """Processor seconds of each of PostgreSQL's processes that live."""
    used = {}
    for process in psutil.Process(postmaster).children():
        with contextlib.suppress(OSError):
            used[process.pid] = int(Path(f"/proc/{process.pid}/schedstat").read_text().split()[0]) / 1e9
    return used
