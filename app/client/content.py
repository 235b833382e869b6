"""What a file holds, known by its length and its hash."""

import asyncio
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

CHUNK = 1024 * 1024

# Hashing gives the interpreter up to others; more threads than processors would only wait for each other.
HASHING_AT_ONCE = min(4, os.cpu_count() or 1)


@dataclass(frozen=True)
class Content:
    """`sha256` as 64 small hexadecimal digits, `size` in bytes."""

    sha256: str
    size: int


def content_of(file: Path) -> Content:
    """Read a file once, in constant memory."""
    with file.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256")
        return Content(digest.hexdigest(), opened.tell())


async def contents_of(files: list[Path]) -> list[Content]:
    """The same for several, in threads: nothing else has to wait."""
    free = asyncio.Semaphore(HASHING_AT_ONCE)

    async def one(file: Path) -> Content:
        async with free:
            return await asyncio.to_thread(content_of, file)

    return await asyncio.gather(*(one(file) for file in files))
