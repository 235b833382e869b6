"""A whole artifact in one download: tar.gz or zip, made while it is sent.

What comes out depends on the artifact alone: paths in order, the time at which it was completed, mode 0644. Memory stays
the same however large it is.
"""

import asyncio
import os
import struct
import tarfile
import zipfile
import zlib
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from typing import ParamSpec, TypeVar

from app.actions.files.reading import Blocks, Content
from app.threads import outlast

CHUNK = 1 << 20
"""Bytes that are compressed at a time. What comes out depends on it."""
LEVEL = 1
"""A level or two more save a twentieth of the bytes, and take twice the time."""
SAMPLE = 1 << 14
WORTH_IT = 0.95
"""What a sample cannot be compressed to is not worth the time, which is three times that of other bytes."""
MODE = 0o644
OLDEST = (1980, 1, 1, 0, 0, 0)
"""Before that zip knows no time."""

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True)
class Member:
    """A file of an archive."""

    path: str
    content: Content

    @property
    def size(self) -> int:
        return self.content.key.size


class Compressors:
    """Threads that compress: as many as there are processors, for all archives together."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="archive")

    def start(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> "asyncio.Future[T]":
        """Begin to run it in a thread."""
        return asyncio.wrap_future(self._threads.submit(function, *args, **kwargs))

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run it in a thread and wait for its end, even when cancelled."""
        return await outlast(self.start(function, *args, **kwargs))


async def tar_gz(members: Iterable[Member], at: datetime, compressors: Compressors) -> Blocks:
    """A tar archive (pax where ustar does not do), compressed by gzip.

    Chunks are compressed on several processors at once, and put together to one stream of deflate, as pigz does.
    """
    # Not before the first bytes are there: until then all of it may still become an error.
    head = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03"  # gzip: deflate, no name, no time, unix
    checksum, size = 0, 0
    coming: deque[asyncio.Future[bytes]] = deque()
    try:
        async with aclosing(_chunks(_tar(members, int(at.timestamp())))) as chunks:
            async for chunk in chunks:
                checksum = await compressors.run(zlib.crc32, chunk, checksum)
                size += len(chunk)
                coming.append(compressors.start(_deflated, chunk))
                if len(coming) > (os.cpu_count() or 1):
                    yield head + await coming.popleft()
                    head = b""
        while coming:
            yield head + await coming.popleft()
            head = b""
    finally:
        for each in coming:
            each.cancel()
    yield b"\x03\x00" + struct.pack("<II", checksum, size & 0xFFFFFFFF)


async def _tar(members: Iterable[Member], at: int) -> Blocks:
    total = 0
    for member in members:
        info = tarfile.TarInfo(member.path)
        info.size, info.mtime, info.mode = member.size, at, MODE
        head = info.tobuf(tarfile.PAX_FORMAT)
        yield head
        async with aclosing(member.content.blocks()) as blocks:
            async for block in blocks:
                yield block
        padding = -member.size % tarfile.BLOCKSIZE
        total += len(head) + member.size + padding
        yield bytes(padding)
    # Two empty blocks, and then as many as a tape would take.
    yield bytes(2 * tarfile.BLOCKSIZE + -(total + 2 * tarfile.BLOCKSIZE) % tarfile.RECORDSIZE)


async def _chunks(blocks: Blocks) -> Blocks:
    """The same bytes, in chunks of one size but for the last."""
    gathered = bytearray()
    async with aclosing(blocks):
        async for block in blocks:
            gathered += block
            while len(gathered) >= CHUNK:
                yield bytes(memoryview(gathered)[:CHUNK])
                del gathered[:CHUNK]
    if gathered:
        yield bytes(gathered)


def _deflated(chunk: bytes) -> bytes:
    """A piece of a stream of deflate that refers to nothing before it, ends at a byte, and is not the last."""
    deflate = zlib.compressobj(LEVEL if _shrinks(chunk) else 0, zlib.DEFLATED, -zlib.MAX_WBITS)
    return deflate.compress(chunk) + deflate.flush(zlib.Z_FULL_FLUSH)


def _shrinks(block: bytes) -> bool:
    """Whether it is worth compressing."""
    middle = max(0, len(block) // 2 - SAMPLE // 2)
    sample = block[middle : middle + SAMPLE]
    return len(zlib.compress(sample, LEVEL)) < WORTH_IT * len(sample)


async def zip_file(members: Iterable[Member], at: datetime, compressors: Compressors) -> Blocks:
    """A zip archive; zip64 where it has to be. What does not shrink is stored as it is."""
    outlet = Outlet()
    archive = zipfile.ZipFile(outlet, "w")
    try:
        for member in members:
            async with aclosing(member.content.blocks()) as blocks:
                first = await anext(blocks, b"")
                with archive.open(_entry(member, at, first), "w") as target:
                    await compressors.run(target.write, first)
                    async for block in blocks:
                        if outlet.size >= CHUNK:
                            yield outlet.take()
                        await compressors.run(target.write, block)
            if outlet.size >= CHUNK:
                yield outlet.take()
    finally:
        archive.close()
    yield outlet.take()


def _entry(member: Member, at: datetime, first: bytes) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(member.path, max(OLDEST, at.timetuple()[:6]))
    entry.file_size = member.size  # tells whether it needs zip64
    entry.external_attr = MODE << 16
    entry.create_system = 3  # unix
    # The time again, in seconds and for certain of UTC.
    entry.extra = struct.pack("<HHBL", 0x5455, 5, 1, int(at.timestamp()) & 0xFFFFFFFF)
    entry.compress_type = zipfile.ZIP_DEFLATED if first and _shrinks(first) else zipfile.ZIP_STORED
    entry._compresslevel = LEVEL  # type: ignore[attr-defined]  # there is no other way to say it before Python 3.13
    return entry


class Outlet:
    """Where the archive is written, and taken from."""

    def __init__(self) -> None:
        self._written: list[bytes] = []
        self.size = 0

    def write(self, data: bytes) -> int:
        self._written.append(bytes(data))
        self.size += len(data)
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """What was written can still be taken."""

    def take(self) -> bytes:
        """What was written since the last time."""
        taken = b"".join(self._written)
        self._written.clear()
        self.size = 0
        return taken
