"""What a worker keeps between its starts: its secret, and the right to be the only one that uses it."""

import fcntl
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.worker.process import DIRECTORY_PREFIX, remove
from app.worker.settings import WorkerSettings, WorkerSettingsError


@contextmanager
def state_directory(settings: WorkerSettings) -> Iterator[Path]:
    """The state directory, ours alone until the end; what a killed predecessor left of its work is cleared away."""
    directory = settings.state_dir
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (directory / "lock").open("a")
    except OSError as error:
        raise WorkerSettingsError(
            f"cannot use the state directory {directory}: {error.strerror}; name another one with --state-dir"
        ) from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise WorkerSettingsError(
                f"another worker is running with {directory}; give this one its own with --state-dir"
            ) from None
        for left in directory.glob(f"{DIRECTORY_PREFIX}*"):
            remove(left)
        yield directory


def token_of(settings: WorkerSettings) -> str:
    """The worker's secret: 64 hexadecimal digits, made at the first start and readable by nobody else."""
    path = settings.token_file or settings.state_dir / "token"
    try:
        if not path.exists():
            write_secret(path, secrets.token_hex(32))
        token = path.read_text().strip()
    except OSError as error:
        raise WorkerSettingsError(f"cannot use the token file {path}: {error.strerror}") from None
    if not re.fullmatch(r"[0-9a-f]{64}", token):
        raise WorkerSettingsError(
            f"{path} does not hold a worker's token of 64 hexadecimal digits; remove it to have a new one made"
        )
    return token


def write_secret(path: Path, secret: str) -> None:
    """All of it or nothing, and never readable by others, not even for a moment."""
    new = path.with_name(f"{path.name}.{os.getpid()}.new")
    path.parent.mkdir(parents=True, exist_ok=True)
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secret + "\n")
        file.flush()
        os.fsync(file.fileno())
    shutil.move(new, path)
