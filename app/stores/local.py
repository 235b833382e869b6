"""Bytes in a directory of this machine, one file each, readable by our user alone."""

import asyncio
import errno
import itertools
import os
import stat
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from io import FileIO
from pathlib import Path
from typing import ParamSpec, TypeVar

from app.stores.checking import Verifier
from app.stores.errors import Corrupt, Missing, StoreError, StoreFull, StoreRefuses, StoreUnavailable
from app.stores.keys import Key
from app.stores.store import BLOCK, Listed, Source, blocks_of, bounds
from app.threads import outlast

INCOMING = ".incoming"
THREADS = 8
PAGE = 1000
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ELOOP, errno.ENOTDIR}

P = ParamSpec("P")
T = TypeVar("T")


class LocalStore:
    """A directory. Content is written beside its place, synced, and renamed to it: it is there whole, or not at all.

    With `create` the directory is made when missing. Else it has to be there: a disk that is not mounted must not be
    taken for an empty store, nor fill the disk below it.
    """

    def __init__(self, name: str, directory: Path, *, create: bool = False) -> None:
        self.name = name
        self.directory = directory
        self._create = create
        # Threads of its own: a disk that hangs keeps neither other stores nor look-ups of names waiting.
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="store")

    async def put(self, key: Key, source: Source, *, move: bool = False) -> bool:
        if move and isinstance(source, Path):
            taken = await self._take(key, source)
            if taken is not None:
                return taken
        new = await self._write(key, source)
        if move and isinstance(source, Path):
            await self._run(source.unlink, missing_ok=True)
        return new

    async def _write(self, key: Key, source: Source) -> bool:
        verifier = Verifier(key)
        file = await self._open_in_thread(self._begin)
        try:
            async for block in blocks_of(source):
                await self._run(self._append, file, verifier, block)
            verifier.finish()
            return await self._run(self._publish, file, Path(str(file.name)), key)
        finally:
            await self._run(_discard, file)

    async def _take(self, key: Key, path: Path) -> bool | None:
        """Take the file itself, when it is one that only we have; None when it has to be copied."""
        file = await self._open_in_thread(_open_source, path)
        try:
            if not await self._run(self._can_take, file):
                return None
            verifier = Verifier(key)
            while block := await self._run(file.read, BLOCK):
                await self._run(verifier.update, block)
            verifier.finish()
            new = await self._run(self._publish, file, path, key)
            await self._run(path.unlink, missing_ok=True)
            return new
        finally:
            await self._run(file.close)

    def get(
        self, key: Key, *, start: int = 0, stop: int | None = None
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        return self._get(key, *bounds(key, start, stop))

    @asynccontextmanager
    async def _get(self, key: Key, start: int, stop: int) -> AsyncIterator[AsyncIterator[bytes]]:
        file = await self._open_in_thread(self._open, key, start)
        try:
            yield self._blocks(key, file, stop - start)
        finally:
            await self._run(file.close)

    async def _blocks(self, key: Key, file: FileIO, left: int) -> AsyncIterator[bytes]:
        while left:
            block = await self._run(self._read, file, min(left, BLOCK))
            if not block:
                raise Corrupt(self.name, key, "it ends early")
            left -= len(block)
            yield block

    async def stat(self, key: Key) -> Listed:
        return await self._run(self._stat, key)

    async def exists(self, key: Key) -> bool:
        try:
            await self._run(self._stat, key)
        except Missing:
            return False
        return True

    async def delete(self, key: Key) -> None:
        await self._run(self._delete, key)

    async def list(self) -> AsyncIterator[Listed]:
        found = self._walk()
        while page := await self._run(lambda: list(itertools.islice(found, PAGE))):
            for listed in page:
                yield listed

    async def url(self, key: Key, expires: timedelta) -> str | None:
        return None

    async def sweep(self, older_than: timedelta) -> int:
        return await self._run(self._sweep, datetime.now(UTC) - older_than)

    async def close(self) -> None:
        self._threads.shutdown(wait=False)

    # What follows runs in threads.

    def _begin(self) -> FileIO:
        """A new file, mode 0600, beside those that are there."""
        with self._errors():
            if self._create:
                self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            incoming = self.directory / INCOMING
            with suppress(FileExistsError):
                incoming.mkdir(mode=0o700)
            descriptor, path = tempfile.mkstemp(dir=incoming)
            os.close(descriptor)
            return FileIO(path, "r+")

    def _append(self, file: FileIO, verifier: Verifier, block: bytes) -> None:
        verifier.update(block)
        with self._errors():
            view = memoryview(block)
            while view:
                view = view[file.write(view) :]

    def _can_take(self, file: FileIO) -> bool:
        """Whether a rename can bring it here, and nobody has it under another name."""
        with self._errors():
            if self._create:
                self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            found = os.fstat(file.fileno())
            return (
                stat.S_ISREG(found.st_mode)
                and found.st_nlink == 1
                and found.st_uid == os.geteuid()
                and found.st_dev == self.directory.stat().st_dev
            )

    def _publish(self, file: FileIO, path: Path, key: Key) -> bool:
        """Bring a verified file to its place, unless the same is there already."""
        with self._errors():
            os.fchmod(file.fileno(), 0o600)
            os.fsync(file.fileno())
            place = self._place(key, make=True)
            if os.path.lexists(place):
                self._compare(file, place, key)
                return False
            # Should another process get there first, this replaces what was verified to be the same.
            os.rename(path, place)
            _sync_directory(place.parent)
            return True

    def _compare(self, file: FileIO, place: Path, key: Key) -> None:
        with _open_regular(place, self.name, key) as there:
            file.seek(0)
            while block := _read_full(file):
                if _read_full(there) != block:
                    raise Corrupt(self.name, key, "the content differs")
            if there.read(1):
                raise Corrupt(self.name, key, "it is longer")

    def _place(self, key: Key, *, make: bool = False) -> Path:
        """Where it lies; never outside of the directory, whatever links somebody put into it."""
        place = self.directory / key.path
        if make:
            self._make_directories(place.parent)
        base = self.directory.resolve(strict=True)
        if place.parent.resolve() != base / place.parent.relative_to(self.directory):
            raise StoreRefuses(f"The store {self.name} has a link in the way to {key}: it leads elsewhere.")
        return place

    def _make_directories(self, leaf: Path) -> None:
        for directory in (leaf.parent.parent, leaf.parent, leaf):
            with suppress(FileExistsError):
                directory.mkdir(mode=0o700)
                _sync_directory(directory.parent)

    def _open(self, key: Key, start: int) -> FileIO:
        with self._errors(key):
            file = _open_regular(self._place(key), self.name, key)
        size = os.fstat(file.fileno()).st_size
        if size != key.size:
            file.close()
            raise Corrupt(self.name, key, f"it has {size} bytes")
        file.seek(start)
        return file

    def _read(self, file: FileIO, size: int) -> bytes:
        with self._errors():
            return file.read(size)

    def _stat(self, key: Key) -> Listed:
        with self._errors(key):
            found = self._place(key).lstat()
        return Listed(key.path, key, found.st_size, _modified_at(found))

    def _delete(self, key: Key) -> None:
        with suppress(Missing), self._errors(key):
            place = self._place(key)
            place.unlink()
            _sync_directory(place.parent)

    def _walk(self) -> Iterator[Listed]:
        with self._errors():
            if not self.directory.is_dir():
                if self._create:
                    return
                raise FileNotFoundError(errno.ENOENT, "no such directory", str(self.directory))
            pending = [self.directory]
            while pending:
                for entry in _entries(pending.pop()):
                    if entry.is_dir(follow_symlinks=False):
                        if entry.path != str(self.directory / INCOMING):
                            pending.append(Path(entry.path))
                        continue
                    with suppress(FileNotFoundError):
                        found = entry.stat(follow_symlinks=False)
                        path = os.path.relpath(entry.path, self.directory)
                        yield Listed(path, Key.parse(path), found.st_size, _modified_at(found))

    def _sweep(self, before: datetime) -> int:
        count = 0
        with self._errors():
            for entry in _entries(self.directory / INCOMING):
                with suppress(FileNotFoundError):
                    if _modified_at(entry.stat(follow_symlinks=False)) < before:
                        os.unlink(entry.path)
                        count += 1
        return count

    @contextmanager
    def _errors(self, key: Key | None = None) -> Iterator[None]:
        """Say what an error of the disk means for the store; with a key, what is not found is missing."""
        try:
            yield
        except OSError as error:
            if isinstance(error, FileNotFoundError) and key and (self._create or self.directory.is_dir()):
                raise Missing(self.name, key) from None
            raise self._meaning(error) from error

    def _meaning(self, error: OSError) -> StoreError:
        kind = (
            StoreFull if error.errno in FULL else StoreRefuses if error.errno in REFUSED else StoreUnavailable
        )
        return kind(
            f"The store {self.name}: {os.strerror(error.errno or 0)}: {error.filename or self.directory}."
        )

    async def _run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run it in a thread and wait for its end, even when cancelled."""
        return await outlast(asyncio.wrap_future(self._threads.submit(function, *args, **kwargs)))

    async def _open_in_thread(
        self, function: Callable[P, FileIO], *args: P.args, **kwargs: P.kwargs
    ) -> FileIO:
        """Open a file in a thread; when cancelled meanwhile, leave none behind."""
        opened: list[FileIO] = []
        try:
            await self._run(lambda: opened.append(function(*args, **kwargs)))
        except asyncio.CancelledError:
            for file in opened:
                await self._run(_discard if file.writable() else FileIO.close, file)
            raise
        return opened[0]


def _discard(file: FileIO) -> None:
    """Close a file that was coming in, and remove it unless it was renamed to its place."""
    file.close()
    with suppress(OSError):
        os.unlink(str(file.name))


def _open_source(path: Path) -> FileIO:
    return FileIO(path, "r", opener=lambda name, flags: os.open(name, flags | os.O_NOFOLLOW))


def _open_regular(place: Path, store: str, key: Key) -> FileIO:
    """Open what lies there; a link, a directory or a pipe is no content, and is not waited for."""
    flags = os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        file = FileIO(place, "r", opener=lambda name, given: os.open(name, given | flags))
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EISDIR, errno.ENXIO):
            raise Corrupt(store, key, "it is no file") from error
        raise
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise Corrupt(store, key, "it is no file")
    return file


def _read_full(file: FileIO) -> bytes:
    """A whole block, unless the file ends before."""
    block = file.read(BLOCK)
    while 0 < len(block) < BLOCK and (more := file.read(BLOCK - len(block))):
        block += more
    return block


def _entries(directory: Path) -> Iterator["os.DirEntry[str]"]:
    """What is in a directory; nothing, when it has gone."""
    with suppress(FileNotFoundError), os.scandir(directory) as entries:
        yield from entries


def _modified_at(found: os.stat_result) -> datetime:
    return datetime.fromtimestamp(found.st_mtime, UTC)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
