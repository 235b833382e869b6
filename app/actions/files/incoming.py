"""Bytes that come, in a file of their own, which one writer at a time has. How long the file is says how many have come."""

import asyncio
import errno
import fcntl
import hashlib
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import ParamSpec, TypeVar

from app.errors import UploadBusy
from app.stores import StoreFull, StoreRefuses, StoreUnavailable
from app.stores.local import FULL, REFUSED
from app.stores.store import BLOCK
from app.threads import outlast

P = ParamSpec("P")
T = TypeVar("T")

# Threads of their own, started when first needed: a disk that is slow keeps no look-up of names waiting.
_THREADS = ThreadPoolExecutor(8, thread_name_prefix="upload")


class Incoming:
    """An open temporary file. Nobody else can open it as one, in this process or another, before `close`."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self.size = os.fstat(descriptor).st_size
        self._descriptor = descriptor

    @classmethod
    async def open(cls, path: Path, *, create: bool) -> "Incoming | None":
        """Open it, or with `create` begin it; None when there is none. Raises `UploadBusy`."""
        opened: list[Incoming] = []
        try:
            await in_thread(lambda: opened.extend(_open(path, create)))
        except asyncio.CancelledError:
            for each in opened:
                each._close()
            raise
        return opened[0] if opened else None

    async def write(self, start: int, block: bytes) -> None:
        """Put bytes at a place that begins at or before its end. Those that found room stay when an error is raised."""
        await in_thread(self.write_now, start, block)

    def write_now(self, start: int, block: bytes) -> None:
        """The same, for a thread that has more to do with the block."""
        with errors_of_disk():
            view = memoryview(block)
            while view:
                count = os.pwrite(self._descriptor, view, start)
                start, view = start + count, view[count:]
                self.size = max(self.size, start)

    async def cut(self, size: int) -> None:
        """Take back what came after its first bytes, so many."""
        with errors_of_disk():
            await in_thread(os.ftruncate, self._descriptor, size)
        self.size = size

    async def digest(self) -> bytes:
        """The SHA-256 of all of it, read from the disk."""
        return await in_thread(self._digest)

    def _digest(self) -> bytes:
        found = hashlib.sha256()
        start = 0
        with errors_of_disk():
            while block := os.pread(self._descriptor, BLOCK, start):
                found.update(block)
                start += len(block)
        return found.digest()

    async def sync(self) -> None:
        """Return when the disk has it."""
        with errors_of_disk():
            await in_thread(os.fsync, self._descriptor)

    async def remove(self) -> None:
        """Unlink it, if it is still there."""
        with errors_of_disk():
            await in_thread(self.path.unlink, missing_ok=True)

    async def close(self) -> None:
        """Let others have it."""
        await in_thread(self._close)

    def _close(self) -> None:
        os.close(self._descriptor)


def _open(path: Path, create: bool) -> Iterator[Incoming]:
    with errors_of_disk():
        while (descriptor := _descriptor_of(path, create)) is not None:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                os.close(descriptor)
                if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                    raise UploadBusy(
                        "Somebody is sending this file just now; try again in a moment."
                    ) from None
                raise
            if _is_at(descriptor, path):
                yield Incoming(path, descriptor)
                return
            os.close(descriptor)  # who had it before has removed or stored it


def _descriptor_of(path: Path, create: bool) -> int | None:
    flags = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
    if create:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.open(path, flags | os.O_CREAT, 0o600)
    with suppress(FileNotFoundError):
        return os.open(path, flags)
    return None


def _is_at(descriptor: int, path: Path) -> bool:
    with suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    return False


@contextmanager
def errors_of_disk() -> Iterator[None]:
    """Say what an error of the disk means for an upload."""
    try:
        yield
    except OSError as error:
        kind = (
            StoreFull if error.errno in FULL else StoreRefuses if error.errno in REFUSED else StoreUnavailable
        )
        raise kind(f"The directory of uploads: {os.strerror(error.errno or 0)}.") from error


async def in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run it in a thread and wait for its end, even when cancelled."""
    return await outlast(asyncio.wrap_future(_THREADS.submit(function, *args, **kwargs)))
