"""Uploads: the bytes of a file of an artifact, until all of them have come.

Source: FileUpload of debusine. How many have come is what the temporary file holds; the row says only that there is one.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from app import events
from app.access import Capability, Viewer
from app.actions.files.incoming import Incoming, in_thread
from app.actions.outbox import record
from app.clock import now
from app.database import atomic
from app.errors import Forbidden, NotFound, UploadBusy
from app.models import Artifact, FileInArtifact, FileUpload, WorkRequest
from app.models.work import RUNNING
from app.settings import Settings
from app.stores import Key


@dataclass
class HeldUpload:
    """An upload that only we may write to. `incoming` is None once its bytes are in a store, or lost."""

    file: FileInArtifact
    row: FileUpload
    incoming: Incoming | None

    @property
    def key(self) -> Key:
        """What is to come."""
        return Key.of_digest(bytes(self.file.file.sha256), self.file.file.size)

    @property
    def received(self) -> int:
        """How many bytes have come."""
        return self.key.size if self.row.verified or self.incoming is None else self.incoming.size


async def require_may_upload(viewer: Viewer, file: FileInArtifact) -> None:
    """Raise unless the viewer may send the bytes of a file, of an artifact that they see.

    Those who may create artifacts in its workspace may; a worker only for those that a request it runs has made.
    """
    viewer.require(Capability.CREATE_ARTIFACT, file.artifact.workspace_id)
    if viewer.worker_id is None:
        return
    made_by = WorkRequest.filter(id=file.artifact.created_by_work_request_id, status=RUNNING)
    if not await made_by.filter(worker_id=viewer.worker_id).exists():
        raise Forbidden("A worker sends files only of artifacts that a work request it runs has made.")


async def received_bytes(settings: Settings, file: FileInArtifact) -> int:
    """How many bytes of a file have come, just now."""
    row = await FileUpload.get_or_none(file_in_artifact_id=file.id)
    if file.complete or (row is not None and row.verified):
        return int(file.file.size)
    return 0 if row is None else await in_thread(row.current_size, settings.uploads_directory)


@asynccontextmanager
async def hold_upload(
    settings: Settings, file: FileInArtifact, *, begin: bool = True
) -> AsyncIterator[HeldUpload | None]:
    """The upload of a file, with nobody else writing to it; None when it is complete.

    With `begin`, it is begun when there is none. Raises `UploadBusy`, and `NotFound` when the file or its upload is gone.
    """
    held = await _hold(settings, file, begin)
    try:
        yield held
    finally:
        if held is not None and held.incoming is not None:
            await held.incoming.close()


async def _hold(settings: Settings, file: FileInArtifact, begin: bool) -> HeldUpload | None:
    while row := await _row_of(file, begin):
        incoming = await Incoming.open(
            settings.uploads_directory / row.path, create=begin and not row.verified
        )
        try:
            current = await FileUpload.get_or_none(id=row.id)
            if current and (incoming is None or not current.verified or incoming.size == file.file.size):
                return HeldUpload(file, current, incoming)
            if incoming is not None:
                await incoming.remove()  # it was ended while we opened the file, which so was made anew
        except BaseException:
            if incoming is not None:
                await incoming.close()
            raise
        if incoming is not None:
            await incoming.close()
    return None


@atomic()
async def _row_of(file: FileInArtifact, begin: bool) -> FileUpload | None:
    # Locked, so that nobody completes the file between the look and the new row.
    current = await FileInArtifact.filter(id=file.id).select_for_update(no_key=True).first()
    if current is None:
        raise NotFound("There is no such file, or you may not see it.")
    file.complete = current.complete
    if current.complete:
        return None
    row = await FileUpload.get_or_none(file_in_artifact_id=file.id)
    if row is None and not begin:
        raise NotFound("There is no such upload.")
    return row or await FileUpload.create(file_in_artifact_id=file.id, path=str(uuid4()))


@atomic()
async def record_progress(held: HeldUpload) -> None:
    """Say how many bytes have come. Raises `NotFound` when the upload was removed meanwhile."""
    await _lock_artifact(held.file)
    if not await FileUpload.filter(id=held.row.id).update(last_activity_at=now()):
        raise NotFound("There is no such file any more.")
    extra = {"path": held.file.path, "received_bytes": held.received, "size": held.key.size}
    await record(events.ArtifactFileProgressed, held.file.artifact_id, extra=extra)


async def discard_upload(held: HeldUpload) -> None:
    """Forget what has come, row first, so that the file begins anew."""
    await _forget(held)
    if held.incoming is not None:
        await held.incoming.remove()


async def discard_stale_upload(settings: Settings, file: FileInArtifact, before: datetime) -> bool:
    """Forget an upload to which nothing was added since; False when that is not so, or somebody is at it just now."""
    try:
        async with hold_upload(settings, file, begin=False) as held:
            if held is None or held.row.last_activity_at >= before:
                return False
            await discard_upload(held)
            return True
    except (NotFound, UploadBusy):
        return False


@atomic()
async def _forget(held: HeldUpload) -> None:
    await _lock_artifact(held.file)
    if await FileUpload.filter(id=held.row.id).delete():
        extra: dict[str, object] = {"path": held.file.path}
        await record(events.ArtifactFileDiscarded, held.file.artifact_id, extra=extra)


async def _lock_artifact(file: FileInArtifact) -> None:
    """Its events are written one after the other: see `record`."""
    await Artifact.filter(id=file.artifact_id).select_for_update(no_key=True).first()
