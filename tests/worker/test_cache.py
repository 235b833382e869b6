"""The cache of a worker: fetched once, verified each time, never larger than it may be."""

import asyncio
import hashlib
import os
from pathlib import Path

import pytest

from app.client.content import Content, content_of
from app.worker.cache import Cache


def content(data: bytes) -> Content:
    return Content(hashlib.sha256(data).hexdigest(), len(data))


class Source:
    """Where contents come from; it counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.may_give = asyncio.Event()
        self.may_give.set()

    async def give(self, cache: Cache, data: bytes, target: Path) -> bool:
        async def fetch(entry: Path) -> None:
            self.asked += 1
            await self.may_give.wait()
            entry.write_bytes(data)

        return await cache.give(content(data), target, fetch)


@pytest.fixture
def source() -> Source:
    return Source()


def size_of(directory: Path) -> int:
    return sum(path.stat().st_size for path in directory.glob("*/*"))


async def test_a_content_is_fetched_once_and_handed_out_read_only(tmp_path: Path, source: Source) -> None:
    cache = Cache(tmp_path / "cache", 100)

    assert not await source.give(cache, b"abc", tmp_path / "first")
    assert await source.give(cache, b"abc", tmp_path / "second")

    assert source.asked == 1
    for name in ("first", "second"):
        assert (tmp_path / name).read_bytes() == b"abc"
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o444


async def test_those_who_want_the_same_at_once_share_one_fetch(tmp_path: Path, source: Source) -> None:
    cache = Cache(tmp_path / "cache", 100)
    source.may_give.clear()

    giving = [asyncio.create_task(source.give(cache, b"abc", tmp_path / str(i))) for i in range(5)]
    await asyncio.sleep(0)
    source.may_give.set()

    assert sorted(await asyncio.gather(*giving)) == [False, True, True, True, True]
    assert source.asked == 1


async def test_a_file_in_the_cache_that_has_changed_is_fetched_anew(tmp_path: Path, source: Source) -> None:
    cache = Cache(tmp_path / "cache", 100)
    await source.give(cache, b"abc", tmp_path / "first")
    (entry,) = (tmp_path / "cache").glob("*/*")
    entry.chmod(0o644)
    entry.write_bytes(b"abd")

    assert not await source.give(cache, b"abc", tmp_path / "second")

    assert source.asked == 2
    assert content_of(tmp_path / "second") == content_of(entry) == content(b"abc")


async def test_what_a_task_writes_into_its_input_is_not_given_to_the_next(
    tmp_path: Path, source: Source
) -> None:
    cache = Cache(tmp_path / "cache", 100)
    await source.give(cache, b"abc", tmp_path / "first")
    (tmp_path / "first").chmod(0o644)
    (tmp_path / "first").write_bytes(b"harm")

    await source.give(cache, b"abc", tmp_path / "second")

    assert (tmp_path / "second").read_bytes() == b"abc"


async def test_what_was_not_used_for_longest_goes_first(tmp_path: Path, source: Source) -> None:
    cache = Cache(tmp_path / "cache", 12)
    for name in (b"aaaa", b"bbbb", b"cccc"):
        await source.give(cache, name, tmp_path / name.decode())
    os.utime(entry_of(tmp_path, b"aaaa"), ns=(0, 0))
    os.utime(entry_of(tmp_path, b"bbbb"), ns=(1, 1))
    assert await source.give(cache, b"aaaa", tmp_path / "again")

    await source.give(cache, b"dddd", tmp_path / "dddd")
    await cache.trim()

    assert not entry_of(tmp_path, b"bbbb").exists()
    assert size_of(tmp_path / "cache") == 12
    assert (tmp_path / "bbbb").read_bytes() == b"bbbb"


async def test_what_is_larger_than_the_cache_is_given_all_the_same_and_not_kept(
    tmp_path: Path, source: Source
) -> None:
    cache = Cache(tmp_path / "cache", 3)

    await source.give(cache, b"large", tmp_path / "large")
    await cache.trim()

    assert (tmp_path / "large").read_bytes() == b"large"
    assert size_of(tmp_path / "cache") == 0


async def test_a_fetch_that_fails_leaves_nothing_to_be_taken_for_the_content(
    tmp_path: Path, source: Source
) -> None:
    cache = Cache(tmp_path / "cache", 100)

    async def fail(entry: Path) -> None:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await cache.give(content(b"abc"), tmp_path / "first", fail)

    assert not (tmp_path / "first").exists()
    assert not await source.give(cache, b"abc", tmp_path / "second")


def entry_of(directory: Path, data: bytes) -> Path:
    found = content(data)
    return directory / "cache" / found.sha256[:2] / f"{found.sha256}-{found.size}"
