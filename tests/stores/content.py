"""Content to store."""

import hashlib
import random
from collections.abc import AsyncIterator

from app.stores import Key, Store

MIB = 1 << 20


def key_of(content: bytes) -> Key:
    return Key(hashlib.sha256(content).hexdigest(), len(content))


def some_content(size: int, seed: int = 0) -> bytes:
    return random.Random(f"{size} {seed}").randbytes(size)


async def chunks(content: bytes, size: int = 65_536) -> AsyncIterator[bytes]:
    for at in range(0, len(content), size):
        yield content[at : at + size]


async def put(store: Store, content: bytes) -> Key:
    key = key_of(content)
    await store.put(key, chunks(content))
    return key


async def read(store: Store, key: Key, start: int = 0, stop: int | None = None) -> bytes:
    async with store.get(key, start=start, stop=stop) as blocks:
        return b"".join([block async for block in blocks])


async def paths(store: Store) -> set[str]:
    return {listed.path async for listed in store.list()}
