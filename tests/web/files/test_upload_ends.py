"""The end of an upload: stores and disks that refuse, processes that ended half-way, and what others did meanwhile."""

import asyncio
import shutil
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from app.actions.files.finishing import finish, finish_upload
from app.actions.files.places import open_stores
from app.actions.files.uploads import (
    discard_stale_upload,
    hold_upload,
    received_bytes,
)
from app.clock import now
from app.errors import InvalidState, NotFound, UploadDiscarded
from app.models import (
    Artifact,
    FileInArtifact,
    FileInStore,
    FileStore,
    FileStoreBackend,
    FileToRemove,
    FileUpload,
    Workspace,
)
from app.settings import Settings
from app.stores import StoreUnavailable
from tests.stores.test_objects import server_that
from tests.web.files.sending import CONTENT, DONE, LIMIT, NOTHING, OTHER, PATH, Sender, part_of
from tests.web.files.shelf import Shelf, serve


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the buckets of these tests, where nobody checks them."""
    for store in ("AWAY", "SILENT"):
        monkeypatch.setenv(f"WORKYARD_STORE_{store}_ACCESS_KEY_ID", "tests")
        monkeypatch.setenv(f"WORKYARD_STORE_{store}_SECRET_ACCESS_KEY", "not-a-secret")


@pytest.fixture
async def sender(shelf: Shelf) -> Sender:
    """Of a file of 100 bytes, the only one of its artifact."""
    return Sender(shelf, await shelf.artifact({}, missing={PATH: CONTENT}))


async def use(sender: Sender, name: str, **columns: Any) -> FileStore:
    """Have the lab keep its files in another store."""
    store = await FileStore.create(name=name, **columns)
    await Workspace.filter(id=sender.artifact.workspace_id).update(default_file_store_id=store.id)
    return store


async def use_default(sender: Sender) -> FileStore:
    store = await FileStore.get(name=FileStore.DEFAULT)
    await Workspace.filter(id=sender.artifact.workspace_id).update(default_file_store_id=store.id)
    return store


# Stores and disks ----------------------------------------------------------------------------------------------------


async def test_what_no_store_takes_is_refused_before_it_is_sent(sender: Sender) -> None:
    await use(sender, "small", backend=FileStoreBackend.MEMORY, max_size=99)

    response = await sender.put(CONTENT)

    assert (response.status_code, response.json()["code"]) == (507, "LIMIT_EXCEEDED")
    assert await sender.offset() == 0


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_bytes_wait_for_a_store_that_is_away(sender: Sender, method: str) -> None:
    configuration = {"bucket": "bucket", "endpoint": "http://127.0.0.1:1", "region": "us-east-1"}
    await use(sender, "away", backend=FileStoreBackend.S3, configuration=configuration)

    response = await (sender.put(CONTENT) if method == "PUT" else sender.patch(CONTENT, 0))
    probe = await sender.put(range="bytes */100")
    asked = await sender.head()

    assert (response.status_code, response.json()["code"]) == (503, "UNAVAILABLE")
    assert response.headers["retry-after"] == "2"
    assert "127.0.0.1:1" not in response.text
    assert (probe.status_code, probe.headers["upload-offset"]) == (200, "100")
    assert asked.status_code == 503
    assert await sender.state() == part_of(CONTENT)
    await use_default(sender)
    assert (await sender.head()).status_code == 200
    assert await sender.state() == DONE


async def test_a_store_that_refuses_leaves_what_came(sender: Sender, tmp_path: Path) -> None:
    (tmp_path / "no directory").write_text("a file")
    where = {"base_directory": str(tmp_path / "no directory")}
    store = await use(sender, "refuses", backend=FileStoreBackend.LOCAL, configuration=where)

    response = await sender.put(CONTENT)

    assert response.status_code == 503
    assert await sender.state() == part_of(CONTENT)
    (tmp_path / "no directory").unlink()
    (tmp_path / "no directory").mkdir()
    assert (await sender.put(CONTENT)).status_code == 201
    assert await FileInStore.filter(store_id=store.id).count() == 1


async def test_a_store_that_says_nothing_is_given_up_in_time(sender: Sender, tmp_path: Path) -> None:
    async with server_that(b"", closes=False) as (url, _):
        configuration = {"bucket": "bucket", "endpoint": url, "region": "us-east-1"}
        await use(sender, "silent", backend=FileStoreBackend.S3, configuration=configuration)
        upload = await all_came(sender)
        settings = Settings(data_dir=tmp_path, store_timeout_seconds=1)
        async with open_stores(settings) as stores:
            with pytest.raises(StoreUnavailable):
                await finish_upload(stores, sender.shelf.settings, upload.id)

    assert await sender.state() == part_of(CONTENT)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1 MiB."""
    path = tmp_path / "small"
    path.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(path)], check=False)
    if done.returncode != 0:
        pytest.skip("this user may not mount a disk")
    yield path
    subprocess.run(["umount", "-l", str(path)], check=True)


async def test_a_disk_that_is_full_keeps_what_found_room(
    shelf: Shelf, small_disk: Path, tmp_path: Path
) -> None:
    content = bytes(range(256)) * 8192  # 2 MiB
    async with serve(shelf.cast, small_disk) as full:
        sender = Sender(full, await full.artifact({}, missing={PATH: content}))
        response = await sender.put(content)
        offset = await sender.offset()
        again = await sender.put(content[offset:], f"bytes {offset}-{len(content) - 1}/{len(content)}")
        same = await sender.offset()

    assert (response.status_code, response.json()["code"]) == (507, "LIMIT_EXCEEDED")
    assert 0 < offset <= 1 << 20
    assert (again.status_code, same) == (507, offset)
    (kept,) = full.settings.uploads_directory.iterdir()
    assert kept.read_bytes() == content[:offset]


async def test_a_disk_that_is_full_at_the_end_keeps_all_bytes(sender: Sender, small_disk: Path) -> None:
    where = {"base_directory": str(small_disk)}
    await use(sender, "full", backend=FileStoreBackend.LOCAL, configuration=where)
    (small_disk / "rest").write_bytes(bytes(1 << 20)[: shutil.disk_usage(small_disk).free])

    response = await sender.put(CONTENT)

    assert response.status_code == 507
    assert await sender.state() == part_of(CONTENT)
    (small_disk / "rest").unlink()
    assert (await sender.head()).status_code == 200
    assert await sender.state() == DONE


# Processes that ended half-way -------------------------------------------------------------------------------------


async def all_came(sender: Sender, content: bytes = CONTENT, **columns: Any) -> FileUpload:
    """Leave an upload as a process does that is killed when all bytes have come."""
    file = await sender.file()
    upload = await FileUpload.create(file_in_artifact_id=file.id, path=f"{file.id:032x}", **columns)
    directory = sender.shelf.settings.uploads_directory
    directory.mkdir(parents=True, exist_ok=True)
    (directory / upload.path).write_bytes(content)
    return upload


async def ask_head(sender: Sender) -> None:
    assert (await sender.head()).headers["upload-offset"] == "100"


async def ask_by_put(sender: Sender) -> None:
    assert (await sender.put(range="bytes */100")).status_code == 201


async def send_the_last_part(sender: Sender) -> None:
    assert (await sender.put(CONTENT[90:], "bytes 90-99/100")).status_code == 201


async def send_an_empty_part(sender: Sender) -> None:
    assert (await sender.patch(b"", 100)).status_code == 204


async def finish_it(sender: Sender) -> None:
    upload = await FileUpload.get()
    assert (await finish_upload(sender.shelf.stores, sender.shelf.settings, upload.id)).complete


Next = Callable[[Sender], Awaitable[None]]
WAYS_ON = [ask_head, ask_by_put, send_the_last_part, send_an_empty_part, finish_it]


@pytest.mark.parametrize("verified", [False, True])
@pytest.mark.parametrize("go_on", WAYS_ON)
async def test_the_next_request_finishes_what_has_all_come(
    sender: Sender, go_on: Next, verified: bool
) -> None:
    await all_came(sender, verified=verified)

    await go_on(sender)

    assert await sender.state() == DONE


@pytest.mark.parametrize("go_on", WAYS_ON)
async def test_the_next_request_finishes_what_is_in_the_store(sender: Sender, go_on: Next) -> None:
    upload = await all_came(sender, verified=True)
    place = sender.shelf.place(CONTENT)
    place.parent.mkdir(parents=True)
    upload.absolute_file_path(sender.shelf.settings.uploads_directory).rename(place)

    assert await received_bytes(sender.shelf.settings, await with_artifact(sender)) == 100
    await go_on(sender)

    assert await sender.state() == DONE


async def test_wrong_bytes_are_found_by_the_next_request(sender: Sender) -> None:
    await all_came(sender, OTHER)

    assert await sender.offset() == 0
    assert await sender.state() == NOTHING


async def test_verified_bytes_that_changed_on_the_disk_are_discarded(sender: Sender) -> None:
    await all_came(sender, OTHER, verified=True)

    response = await sender.patch(b"", 100)

    assert (response.status_code, response.headers["upload-offset"]) == (409, "0")
    assert await sender.state() == NOTHING
    assert (await sender.put(CONTENT)).status_code == 201


async def test_bytes_that_are_gone_are_sent_anew(sender: Sender) -> None:
    upload = await all_came(sender, verified=True)
    upload.absolute_file_path(sender.shelf.settings.uploads_directory).unlink()

    assert await sender.offset() == 0
    assert await sender.state() == NOTHING
    assert (await sender.put(CONTENT)).status_code == 201


async def test_a_temporary_file_that_is_gone_begins_anew(sender: Sender) -> None:
    await sender.put(CONTENT[:30], "bytes 0-29/100")
    (file,) = sender.temporary_files()
    file.unlink()

    assert await sender.offset() == 0
    assert (await sender.put(CONTENT)).status_code == 201
    assert await sender.state() == DONE


async def test_an_upload_that_is_not_over_is_not_finished(sender: Sender) -> None:
    await sender.put(CONTENT[:30], "bytes 0-29/100")
    upload = await FileUpload.get()

    with pytest.raises(InvalidState):
        await finish_upload(sender.shelf.stores, sender.shelf.settings, upload.id)
    with pytest.raises(NotFound):
        await finish_upload(sender.shelf.stores, sender.shelf.settings, upload.id + 1)

    assert await sender.state() == part_of(CONTENT[:30])


# What others do meanwhile --------------------------------------------------------------------------------------------


async def with_artifact(sender: Sender) -> FileInArtifact:
    return await FileInArtifact.get(id=(await sender.file()).id).select_related("artifact", "file")


async def removal(sender: Sender, **columns: Any) -> FileToRemove:
    store = await use_default(sender)
    file = (await sender.file()).file
    return await FileToRemove.create(store_id=store.id, sha256=bytes(file.sha256), size=file.size, **columns)


async def test_bytes_that_were_to_be_removed_are_kept(sender: Sender) -> None:
    await removal(sender)

    assert (await sender.put(CONTENT)).status_code == 201
    assert await FileToRemove.all().count() == 0


async def test_bytes_that_are_being_removed_are_waited_for(sender: Sender) -> None:
    row = await removal(sender, removing_at=now())

    response = await sender.put(CONTENT)

    assert (response.status_code, response.headers["retry-after"]) == (503, "2")
    assert await sender.state() == part_of(CONTENT)
    await row.delete()
    assert (await sender.put(CONTENT)).status_code == 201
    assert await sender.state() == DONE


async def test_a_removal_is_put_off_while_a_store_is_written_to(sender: Sender, tmp_path: Path) -> None:
    (tmp_path / "no directory").write_text("a file")
    where = {"base_directory": str(tmp_path / "no directory")}
    store = await use(sender, "refuses", backend=FileStoreBackend.LOCAL, configuration=where)
    file = (await sender.file()).file
    long_ago = now() - timedelta(hours=5)
    row = await FileToRemove.create(
        store_id=store.id, sha256=bytes(file.sha256), size=file.size, created_at=long_ago
    )
    await FileToRemove.filter(id=row.id).update(created_at=long_ago)

    await sender.put(CONTENT)

    assert (await FileToRemove.get(id=row.id)).created_at > now() - timedelta(minutes=5)


async def test_what_was_stored_for_a_file_that_is_no_more_is_removed(sender: Sender) -> None:
    await all_came(sender)
    async with hold_upload(sender.shelf.settings, await with_artifact(sender)) as held:
        assert held is not None
        held.row.verified = True
        await Artifact.filter(id=sender.artifact.id).delete()
        with pytest.raises(NotFound):
            await finish(sender.shelf.stores, held)

    row = await FileToRemove.get()
    assert (bytes(row.sha256).hex(), row.size) == (held.key.sha256, 100)
    assert sender.temporary_files() == []


async def test_what_came_may_be_removed_with_the_artifact_before_it_is_stored(sender: Sender) -> None:
    await all_came(sender, verified=True)
    async with hold_upload(sender.shelf.settings, await with_artifact(sender)) as held:
        assert held is not None
        await Artifact.filter(id=sender.artifact.id).delete()
        for path in sender.temporary_files():
            path.unlink()
        with pytest.raises(NotFound):
            await finish(sender.shelf.stores, held)

    assert await FileInStore.all().count() == 0


async def test_two_may_finish_at_once(sender: Sender) -> None:
    upload = await all_came(sender, verified=True)
    place = sender.shelf.place(CONTENT)
    place.parent.mkdir(parents=True)
    upload.absolute_file_path(sender.shelf.settings.uploads_directory).rename(place)

    async with asyncio.timeout(LIMIT):
        found = await asyncio.gather(
            *[finish_upload(sender.shelf.stores, sender.shelf.settings, upload.id) for _ in range(4)],
            return_exceptions=True,
        )

    assert all(isinstance(each, FileInArtifact | NotFound) for each in found), found
    assert await sender.state() == DONE
    assert [name for name, _ in await sender.events()].count("file_completed") == 1


async def test_only_a_stale_upload_that_nobody_goes_on_with_is_discarded(sender: Sender) -> None:
    await sender.put(CONTENT[:30], "bytes 0-29/100")
    file, settings = await with_artifact(sender), sender.shelf.settings
    later = now() + timedelta(seconds=1)

    early = await discard_stale_upload(settings, file, now() - timedelta(hours=1))
    async with hold_upload(settings, file):
        busy = await discard_stale_upload(settings, file, later)
    kept = await sender.state()
    gone = await discard_stale_upload(settings, file, later)
    again = await discard_stale_upload(settings, file, later)

    assert (early, busy, gone, again) == (False, False, True, False)
    assert kept == part_of(CONTENT[:30])
    assert await sender.state() == NOTHING


async def test_wrong_bytes_are_told_to_who_finishes(sender: Sender) -> None:
    upload = await all_came(sender, OTHER)

    with pytest.raises(UploadDiscarded):
        await finish_upload(sender.shelf.stores, sender.shelf.settings, upload.id)

    assert await sender.state() == NOTHING
