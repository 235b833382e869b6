"""Directories in which tests run clusters of their own."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.database.cluster import directory

LIMIT = 20.0


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


def processes(base: Path) -> list[psutil.Process]:
    """The supervisor and the postmaster of a directory."""
    found = []
    for process in psutil.process_iter():
        try:
            if any(str(base) in word for word in process.cmdline()) and process.pid != os.getpid():
                found.append(process)
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            pass
    return found
