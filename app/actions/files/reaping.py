"""Uploads that nobody goes on with: finished when all bytes are there, else forgotten; and artifacts that never became
complete."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import asyncpg

from app.actions.files.finishing import finish_upload
from app.actions.files.places import Stores
from app.actions.files.sweeping import PATIENCE_MS, Removed, remove_artifacts
from app.actions.files.temporary import sweep_temporary_files, unlink_temporary_files
from app.actions.files.uploads import discard_stale_upload
from app.clock import now
from app.database import atomic, fetch
from app.errors import AppError
from app.models import FileInArtifact
from app.settings import Settings
from app.stores import StoreError

LEFT_ALONE = timedelta(minutes=2)
"""A request that ends an upload, or a client that tries again, is let be for so long."""
BATCH = 100


@dataclass
class Reaped:
    """What was done about uploads."""

    finished: int = 0
    uploads: int = 0
    artifacts: int = 0
    temporary_files: int = 0
    troubles: list[str] = field(default_factory=list)
    """Why uploads whose bytes are all there could not be finished: at most one line for each."""


async def finish_uploads(stores: Stores, settings: Settings) -> Reaped:
    """Finish uploads whose bytes had come and were the right ones when their request ended early, as by kill -9."""
    reaped = Reaped()
    for row in await fetch(_TO_FINISH, now() - LEFT_ALONE, BATCH):
        try:
            await finish_upload(stores, settings, row["id"])
            reaped.finished += 1
        except (AppError, StoreError) as error:
            reaped.troubles.append(f"Upload {row['id']}: {error}")
    return reaped


async def reap_uploads(settings: Settings) -> Reaped:
    """Forget uploads to which nothing was added for UPLOAD_RETENTION_HOURS, and artifacts that wait for files as long.

    Who is writing to one just now keeps it, and an artifact that a running work request makes is kept as well.
    """
    before = now() - timedelta(hours=settings.upload_retention_hours)
    reaped = Reaped()
    for row in await fetch(_STALE, before):
        file = await FileInArtifact.filter(id=row["id"]).select_related("artifact", "file").first()
        if file is not None and await discard_stale_upload(settings, file, before):
            reaped.uploads += 1
    for row in await fetch(_INCOMPLETE, before, BATCH * 10):
        removed = await _reap_artifact(row["id"], before)
        reaped.artifacts += removed.artifacts
        await unlink_temporary_files(settings.uploads_directory, removed.paths)
    reaped.temporary_files = await sweep_temporary_files(settings.uploads_directory, before)
    return reaped


async def _reap_artifact(id: int, before: datetime) -> Removed:
    try:
        return await _remove_incomplete(id, before)
    except asyncpg.LockNotAvailableError:
        return Removed()


@atomic()
async def _remove_incomplete(id: int, before: datetime) -> Removed:
    await fetch("SELECT set_config('lock_timeout', $1, true)", f"{PATIENCE_MS}ms")
    if not await fetch("SELECT 1 FROM artifact WHERE id = $1 FOR UPDATE SKIP LOCKED", id):
        return Removed()
    still = await fetch(f"{_IS_INCOMPLETE} AND artifact.id = $2", before, id)
    return await remove_artifacts([row["id"] for row in still])


# What is in memory is in the server's: here the bytes would be put where nobody finds them.
_TO_FINISH = """
SELECT file_upload.id FROM file_upload
    JOIN file_in_artifact ON file_in_artifact.id = file_upload.file_in_artifact_id
    JOIN artifact ON artifact.id = file_in_artifact.artifact_id
    JOIN workspace ON workspace.id = artifact.workspace_id
WHERE file_upload.verified AND file_upload.last_activity_at < $1 AND NOT EXISTS (
    SELECT FROM file_store WHERE file_store.backend = 'memory' AND (file_store.id = workspace.default_file_store_id
        OR file_store.id IN (SELECT filestore_id FROM workspace_other_file_store WHERE workspace_id = workspace.id)))
ORDER BY file_upload.last_activity_at LIMIT $2
"""

_STALE = f"""
SELECT file_in_artifact_id AS id FROM file_upload WHERE NOT verified AND last_activity_at < $1
ORDER BY last_activity_at LIMIT {BATCH * 10}
"""

# An event tells that one of its files came: then it is not given up, though there is no upload just now.
_IS_INCOMPLETE = """
SELECT artifact.id FROM artifact
WHERE NOT artifact.complete AND artifact.created_at < $1
    AND NOT EXISTS (SELECT FROM file_in_artifact JOIN file_upload ON file_upload.file_in_artifact_id = file_in_artifact.id
        WHERE file_in_artifact.artifact_id = artifact.id)
    AND NOT EXISTS (SELECT FROM work_request
        WHERE work_request.id = artifact.created_by_work_request_id AND work_request.status = 'running')
    AND NOT EXISTS (SELECT FROM outbox_event
        WHERE subject = 'artifact/' || artifact.id AND created_at >= $1 AND event_type = 'artifact.file_completed')
"""

_INCOMPLETE = f"{_IS_INCOMPLETE} ORDER BY artifact.created_at LIMIT $2"
