"""Files that this worker has fetched before, known by their content. A task cannot harm what the next one gets."""

import asyncio
import os
import shutil
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from weakref import WeakValueDictionary

import structlog

from app.client.content import Content, content_of

log = structlog.get_logger(__name__)

Fetch = Callable[[Path], Awaitable[None]]
"""Puts the content under that name, verified, or raises."""

READ_ONLY = 0o444


class Cache:
    """Holds at most `limit` bytes after each `trim`. One worker uses a directory."""

    def __init__(self, directory: Path, limit: int) -> None:
        self._directory = directory
        self._limit = limit
        self._locks: WeakValueDictionary[Content, asyncio.Lock] = WeakValueDictionary()
        self._in_use: Counter[Content] = Counter()

    async def give(self, content: Content, target: Path, fetch: Fetch) -> bool:
        """Make `target` a read-only file of that content, fetched if need be. Whether it was here already.

        What is here is read and compared with its hash each time: a task, or a disk, may have changed it.
        """
        entry = self._entry(content)
        lock = self._locks.setdefault(content, asyncio.Lock())
        with self._used(content):
            async with lock:
                hit = await asyncio.to_thread(good, entry, content)
                if not hit:
                    await asyncio.to_thread(entry.parent.mkdir, parents=True, exist_ok=True)
                    await fetch(entry)
                await asyncio.to_thread(hand_out, entry, target)
        return hit

    async def trim(self) -> None:
        """Remove what was not used for longest until the rest fits; called after some were given."""
        await asyncio.to_thread(self._evict)

    def _entry(self, content: Content) -> Path:
        return self._directory / content.sha256[:2] / f"{content.sha256}-{content.size}"

    @contextmanager
    def _used(self, content: Content) -> Iterator[None]:
        self._in_use[content] += 1
        try:
            yield
        finally:
            self._in_use[content] -= 1
            if not self._in_use[content]:
                del self._in_use[content]

    def _evict(self) -> None:
        # What somebody is fetching or taking stays.
        busy = {self._entry(content).parent for content in list(self._in_use)}
        found = [(path, path.stat()) for path in self._directory.glob("*/*") if path.parent not in busy]
        total = sum(status.st_size for _, status in found)
        for path, status in sorted(found, key=lambda each: each[1].st_mtime_ns):
            if total <= self._limit:
                return
            path.unlink(missing_ok=True)
            total -= status.st_size


def good(entry: Path, content: Content) -> bool:
    """Whether the content is there; what is there but is not the content is removed."""
    if not entry.exists():
        return False
    if content_of(entry) == content:
        return True
    log.warning("a file in the cache has changed; fetching it anew", file=str(entry))
    entry.unlink()
    return False


def hand_out(entry: Path, target: Path) -> None:
    """A hard link is enough where a task cannot write to what is read-only; root can, and so gets a copy."""
    os.utime(entry)
    entry.chmod(READ_ONLY)
    if os.geteuid() != 0:
        with suppress(OSError):  # another file system, or too many links
            return os.link(entry, target)
    shutil.copyfile(entry, target)
    target.chmod(READ_ONLY)
    return None
