"""What tests share, since servers take seconds to start. Each leaves them up, and looks at its own work only."""

import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.database.cluster import Databases, directory
from tests.faults.site import Site
from tests.live import LiveServer, run_server
from tests.tasks_yard import run_runner


@pytest.fixture(scope="module")
async def site() -> AsyncIterator[Site]:
    """Everything on one machine, but workers."""
    path = Path(tempfile.mkdtemp(prefix="wy-", dir=directory().parent))
    path.chmod(0o755)  # PostgreSQL's user passes through
    site = Site(path)
    try:
        await site.start()
        yield site
    finally:
        await site.stop()
        shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
async def pair(databases: Databases) -> AsyncIterator[tuple[LiveServer, LiveServer]]:
    """Two servers with one database, and a task runner, which takes back what is lost."""
    credentials = await databases.make()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(databases.drop, credentials)
        one = await stack.enter_async_context(run_server(credentials))
        two = await stack.enter_async_context(run_server(credentials))
        await stack.enter_async_context(run_runner(credentials))
        yield one, two
