"""Bytes go once nobody needs them, not before, and again and again until the store has done it."""

import asyncio
from datetime import timedelta
from pathlib import Path

from app.actions.files.expiry import expire
from app.actions.files.removal import LEASE, remove_bytes
from app.clock import now
from app.database import fetch
from app.models import FileInStore, FileStore, FileToRemove, FileUpload
from tests.actions.files.rows import NEVER, PAST, Yard, long_ago, yard

__all__ = ["yard"]

AT_ONCE = timedelta()


async def test_bytes_stay_for_an_hour_and_go_then(yard: Yard) -> None:
    await yard.artifact(PAST, files=[b"content"])
    await expire()

    early = await remove_bytes(yard.stores)
    there = await yard.has(b"content")
    await FileToRemove.all().update(created_at=long_ago(1.01))
    late = await remove_bytes(yard.stores)

    assert (early.files, there) == (0, True)
    assert (late.files, late.bytes, late.failed, late.troubles) == (1, 7, 0, {})
    assert not await yard.has(b"content")
    assert not await FileToRemove.exists()


async def test_more_than_one_batch_goes(yard: Yard) -> None:
    contents = [f"content {number}".encode() for number in range(7)]
    await yard.artifact(PAST, files=contents)
    await expire()

    removal = await remove_bytes(yard.stores, grace=AT_ONCE, batch=3)

    assert removal.files == 7
    assert not any([await yard.has(each) for each in contents])


async def test_what_was_stored_again_meanwhile_stays(yard: Yard) -> None:
    await yard.artifact(PAST, files=[b"content"])
    await expire()
    await yard.artifact(NEVER, files=[b"content"])

    removal = await remove_bytes(yard.stores, grace=AT_ONCE)

    assert removal.files == 0
    assert await yard.has(b"content")
    assert not await FileToRemove.exists()


async def test_what_an_upload_is_about_to_store_stays(yard: Yard) -> None:
    await yard.artifact(PAST, files=[b"content"])
    await expire()
    artifact = await yard.artifact(NEVER, complete=False, completed_at=None)
    upload = await yard.uploading(artifact, b"content", 7, "00000000-0000-4000-8000-000000000005")
    await FileUpload.filter(id=upload.id).update(verified=True)

    removal = await remove_bytes(yard.stores, grace=AT_ONCE)

    assert removal.files == 0
    assert await yard.has(b"content")
    assert (await FileToRemove.get()).removing_at is None


async def test_a_store_that_is_away_is_asked_again_later_and_others_are_not_kept_waiting(
    yard: Yard, tmp_path: Path
) -> None:
    other = await yard.store("other", tmp_path / "other")
    await yard.artifact(PAST, files=[b"first", b"second"], store=other)
    await yard.artifact(PAST, files=[b"third"])
    await expire()
    (tmp_path / "other").rename(tmp_path / "away")

    during = await remove_bytes(yard.stores, grace=AT_ONCE)
    left = [row.store_id async for row in FileToRemove.all()]
    (tmp_path / "away").rename(tmp_path / "other")
    after = await remove_bytes(yard.stores, grace=AT_ONCE)

    assert (during.files, during.failed, set(during.troubles)) == (1, 2, {"other"})
    assert left == [other.id, other.id]
    assert (after.files, after.failed) == (2, 0)
    assert not await yard.has(b"first", other)
    assert not await FileToRemove.exists()


async def test_what_a_killed_process_had_begun_is_taken_over_when_its_time_is_up(yard: Yard) -> None:
    await yard.artifact(PAST, files=[b"content"])
    await expire()
    await FileToRemove.all().update(removing_at=now())

    early = await remove_bytes(yard.stores, grace=AT_ONCE)
    await FileToRemove.all().update(removing_at=now() - LEASE)
    late = await remove_bytes(yard.stores, grace=AT_ONCE)

    assert (early.files, late.files) == (0, 1)


async def test_nothing_is_removed_from_a_store_that_is_read_only(yard: Yard) -> None:
    await yard.artifact(PAST, files=[b"content"])
    await expire()
    await FileStore.filter(id=yard.default.id).update(read_only=True)

    removal = await remove_bytes(yard.stores, grace=AT_ONCE)

    assert removal.files == 0
    assert await yard.has(b"content")
    assert await FileToRemove.all().count() == 1


async def test_several_at_once_remove_each_file_once(yard: Yard) -> None:
    await yard.artifact(PAST, files=[f"content {number}".encode() for number in range(20)])
    await expire()

    removals = await asyncio.gather(*[remove_bytes(yard.stores, grace=AT_ONCE, batch=3) for _ in range(4)])

    assert sum(each.files for each in removals) == 20
    assert not await FileToRemove.exists()


async def test_the_size_of_a_store_is_that_of_what_it_has(yard: Yard) -> None:
    for number in range(5):
        await yard.artifact(PAST if number % 2 else NEVER, files=[b"x" * number, b"shared"])
    await expire()

    await remove_bytes(yard.stores, grace=AT_ONCE)

    [found] = await fetch(
        "SELECT sum(size)::bigint AS size FROM file JOIN file_in_store ON file_in_store.file_id = file.id"
    )
    assert (await FileStore.get(id=yard.default.id)).total_size == found["size"] == 6 + 0 + 2 + 4
    assert await FileInStore.all().count() == 4
