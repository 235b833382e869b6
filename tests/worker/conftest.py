"""A server and a task runner of real processes, without a worker, kept over the tests of a file."""

from collections.abc import AsyncIterator

import pytest

from tests.database.cluster import Databases
from tests.worker.yard import Yard


@pytest.fixture(scope="module")
async def running_yard(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Yard]:
    credentials = await databases.make()
    yard = Yard(credentials, tmp_path_factory.mktemp("yard"))
    await yard.start_server()
    await yard.start_task_runner()
    try:
        await yard.sign_in()
        await yard.watch()
        yield yard
    finally:
        await yard.close()
        await databases.drop(credentials)


@pytest.fixture
async def yard(running_yard: Yard) -> AsyncIterator[Yard]:
    """The server without a worker."""
    yield running_yard
    await running_yard.stop_workers()
