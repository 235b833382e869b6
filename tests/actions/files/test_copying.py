"""Files are copied and moved between stores, and nobody loses one, whoever is killed and whatever happens meanwhile."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from app.actions.files import copying
from app.actions.files.copying import copy_files
from app.actions.files.expiry import expire
from app.actions.files.removal import remove_bytes
from app.clock import now
from app.errors import InvalidState
from app.models import Artifact, FileInStore, FileStore, FileToRemove
from app.stores import StoreFull, StoreUnavailable
from app.stores.opening import credential_variable
from tests.actions.files.rows import NEVER, PAST, Yard, key_of, long_ago, yard
from tests.stores.conftest import rclone_server
from tests.stores.content import read
from tests.stores.servers import ACCESS_KEY, BUCKET, SECRET, S3Server

__all__ = ["rclone_server", "yard"]

AT_ONCE = timedelta()
CONTENTS = [b"one", b"two", b"three"]


@pytest.fixture
async def archive(yard: Yard, tmp_path: Path) -> FileStore:
    return await yard.store("archive", tmp_path / "archive")


async def _in(store: FileStore) -> int:
    return await FileInStore.filter(store_id=store.id).count()


async def test_all_files_of_a_store_are_copied(yard: Yard, archive: FileStore) -> None:
    await yard.artifact(files=CONTENTS)

    copied = await copy_files(yard.stores, yard.default, archive)
    again = await copy_files(yard.stores, yard.default, archive)

    assert (copied.files, copied.bytes, copied.there) == (3, 11, 0)
    assert (again.files, again.there) == (0, 3)
    assert all([await yard.has(each, store) for each in CONTENTS for store in (yard.default, archive)])
    assert (await _in(yard.default), await _in(archive)) == (3, 3)
    assert (await FileStore.get(id=archive.id)).total_size == 11
    assert not await FileToRemove.exists()


async def test_only_the_files_of_a_workspace_are_copied_when_one_is_named(
    yard: Yard, archive: FileStore
) -> None:
    await yard.artifact(files=[b"one"])
    await yard.artifact(files=[b"two"], workspace=yard.cast.theirs)

    copied = await copy_files(yard.stores, yard.default, archive, workspace=yard.cast.lab)

    assert copied.files == 1
    assert (await yard.has(b"one", archive), await yard.has(b"two", archive)) == (True, False)


async def test_a_store_is_drained(yard: Yard, archive: FileStore) -> None:
    await yard.artifact(files=CONTENTS)

    moved = await copy_files(yard.stores, yard.default, archive, move=True)
    noted = await FileToRemove.all().count()
    await remove_bytes(yard.stores, grace=AT_ONCE)

    assert (moved.files, moved.removed, moved.needed, noted) == (3, 3, 0, 3)
    assert all([await yard.has(each, archive) for each in CONTENTS])
    assert not any([await yard.has(each) for each in CONTENTS])
    assert (await FileStore.get(id=yard.default.id)).total_size == 0


async def test_a_file_stays_where_a_workspace_needs_it_that_does_not_use_the_target(
    yard: Yard, archive: FileStore
) -> None:
    await yard.artifact(files=[b"one", b"two"])
    await yard.artifact(files=[b"two"], workspace=yard.cast.theirs)

    moved = await copy_files(yard.stores, yard.default, archive, move=True)

    assert (moved.files, moved.removed, moved.needed, moved.needed_by) == (2, 1, 1, {"theirs"})
    assert await _in(yard.default) == 1


async def test_what_is_lost_or_wrong_is_named_and_the_rest_copied(yard: Yard, archive: FileStore) -> None:
    await yard.artifact(files=CONTENTS)
    await (await yard.stores.of(yard.default)).delete(key_of(b"one"))
    (yard.settings.files_directory / "store" / key_of(b"two").path).write_bytes(b"TWO")

    moved = await copy_files(yard.stores, yard.default, archive, move=True)

    assert (moved.files, moved.failed, moved.removed) == (1, 2, 1)
    assert sorted(str(key_of(each)) in "".join(moved.lost) for each in CONTENTS) == [False, True, True]
    assert (await _in(yard.default), await _in(archive)) == (2, 1)


async def test_a_copy_that_was_killed_is_gone_on_with_and_leaves_nothing_that_is_not_named(
    yard: Yard, archive: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between the bytes and the row: they are noted for removal, and the next run names them all the same."""
    await yard.artifact(files=[b"one"])
    name = copying._name

    async def killed(*_: object) -> bool:
        raise asyncio.CancelledError

    monkeypatch.setattr(copying, "_name", killed)
    with pytest.raises(asyncio.CancelledError):
        await copy_files(yard.stores, yard.default, archive)
    left = await FileToRemove.filter(store_id=archive.id).count()
    lies_there = await yard.has(b"one", archive)
    monkeypatch.setattr(copying, "_name", name)
    again = await copy_files(yard.stores, yard.default, archive)

    assert (left, lies_there) == (1, True)
    assert again.files == 1
    assert await _in(archive) == 1
    assert not await FileToRemove.exists()


async def test_while_older_bytes_of_the_same_are_being_removed_it_waits(
    yard: Yard, archive: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await yard.artifact(files=[b"one"])
    digest = bytes.fromhex(key_of(b"one").sha256)
    row = await FileToRemove.create(store_id=archive.id, sha256=digest, size=3, removing_at=now())
    announce, answers = copying._announce, []

    async def noted(*arguments: Any) -> bool | None:
        answers.append(await announce(*arguments))
        if answers[-1] is False:
            answers.append(await yard.has(b"one", archive))
            await row.delete()
        return answers[0] if len(answers) == 2 else answers[-1]

    monkeypatch.setattr(copying, "_announce", noted)
    copied = await copy_files(yard.stores, yard.default, archive)

    assert answers == [False, False, True]  # not yet; nothing was put; now
    assert copied.files == 1
    assert await yard.has(b"one", archive)


async def test_what_expires_while_it_is_copied_is_in_no_store_afterwards(
    yard: Yard, archive: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    artifact = await yard.artifact(files=[b"one"])
    name = copying._name

    async def expired(store_id: int, file_id: int, key: object) -> bool:
        await Artifact.filter(id=artifact.id).update(expire_at=long_ago(1))
        await expire()
        return await name(store_id, file_id, key)  # type: ignore[arg-type]

    monkeypatch.setattr(copying, "_name", expired)
    await copy_files(yard.stores, yard.default, archive)
    await remove_bytes(yard.stores, grace=AT_ONCE)

    assert await _in(archive) == 0
    assert not await yard.has(b"one", archive)
    assert not await yard.has(b"one")


async def test_a_full_target_ends_it_and_nothing_is_lost(yard: Yard, archive: FileStore) -> None:
    await FileStore.filter(id=archive.id).update(max_size=4)
    await yard.artifact(files=CONTENTS)

    with pytest.raises(StoreFull, match="archive"):
        await copy_files(yard.stores, yard.default, archive, move=True)

    assert await _in(yard.default) + await _in(archive) == 3
    for each in CONTENTS:
        assert await yard.has(each) or await yard.has(each, archive)


async def test_a_store_that_is_away_ends_it_and_the_next_run_goes_on(
    yard: Yard, archive: FileStore, tmp_path: Path
) -> None:
    await yard.artifact(files=CONTENTS)
    (tmp_path / "archive").rename(tmp_path / "away")

    with pytest.raises(StoreUnavailable):
        await copy_files(yard.stores, yard.default, archive)
    (tmp_path / "away").rename(tmp_path / "archive")
    copied = await copy_files(yard.stores, yard.default, archive)

    assert copied.files + copied.there == 3
    assert await _in(archive) == 3


async def test_what_cannot_be_copied_is_refused(yard: Yard, archive: FileStore) -> None:
    await FileStore.filter(id=archive.id).update(read_only=True)
    read_only = await FileStore.get(id=archive.id)

    for source, target, move in (
        (yard.default, yard.default, False),
        (yard.default, read_only, False),
        (read_only, yard.default, True),
    ):
        with pytest.raises(InvalidState):
            await copy_files(yard.stores, source, target, move=move)


async def test_files_go_to_an_s3_server_and_back(
    yard: Yard, rclone_server: S3Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for credential, value in (("access_key_id", ACCESS_KEY), ("secret_access_key", SECRET)):
        monkeypatch.setenv(credential_variable("bucket", credential), value)
    configuration = {"bucket": BUCKET, "endpoint": rclone_server.endpoint, "prefix": "copying"}
    bucket = await FileStore.create(name="bucket", backend="s3", configuration=configuration)
    await yard.cast.lab.other_file_stores.add(bucket)
    contents = [*CONTENTS, b"x" * 3_000_000]
    await yard.artifact(NEVER, files=contents)
    await yard.artifact(PAST, files=[b"one"])

    out = await copy_files(yard.stores, yard.default, bucket, move=True)
    await remove_bytes(yard.stores, grace=AT_ONCE)
    gone = [await yard.has(each) for each in contents]
    back = await copy_files(yard.stores, bucket, yard.default, move=True)
    await remove_bytes(yard.stores, grace=AT_ONCE)

    assert (out.removed, back.removed) == (4, 4)
    assert not any(gone)
    for each in contents:
        assert await read(await yard.stores.of(yard.default), key_of(each)) == each
        assert not await yard.has(each, bucket)
