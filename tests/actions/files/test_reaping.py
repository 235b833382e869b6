"""Uploads that nobody goes on with are finished or forgotten; who writes is left alone."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

from app.actions.files.reaping import finish_uploads, reap_uploads
from app.actions.work import acquire_work_request
from app.database import fetch
from app.models import Artifact, FileInStore, FileUpload, OutboxEvent
from tests.actions.files.rows import Yard, long_ago, there, yard

__all__ = ["yard"]


async def _upload(
    yard: Yard, content: bytes = b"content", received: int = 3, **values: object
) -> tuple[Artifact, Path]:
    """An artifact made 25 hours ago with an upload to which nothing was added since."""
    artifact = await yard.artifact(**{"complete": False, "completed_at": None, **values})  # type: ignore[arg-type]
    await Artifact.filter(id=artifact.id).update(created_at=long_ago())
    upload = await yard.uploading(artifact, content, received, str(uuid4()))
    await FileUpload.filter(id=upload.id).update(last_activity_at=long_ago())
    return artifact, yard.settings.uploads_directory / upload.path


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Somebody sends bytes to it."""
    with path.open("r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


async def test_an_upload_without_activity_is_forgotten_and_its_artifact_with_it(yard: Yard) -> None:
    artifact, path = await _upload(yard)

    reaped = await reap_uploads(yard.settings)

    assert (reaped.uploads, reaped.artifacts) == (1, 1)
    assert await there(artifact) == [False]
    assert not path.exists()
    events = [
        row.event_type
        async for row in OutboxEvent.filter(subject=f"artifact/{artifact.id}").order_by("xid", "seq")
    ]
    assert events == ["artifact.file_discarded", "artifact.deleted"]


async def test_an_upload_that_goes_on_keeps_its_artifact_and_the_other_one_begins_anew(yard: Yard) -> None:
    artifact, stale = await _upload(yard)
    active = await yard.uploading(artifact, b"others", 3, str(uuid4()))

    reaped = await reap_uploads(yard.settings)

    assert (reaped.uploads, reaped.artifacts) == (1, 0)
    assert [row.id async for row in FileUpload.all()] == [active.id]
    assert (stale.exists(), (yard.settings.uploads_directory / active.path).exists()) == (False, True)
    assert await there(artifact) == [True]


async def test_who_is_writing_just_now_is_left_alone(yard: Yard) -> None:
    artifact, path = await _upload(yard)

    with writing(path):
        reaped = await reap_uploads(yard.settings)

    assert (reaped.uploads, reaped.artifacts) == (0, 0)
    assert path.read_bytes() == b"con"
    assert await there(artifact) == [True]


async def test_an_artifact_one_of_whose_files_came_lately_stays(yard: Yard) -> None:
    artifact, _ = await _upload(yard)
    await FileUpload.all().delete()
    await fetch(
        "INSERT INTO outbox_event (event_type, source, subject, data, tenant_id, workspace_id, audience)"
        " VALUES ('artifact.file_completed', 'urn:workyard', $1, '{}', $2, $3, 'workspace')",
        f"artifact/{artifact.id}",
        yard.cast.tenant.id,
        yard.cast.lab.id,
    )

    stayed = await reap_uploads(yard.settings)
    await fetch("UPDATE outbox_event SET created_at = $1", long_ago())
    gone = await reap_uploads(yard.settings)

    assert (stayed.artifacts, gone.artifacts) == (0, 1)


async def test_what_a_running_work_request_makes_stays(yard: Yard) -> None:
    request = await yard.cast.request()
    await acquire_work_request(await yard.cast.machine.viewer())
    artifact, _ = await _upload(yard, created_by_work_request_id=request.id)

    reaped = await reap_uploads(yard.settings)

    assert (reaped.uploads, reaped.artifacts) == (1, 0)
    assert await there(artifact) == [True]


async def test_complete_and_young_artifacts_stay(yard: Yard) -> None:
    complete = await yard.artifact(files=[b"content"])
    await Artifact.filter(id=complete.id).update(created_at=long_ago(100))
    young = await yard.artifact(complete=False, completed_at=None)

    reaped = await reap_uploads(yard.settings)

    assert reaped.artifacts == 0
    assert await there(complete, young) == [True, True]


async def test_temporary_files_of_no_upload_go_when_they_are_old(yard: Yard) -> None:
    directory = yard.settings.uploads_directory
    directory.mkdir(parents=True)
    old, young, written, foreign = (
        directory / name for name in (str(uuid4()), str(uuid4()), str(uuid4()), "README")
    )
    for path in (old, young, written, foreign):
        path.write_bytes(b"bytes")
    for path in (old, written, foreign):
        _touch(path, hours=25)

    with writing(written):
        reaped = await reap_uploads(yard.settings)

    assert reaped.temporary_files == 1
    assert [path.exists() for path in (old, young, written, foreign)] == [False, True, True, True]


async def test_without_a_directory_of_uploads_there_is_nothing_to_do(yard: Yard) -> None:
    assert (await reap_uploads(yard.settings)).temporary_files == 0


async def test_an_upload_whose_bytes_were_right_is_finished(yard: Yard) -> None:
    artifact, path = await _upload(yard, b"content", 7)
    await FileUpload.all().update(verified=True)

    reaped = await finish_uploads(yard.stores, yard.settings)

    assert (reaped.finished, reaped.troubles) == (1, [])
    assert (await Artifact.get(id=artifact.id)).complete
    assert await FileInStore.all().count() == 1
    assert await yard.has(b"content")
    assert not path.exists()


async def test_an_upload_that_was_touched_a_moment_ago_is_left_to_its_request(yard: Yard) -> None:
    await _upload(yard, b"content", 7)
    await FileUpload.all().update(verified=True, last_activity_at=long_ago(0) - timedelta(seconds=30))

    assert (await finish_uploads(yard.stores, yard.settings)).finished == 0


async def test_an_upload_into_memory_is_left_to_the_server_whose_memory_it_is(yard: Yard) -> None:
    await fetch("UPDATE file_store SET backend = 'memory', version = version + 1")
    _, path = await _upload(yard, b"content", 7)
    await FileUpload.all().update(verified=True)

    assert (await finish_uploads(yard.stores, yard.settings)).finished == 0
    assert path.exists()


async def test_while_the_store_is_away_it_says_why_and_tries_again_later(yard: Yard, tmp_path: Path) -> None:
    other = await yard.store("other", tmp_path / "other")
    await yard.cast.lab.other_file_stores.clear()
    await fetch("UPDATE workspace SET default_file_store_id = $1 WHERE id = $2", other.id, yard.cast.lab.id)
    _, path = await _upload(yard, b"content", 7)
    await FileUpload.all().update(verified=True)
    (tmp_path / "other").rename(tmp_path / "away")

    during = await finish_uploads(yard.stores, yard.settings)
    kept = path.exists()
    (tmp_path / "away").rename(tmp_path / "other")
    after = await finish_uploads(yard.stores, yard.settings)

    assert (during.finished, len(during.troubles), kept) == (0, 1, True)
    assert "other" in during.troubles[0]
    assert after.finished == 1
    assert await yard.has(b"content", other)


def _touch(path: Path, hours: float) -> None:
    then = long_ago(hours).timestamp()
    os.utime(path, (then, then))
