"""The stores that the suite is run for, each empty."""

import itertools
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.stores import Store, StoreSettings, open_store
from app.stores.opening import credential_variable
from tests.stores.servers import ACCESS_KEY, BUCKET, SECRET, S3Server, run_rclone, run_seaweedfs

NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def rclone_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with run_rclone(tmp_path_factory.mktemp("rclone")) as server:
        yield server


@pytest.fixture(scope="session")
def seaweedfs_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with run_seaweedfs(tmp_path_factory.mktemp("seaweedfs") / "data") as server:
        yield server


def open_s3(
    endpoint: str,
    *,
    name: str = "objects",
    secret: str = SECRET,
    timeout: float = 10,
    retries: int = 1,
    **configuration: Any,
) -> Store:
    """A store at a server of the tests."""
    environment = {
        credential_variable(name, "access_key_id"): ACCESS_KEY,
        credential_variable(name, "secret_access_key"): secret,
    }
    settings = StoreSettings(Path("/nowhere"), timeout, retries, environment)
    return open_store("s3", name, {"bucket": BUCKET, "endpoint": endpoint} | configuration, settings)


@pytest.fixture(params=["local", "memory", "rclone", "seaweedfs"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    """One store of each kind, empty."""
    number = next(NUMBERS)
    match request.param:
        case "local":
            directory = tmp_path / "store"
            directory.mkdir()
            settings = StoreSettings(tmp_path / "default")
            opened = open_store("local", "disk", {"base_directory": str(directory)}, settings)
        case "memory":
            opened = open_store("memory", f"memory-{number}", {}, StoreSettings(tmp_path))
        case kind:
            server = request.getfixturevalue(f"{kind}_server")
            opened = open_s3(server.endpoint, prefix=f"of/test-{number}")
    yield opened
    await opened.close()
