"""Fixtures for every test. A test that touches the database asks for `db`."""

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import asyncpg
import psutil
import pytest
import tortoise.context

from app.database import Database
from app.database.opening import use_models
from tests.database.cluster import Databases, Wiper, directory, run_cluster
from tests.machine import LIMIT, processes

# Each of the hundreds of programs that tests start would compile all that it imports, which takes seconds.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# What a shell runs in the background is to ignore Ctrl-C, and so would every program that tests start and interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

pytest_plugins = ["tests.cast", "tests.api", "tests.live", "tests.tasks_yard"]

LONGEST = (
    "tests/worker/test_worker.py",
    "tests/faults/test_tasks.py",
    "tests/docs/test_examples.py",
    "tests/faults/test_uploads.py",
    "tests/cli/test_artifacts.py",
    "tests/faults/test_kills.py",
    "tests/cli/test_tasks.py",
    "tests/web/test_graphiql_browser.py",
    "tests/database/test_embedded.py",
    "tests/web/test_graphiql_tasks_browser.py",
    "tests/scenarios/test_tasks.py",
    "tests/cli/test_stores.py",
    "tests/resolvers/test_any_input.py",
    "tests/access/test_mutations.py",
    "tests/subscriptions/test_tasks.py",
    "tests/worker/test_artifacts.py",
    "tests/web/files/test_downloads_archives.py",
    "tests/conformance/test_conformance.py",
    "tests/cli/test_run.py",
    "tests/stores/test_conformance.py",
    "tests/faults/test_database.py",
    "tests/client/test_files.py",
    "tests/cli/test_accounts.py",
    "tests/graphql/plan/test_equality.py",
    "tests/web/files/test_upload_ends.py",
    "tests/daemons/runner/test_groups.py",
    "tests/web/files/test_upload_put.py",
    "tests/cli/test_supervisor.py",
    "tests/cli/test_tasks_run.py",
    "tests/web/test_serving.py",
    "tests/web/files/test_downloads.py",
    "tests/faults/test_streams.py",
    "tests/docs/test_programs.py",
)
"""Files that take more than ten seconds each, the longest first."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where several processes share the files (`make test`), the longest come first: at the end they would run alone."""
    if hasattr(config, "workerinput"):
        place = {name: number for number, name in enumerate(LONGEST)}
        assert all((config.rootpath / name).is_file() for name in LONGEST), (
            "one of LONGEST is not there any more"
        )
        items.sort(key=lambda item: place.get(item.nodeid.partition("::")[0], len(LONGEST)))


@pytest.fixture(scope="session")
async def databases() -> AsyncIterator[Databases]:
    """Makes databases in the cluster of the tests."""
    async with run_cluster() as credentials:
        admin = await asyncpg.connect(**credentials)
        try:
            found = Databases(admin, credentials)
            await found.clear_away()
            yield found
        finally:
            await admin.close()


@pytest.fixture(scope="session")
async def _session_db(databases: Databases) -> AsyncIterator[tuple[Database, Wiper]]:
    credentials = await databases.make()
    broom = await asyncpg.connect(**credentials)
    database = Database(credentials, embedded=True)
    async with use_models(database, pool_size=20):
        yield database, await Wiper.prepare(broom)
    await broom.close()
    await databases.drop(credentials)


@pytest.fixture
async def db(_session_db: tuple[Database, Wiper]) -> AsyncIterator[Database]:
    """The database of this run, which the models use; afterwards it is again as the migrations left it.

    Commits are real, and sequences go on: rely on no id.
    """
    database, wiper = _session_db
    yield database
    await wiper.wipe()


@pytest.fixture
async def owndb(databases: Databases, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Database]:
    """A migrated database for this test alone, which the models use: for what must not share, as locks and faults."""
    monkeypatch.setattr(tortoise.context, "_global_context", None)
    credentials = await databases.make()
    database = Database(credentials, embedded=True)
    async with use_models(database, pool_size=10):
        yield database
    await databases.drop(credentials)


@pytest.fixture
def base() -> Iterator[Path]:
    """A directory that the user of PostgreSQL can enter, unlike pytest's own."""
    parent = directory().parent
    path = Path(tempfile.mkdtemp(prefix="wy-", dir=parent))
    path.chmod(0o755)
    yield path
    left = processes(path)
    for process in left:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    for process in psutil.wait_procs(left, timeout=LIMIT)[1]:
        process.kill()
    shutil.rmtree(path, ignore_errors=True)
