"""A server and a worker, as `make run` starts them, for the examples of the pages."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.database.cluster import Databases
from tests.live import LiveServer, start_server

SECONDS_TO_CONNECT = 30
SECONDS_TO_STOP = 20


@pytest.fixture(scope="module")
async def yard(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LiveServer]:
    """A server of this module's own, with one worker that is connected."""
    async with start_server(databases) as server:
        state = tmp_path_factory.mktemp("worker")
        invitation = await _invitation(server)
        with (state / "log").open("w") as log:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "app", "worker", "--url", server.url, "--state-dir", str(state)),
                env={**os.environ, "WORKYARD_WORKER_ACTIVATION_TOKEN": invitation},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            await _connected(server, state / "log")
            yield server
        finally:
            process.terminate()
            async with asyncio.timeout(SECONDS_TO_STOP):
                await process.wait()


async def _invitation(server: LiveServer) -> str:
    answer = await server.execute(
        "mutation { createActivationToken(input: {minutes: 5}) { key } }", key=await server.sign_in()
    )
    return str(answer["createActivationToken"]["key"])


async def _connected(server: LiveServer, log: Path) -> None:
    """Wait until a worker is connected and has said what it can run."""
    key, found = await server.sign_in(), "{ workers { nodes { connected providedTags } } }"
    try:
        async with asyncio.timeout(SECONDS_TO_CONNECT):
            while not any(
                worker["connected"] and worker["providedTags"]
                for worker in (await server.execute(found, key=key))["workers"]["nodes"]
            ):
                await asyncio.sleep(0.1)
    except TimeoutError:
        pytest.fail(f"The worker did not connect:\n{log.read_text()}")
