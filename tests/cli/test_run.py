"""`python -m app run` as a newcomer starts it."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import psutil
import pytest

from tests.machine import until

ROOT = Path(__file__).parents[2]
LIMIT = 60.0  # a cold start of three processes on a busy machine
PASSWORD = "a password of ours"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(base: Path, port: int) -> dict[str, str]:
    ours = {"WORKYARD_DATA_DIR": str(base), "PORT": str(port), "WORKYARD_ADMIN_PASSWORD": PASSWORD}
    return {**os.environ, **ours, "HOST": "", "DATABASE_URL": "", "PUBLIC_URL": ""}


class Started:
    """What `run` has started: its own process and all below it, the database included."""

    def __init__(self, process: asyncio.subprocess.Process, base: Path, port: int) -> None:
        self.process, self.base, self.port = process, base, port
        self.url = f"http://127.0.0.1:{port}"
        self.parts: list[psutil.Process] = []

    async def ready(self) -> None:
        """Wait until requests are answered and the worker is known; remember every process."""
        async with asyncio.timeout(LIMIT), httpx.AsyncClient(verify=False, base_url=self.url) as client:
            while not await self._answers(client):
                await asyncio.sleep(0.05)
        await until(lambda: (self.base / "worker/token").exists(), LIMIT)
        root = psutil.Process(self.process.pid)
        self.parts = [root, *root.children(recursive=True)]
        self.parts.append(
            psutil.Process(
                int(next(self.base.glob("postgresql/*/data/postmaster.pid")).read_text().split()[0])
            )
        )

    async def _answers(self, client: httpx.AsyncClient) -> bool:
        try:
            return (await client.get("/health/ready")).status_code == 200
        except httpx.TransportError:
            return False

    async def all_gone(self) -> None:
        """Wait until none of the processes is left, but for zombies that nobody buries."""
        await until(lambda: not any(_lives(part) for part in self.parts), LIMIT)


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.fixture
async def started(base: Path) -> AsyncIterator[Started]:
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "app", "run", cwd=ROOT, env=environment(base, port),
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    started = Started(process, base, port)
    try:
        await started.ready()
        yield started
    finally:
        for part in started.parts:
            if _lives(part):
                part.kill()
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.mark.timeout(180)
async def test_ctrl_c_stops_all_of_it_and_says_so(started: Started) -> None:
    assert len(started.parts) >= 5  # run, serve, tasks run, worker, PostgreSQL

    started.process.send_signal(signal.SIGINT)

    assert started.process.stdout
    async with asyncio.timeout(LIMIT):
        said = (await started.process.stdout.read()).decode().splitlines()
        assert await started.process.wait() == 0
    assert f"workyard: serving {started.url}/graphiql" in said
    assert said[-2:] == ["workyard: stopping", "workyard: stopped"]
    await started.all_gone()


@pytest.mark.timeout(180)
async def test_nothing_is_left_when_it_is_killed(started: Started) -> None:
    started.process.kill()

    await started.all_gone()


async def test_a_taken_port_is_said_before_anything_starts(base: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "app", "run", cwd=ROOT, env=environment(base, port), stderr=subprocess.PIPE
        )
        async with asyncio.timeout(LIMIT):
            _, said = await process.communicate()

    assert process.returncode == 2
    assert said.decode() == (
        f"workyard: cannot listen on http://127.0.0.1:{port}: another program does; "
        "stop it, or set PORT to another number\n"
    )
    assert list(base.iterdir()) == []
