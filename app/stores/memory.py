"""Bytes in the memory of this process: for trials and tests. They end with the process, and no other process sees them."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from app.stores.checking import Verifier
from app.stores.errors import Corrupt, Missing, StoreFull
from app.stores.keys import Key
from app.stores.store import BLOCK, Listed, Source, blocks_of, bounds


@dataclass(slots=True)
class Memory:
    """What the stores of one name hold, however often they are opened."""

    content: dict[Key, tuple[bytes, datetime]] = field(default_factory=dict)

    @property
    def size(self) -> int:
        return sum(len(content) for content, _ in self.content.values())


MEMORIES: dict[str, Memory] = {}


class MemoryStore:
    """A store in memory, with a limit."""

    def __init__(self, name: str, max_bytes: int) -> None:
        self.name = name
        self._max_bytes = max_bytes
        self._memory = MEMORIES.setdefault(name, Memory())

    async def put(self, key: Key, source: Source, *, move: bool = False) -> bool:
        if key not in self._memory.content:
            self._require_room(key)
        verifier, gathered = Verifier(key), bytearray()
        async for block in blocks_of(source):
            verifier.update(block)
            gathered += block
        verifier.finish()
        new = self._keep(key, bytes(gathered))
        if move and isinstance(source, Path):
            source.unlink(missing_ok=True)
        return new

    def _keep(self, key: Key, content: bytes) -> bool:
        there = self._memory.content.get(key)
        if there is None:
            self._require_room(key)
            self._memory.content[key] = content, datetime.now(UTC)
        elif there[0] != content:
            raise Corrupt(self.name, key, "the content differs")
        return there is None

    def _require_room(self, key: Key) -> None:
        if self._memory.size + key.size > self._max_bytes:
            raise StoreFull(f"The store {self.name} takes no more than {self._max_bytes} bytes.")

    def get(
        self, key: Key, *, start: int = 0, stop: int | None = None
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        return self._get(key, *bounds(key, start, stop))

    @asynccontextmanager
    async def _get(self, key: Key, start: int, stop: int) -> AsyncIterator[AsyncIterator[bytes]]:
        content, _ = self._find(key)
        if len(content) != key.size:
            raise Corrupt(self.name, key, f"it has {len(content)} bytes")
        yield _blocks(content, start, stop)

    def _find(self, key: Key) -> tuple[bytes, datetime]:
        try:
            return self._memory.content[key]
        except KeyError:
            raise Missing(self.name, key) from None

    async def stat(self, key: Key) -> Listed:
        content, modified_at = self._find(key)
        return Listed(key.path, key, len(content), modified_at)

    async def exists(self, key: Key) -> bool:
        return key in self._memory.content

    async def delete(self, key: Key) -> None:
        self._memory.content.pop(key, None)

    async def list(self) -> AsyncIterator[Listed]:
        for key, (content, modified_at) in tuple(self._memory.content.items()):
            yield Listed(key.path, key, len(content), modified_at)

    async def url(self, key: Key, expires: timedelta) -> str | None:
        return None

    async def sweep(self, older_than: timedelta) -> int:
        return 0

    async def close(self) -> None:
        """Nothing to let go of: the content stays, for the next who opens it."""


async def _blocks(content: bytes, start: int, stop: int) -> AsyncIterator[bytes]:
    for at in range(start, stop, BLOCK):
        yield content[at : min(at + BLOCK, stop)]
