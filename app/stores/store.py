"""What every store promises, and what can be done with any of them."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from app.stores.checking import Verifier
from app.stores.errors import Corrupt, Mismatch
from app.stores.keys import Key

BLOCK = 1 << 20
"""Bytes that are read, hashed and written at a time."""

Source = AsyncIterable[bytes] | Path
"""Bytes to store: as they come, or a file of this machine."""


@dataclass(frozen=True, slots=True)
class Listed:
    """Something that lies in a store. `key` is None when its path is not one that we give."""

    path: str
    key: Key | None
    size: int
    modified_at: datetime


class Store(Protocol):
    """Keeps content by its key. Every method may raise `StoreUnavailable`; none holds more than a few blocks in memory."""

    name: str

    async def put(self, key: Key, source: Source, *, move: bool = False) -> bool:
        """Store content; say whether it was new. When this returns, the bytes are there to stay.

        The source is read to its end and held to the key, also when the store has the content already: to know a hash is
        not to have the bytes. Then what is there is compared, and never overwritten.

        With `move`, a file at a path belongs to the store: it is gone afterwards, and a local store takes the file itself
        when it can. Nobody may write to it meanwhile. When an error is raised, it is where it was.

        Raises `Mismatch`, `StoreFull`, `Corrupt`, and whatever the source raises; then nothing was stored.
        """
        ...

    def get(
        self, key: Key, *, start: int = 0, stop: int | None = None
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """The bytes from start up to, not including, stop: `async with store.get(key) as blocks`.

        Entering raises `Missing`, `Corrupt` when the size is wrong, ValueError when the range is not within the content.
        Content is not hashed on the way; `verify` does that.
        """
        ...

    async def stat(self, key: Key) -> Listed:
        """What lies there, of whatever size. Raises `Missing`."""
        ...

    async def exists(self, key: Key) -> bool:
        """Whether something lies there; its size and content are not looked at."""
        ...

    async def delete(self, key: Key) -> None:
        """Remove it, whatever it is; what is not there is removed already."""
        ...

    def list(self) -> AsyncIterator[Listed]:
        """All that lies in the store, in no order; what was stored or deleted meanwhile may or may not be among it."""
        ...

    async def url(self, key: Key, expires: timedelta) -> str | None:
        """An address from which anybody may GET the content until then, at most 7 days; None when the store has none.

        Whether the content is there is not asked.
        """
        ...

    async def sweep(self, older_than: timedelta) -> int:
        """Remove what interrupted puts left that long ago; how many there were."""
        ...

    async def close(self) -> None:
        """Let go of threads and connections."""
        ...


async def copy(source: Store, target: Store, key: Key) -> bool:
    """Store in one what another has; say whether it was new there. Raises `Corrupt` when the other has something else."""
    async with source.get(key) as blocks:
        try:
            return await target.put(key, blocks)
        except Mismatch as mismatch:
            raise Corrupt(source.name, key, "the hash differs") from mismatch


async def verify(store: Store, key: Key) -> None:
    """Read content to its end. Raises `Missing`, or `Corrupt` when it is not what its key says."""
    verifier = Verifier(key)
    async with store.get(key) as blocks:
        try:
            async for block in blocks:
                await asyncio.to_thread(verifier.update, block)
            verifier.finish()
        except Mismatch as mismatch:
            raise Corrupt(store.name, key, "the hash differs") from mismatch


def bounds(key: Key, start: int, stop: int | None) -> tuple[int, int]:
    """A range, checked: 0 <= start <= stop <= size."""
    end = key.size if stop is None else stop
    if not 0 <= start <= end <= key.size:
        raise ValueError(f"expected a range within 0 to {key.size}, got {start} to {end}")
    return start, end


async def blocks_of(source: Source) -> AsyncIterator[bytes]:
    """The bytes of a source, in blocks that are worth the way to a thread."""
    if isinstance(source, Path):
        file = await asyncio.to_thread(source.open, "rb", buffering=0)
        try:
            while block := await asyncio.to_thread(file.read, BLOCK):
                yield block
        finally:
            file.close()
        return
    gathered = bytearray()
    async for chunk in source:
        gathered += chunk
        if len(gathered) >= BLOCK:
            yield bytes(gathered)
            gathered.clear()
    if gathered:
        yield bytes(gathered)
