"""What is true of every store."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.stores import Key, Mismatch, Missing, Store, StoreSettings, copy, open_store, verify
from tests.stores.content import MIB, chunks, key_of, paths, put, read, some_content

PARTS = 20 * MIB + 7
SIZES = [0, 1, 65_536, MIB, MIB + 1, 8 * MIB, 8 * MIB + 1, PARTS]


@pytest.mark.parametrize("size", SIZES)
async def test_what_was_put_is_what_comes_back(store: Store, size: int) -> None:
    content = some_content(size)
    key = key_of(content)

    assert await store.put(key, chunks(content)) is True

    assert await read(store, key) == content
    assert await store.exists(key)
    listed = await store.stat(key)
    assert (listed.key, listed.path, listed.size) == (key, key.path, size)
    assert abs(listed.modified_at - datetime.now(UTC)) < timedelta(minutes=2)


@pytest.mark.parametrize("size", [0, 100, PARTS])
async def test_a_file_is_put_and_stays_where_it_was(store: Store, tmp_path: Path, size: int) -> None:
    content = some_content(size)
    (tmp_path / "file").write_bytes(content)

    assert await store.put(key_of(content), tmp_path / "file") is True

    assert await read(store, key_of(content)) == content
    assert (tmp_path / "file").read_bytes() == content


@pytest.mark.parametrize("size", [0, 100, PARTS])
async def test_a_file_that_is_moved_is_gone_afterwards_also_when_it_was_there(
    store: Store, tmp_path: Path, size: int
) -> None:
    content = some_content(size)
    for new in (True, False):
        (tmp_path / "file").write_bytes(content)

        assert await store.put(key_of(content), tmp_path / "file", move=True) is new

        assert not (tmp_path / "file").exists()
        assert await read(store, key_of(content)) == content


async def test_a_file_that_is_not_what_it_should_be_is_not_moved(store: Store, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"other")

    with pytest.raises(Mismatch):
        await store.put(key_of(b"right"), tmp_path / "file", move=True)

    assert (tmp_path / "file").read_bytes() == b"other"
    assert await paths(store) == set()


@pytest.mark.parametrize("size", [100, PARTS])
async def test_what_is_there_already_is_kept_and_said_to_be_old(store: Store, size: int) -> None:
    content = some_content(size)
    key = await put(store, content)
    before = await store.stat(key)

    assert await store.put(key, chunks(content)) is False

    assert await store.stat(key) == before
    assert await read(store, key) == content


@pytest.mark.parametrize("size", [100, PARTS])
async def test_whoever_only_knows_a_hash_puts_nothing_even_when_the_content_is_there(
    store: Store, size: int
) -> None:
    content = some_content(size)
    key = await put(store, content)

    with pytest.raises(Mismatch):
        await store.put(key, chunks(some_content(size, seed=1)))

    assert await read(store, key) == content


@pytest.mark.parametrize("size", [1, 100, PARTS])
@pytest.mark.parametrize("fault", ["hash", "short", "long"])
async def test_bytes_that_are_not_those_announced_are_refused_and_leave_nothing(
    store: Store, size: int, fault: str
) -> None:
    content = some_content(size)
    key = key_of(content)
    given = {
        "hash": some_content(size, seed=1),
        "short": content[:-1],
        "long": content + b"!",
    }[fault]

    with pytest.raises(Mismatch) as refused:
        await store.put(key, chunks(given))

    assert refused.value.received == (None if fault == "long" else key_of(given))
    assert not await store.exists(key)
    assert await paths(store) == set()


@pytest.mark.parametrize("size", [100, PARTS])
async def test_a_source_that_fails_is_heard_and_leaves_nothing(store: Store, size: int) -> None:
    content = some_content(size)

    async def failing() -> AsyncIterator[bytes]:
        async for chunk in chunks(content[: size // 2]):
            yield chunk
        raise OSError("the client went away")

    with pytest.raises(OSError, match=r"^the client went away$"):
        await store.put(key_of(content), failing())

    assert await paths(store) == set()


@pytest.mark.parametrize("size", [100, PARTS])
async def test_a_put_that_is_cancelled_leaves_nothing(store: Store, size: int) -> None:
    content = some_content(size)
    waiting = asyncio.Event()

    async def stuck() -> AsyncIterator[bytes]:
        async for chunk in chunks(content[:-1]):
            yield chunk
        waiting.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(store.put(key_of(content), stuck()))
    await asyncio.wait_for(waiting.wait(), 30)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert await paths(store) == set()


async def test_what_is_not_there_is_missing(store: Store) -> None:
    key = key_of(b"nowhere")

    assert not await store.exists(key)
    with pytest.raises(Missing):
        await store.stat(key)
    with pytest.raises(Missing):
        await read(store, key)
    with pytest.raises(Missing):
        await read(store, key, 2, 2)
    with pytest.raises(Missing):
        await read(store, key, 2, 4)
    with pytest.raises(Missing):
        await verify(store, key)


async def test_what_was_deleted_is_gone_and_may_be_deleted_again_and_put_again(store: Store) -> None:
    key, other = await put(store, b"one"), await put(store, b"two")

    await store.delete(key)
    await store.delete(key)

    assert await paths(store) == {other.path}
    with pytest.raises(Missing):
        await read(store, key)
    assert await put(store, b"one") == key
    assert await read(store, key) == b"one"


async def test_the_same_hash_with_another_size_is_other_content(store: Store) -> None:
    key = await put(store, b"content")

    assert not await store.exists(Key(key.sha256, key.size + 1))


async def test_all_that_is_there_is_listed(store: Store) -> None:
    keys = {await put(store, some_content(10, seed)) for seed in range(20)}

    listed = [one async for one in store.list()]

    assert {one.key for one in listed} == keys
    assert len(listed) == len(keys)
    assert all(one.size == 10 and one.key and one.path == one.key.path for one in listed)


async def test_an_empty_store_lists_nothing(store: Store) -> None:
    assert await paths(store) == set()


async def test_two_who_put_the_same_at_once_both_succeed(store: Store) -> None:
    content = some_content(PARTS)
    key = key_of(content)

    await asyncio.gather(*(store.put(key, chunks(content)) for _ in range(2)))

    assert await paths(store) == {key.path}
    assert await read(store, key) == content


async def test_verify_passes_what_is_right(store: Store) -> None:
    await verify(store, await put(store, some_content(3 * MIB)))


async def test_content_is_copied_to_another_store_once(store: Store, tmp_path: Path) -> None:
    other = open_store("local", "Default", {}, StoreSettings(tmp_path / "other"))
    key = await put(store, some_content(3 * MIB))

    assert await copy(store, other, key) is True
    assert await copy(store, other, key) is False
    assert await copy(other, store, key) is False

    assert await read(other, key) == some_content(3 * MIB)
    await other.close()


async def test_a_range_that_is_not_within_the_content_is_refused(store: Store) -> None:
    key = await put(store, b"0123456789")

    for start, stop in [(-1, 5), (0, 11), (6, 5), (11, 11), (11, None)]:
        with pytest.raises(ValueError, match="expected a range within 0 to 10"):
            store.get(key, start=start, stop=stop)


async def test_whoever_stops_reading_early_leaves_the_store_usable(store: Store) -> None:
    key = await put(store, some_content(PARTS))

    for _ in range(3):
        async with store.get(key) as blocks:
            async for block in blocks:
                assert block
                break

    assert await read(store, key, PARTS - 5) == some_content(PARTS)[-5:]


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], database=None
)
@given(data=st.data())
async def test_every_range_is_that_slice_of_the_content(store: Store, data: st.DataObject) -> None:
    size = data.draw(st.sampled_from([0, 1, 1000, MIB + 3, 2 * MIB]))
    content = some_content(size)
    key = await put(store, content)
    edges = st.one_of(st.integers(0, size), st.sampled_from(sorted({0, size, min(size, MIB)})))
    start, stop = sorted([data.draw(edges), data.draw(edges)])

    assert await read(store, key, start, stop) == content[start:stop]
    assert await read(store, key, start) == content[start:]


async def test_sweeping_leaves_content_alone(store: Store) -> None:
    key = await put(store, b"content")

    assert await store.sweep(timedelta(0)) == 0

    assert await read(store, key) == b"content"
