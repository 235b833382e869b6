"""A real Chromium, and a real server with a real worker, for tests that see what a person sees."""

import asyncio
import os
import shutil
import sys
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest

from tests.database.cluster import Databases
from tests.live import SECONDS_TO_STOP, LiveServer, start_server

if TYPE_CHECKING:
    from playwright.async_api import Browser

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator["Browser"]:
    """The browser that is on this machine; none is downloaded."""
    program = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        _not_here("no Chromium on this machine")
    try:
        from playwright.async_api import async_playwright
    except ImportError:
        _not_here("playwright is not installed")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program)
        yield browser
        await browser.close()


@pytest.fixture(scope="module")
async def yard(
    browser: "Browser", databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[LiveServer]:
    """A server that nobody else uses, and a worker that does what is submitted. Not started without a browser."""
    async with start_server(databases) as server, _worker_of(server, tmp_path_factory.mktemp("worker")):
        yield server


@asynccontextmanager
async def _worker_of(server: LiveServer, state: Path) -> AsyncIterator[None]:
    answer = await server.execute(
        "mutation { createActivationToken(input: {minutes: 60}) { key } }", key=await server.sign_in()
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "app", "worker"),
        stdin=DEVNULL,
        stdout=DEVNULL,
        env={
            **os.environ,
            "WORKYARD_URL": server.url,
            "WORKYARD_WORKER_NAME": "worker.test",
            "WORKYARD_WORKER_STATE_DIR": str(state),
            "WORKYARD_WORKER_ACTIVATION_TOKEN": answer["createActivationToken"]["key"],
        },
    )
    try:
        yield
    finally:
        process.terminate()
        async with asyncio.timeout(SECONDS_TO_STOP):
            await process.wait()


def _not_here(reason: str) -> NoReturn:
    if os.environ.get("REQUIRE_ALL") == "1" or os.environ.get("REQUIRE_BROWSER") == "1":
        pytest.fail(f"{reason}, and this run requires one", pytrace=False)
    pytest.skip(reason)
