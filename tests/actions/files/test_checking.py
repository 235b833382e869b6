"""A check of a store finds what is missing, wrong and unknown, and changes nothing unless it is told to."""

import os
from datetime import timedelta
from pathlib import Path

from app.actions.files.checking import check_store
from app.actions.files.removal import remove_bytes
from app.models import FileStore, FileToRemove
from tests.actions.files.rows import Yard, everything, key_of, long_ago, yard
from tests.stores.content import put

__all__ = ["yard"]


def path_of(yard: Yard, content: bytes) -> Path:
    return yard.settings.files_directory / "store" / key_of(content).path


def make_old(*paths: Path) -> None:
    for path in paths:
        os.utime(path, (long_ago(25).timestamp(),) * 2)


async def test_a_store_as_it_should_be_is_well(yard: Yard) -> None:
    await yard.artifact(files=[b"one", b"two"])

    report = await check_store(yard.stores, yard.default, read_all=True)

    assert report.well
    assert (report.files, report.bytes, report.unknown.count, report.foreign.count) == (2, 6, 0, 0)


async def test_missing_and_shortened_files_are_found(yard: Yard) -> None:
    await yard.artifact(files=[b"missing", b"shortened", b"well"])
    path_of(yard, b"missing").unlink()
    path_of(yard, b"shortened").write_bytes(b"short")

    report = await check_store(yard.stores, yard.default)

    assert not report.well
    assert (report.missing.count, report.missing.names) == (1, [key_of(b"missing").path])
    assert report.corrupt.names == [f"{key_of(b'shortened').path}: it has 5 bytes"]


async def test_wrong_content_of_the_right_size_is_found_when_all_is_read(yard: Yard) -> None:
    await yard.artifact(files=[b"content"])
    path_of(yard, b"content").write_bytes(b"CONTENT")

    quick = await check_store(yard.stores, yard.default)
    thorough = await check_store(yard.stores, yard.default, read_all=True)

    assert quick.well
    assert thorough.corrupt.count == 1
    assert "the hash differs" in thorough.corrupt.names[0]


async def test_unknown_bytes_are_told_of_when_they_are_old_and_nothing_is_changed(yard: Yard) -> None:
    store = await yard.stores.of(yard.default)
    await put(store, b"old")
    await put(store, b"young")
    foreign = yard.settings.files_directory / "store" / "README"
    foreign.write_text("not ours")
    make_old(path_of(yard, b"old"), foreign)
    before = await everything()

    report = await check_store(yard.stores, yard.default)

    assert report.well
    assert (report.unknown.names, report.foreign.names) == ([key_of(b"old").path], ["README"])
    assert await everything() == before
    assert path_of(yard, b"old").exists()


async def test_unknown_bytes_are_removed_when_that_is_wanted_and_foreign_ones_never(yard: Yard) -> None:
    store = await yard.stores.of(yard.default)
    await put(store, b"old")
    await put(store, b"young")
    incoming = yard.settings.files_directory / "store" / ".incoming" / "interrupted"
    foreign = yard.settings.files_directory / "store" / "README"
    for path in (incoming, foreign):
        path.write_text("left")
    make_old(path_of(yard, b"old"), incoming, foreign)

    report = await check_store(yard.stores, yard.default, remove=True)
    handed_over = await FileToRemove.all().count()
    await remove_bytes(yard.stores, grace=timedelta())

    assert (report.unknown.count, report.handed_over, report.interrupted) == (1, 1, 1)
    assert handed_over == 1
    assert [
        each.exists() for each in (path_of(yard, b"old"), path_of(yard, b"young"), incoming, foreign)
    ] == [
        False,
        True,
        False,
        True,
    ]
    again = await check_store(yard.stores, yard.default, remove=True)
    assert (again.unknown.count, again.handed_over, again.foreign.count) == (0, 0, 1)


async def test_bytes_that_wait_for_their_removal_are_not_unknown(yard: Yard) -> None:
    await put(await yard.stores.of(yard.default), b"old")
    make_old(path_of(yard, b"old"))
    await FileToRemove.create(store_id=yard.default.id, sha256=bytes.fromhex(key_of(b"old").sha256), size=3)

    assert (await check_store(yard.stores, yard.default)).unknown.count == 0


async def test_nothing_is_removed_from_a_store_that_is_read_only(yard: Yard) -> None:
    await put(await yard.stores.of(yard.default), b"old")
    make_old(path_of(yard, b"old"))
    await FileStore.filter(id=yard.default.id).update(read_only=True)
    row = await FileStore.get(id=yard.default.id)

    report = await check_store(yard.stores, row, remove=True)

    assert (report.unknown.count, report.handed_over) == (1, 0)
    assert not await FileToRemove.exists()
