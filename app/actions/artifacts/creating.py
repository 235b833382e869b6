"""Declaring an artifact: what it is, which files it has, what it has to do with others. The bytes come afterwards."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from app import events
from app.access import Capability, Viewer
from app.actions.artifacts.categories import check_category
from app.actions.artifacts.relations import MAX_RELATIONS, hold_complete
from app.actions.artifacts.rules import NewFile, check_files
from app.actions.idempotency import made_before, remember
from app.actions.json_schemas import check_object
from app.actions.outbox import record
from app.actions.workspaces import workspace_or_default
from app.clock import now
from app.database import atomic, fetch
from app.errors import Forbidden, Invalid
from app.models import Artifact, ArtifactRelationType, WorkRequest, Workspace

MAX_DATA = 256 * 1024


@dataclass(frozen=True)
class NewRelation:
    """What the new artifact has to do with one that is there."""

    target_id: int
    type: ArtifactRelationType


@dataclass(frozen=True)
class NewArtifact:
    """What a client declares. Ids are numbers of rows.

    A worker names the work request that it runs, in which attempt; its workspace is the artifact's.
    """

    category: str
    data: Any = field(default_factory=dict)
    workspace_id: int | None = None
    files: Sequence[NewFile] = ()
    expire_at: datetime | None = None
    work_request_id: int | None = None
    attempt: int | None = None
    relations: Sequence[NewRelation] = ()


@atomic()
async def create_artifact(
    viewer: Viewer, new: NewArtifact, *, max_file_bytes: int, idempotency_key: str | None = None
) -> Artifact:
    """Declare an artifact. It is complete once all of its files are there, which some or all of them may be at once:
    those of no bytes, and those that are complete in another artifact of the workspace."""
    workspace = await _workspace(viewer, new)
    if before := await made_before(viewer, idempotency_key, "createArtifact", new):
        return await Artifact.get_visible(viewer, before)
    artifact = await _checked(viewer, new, workspace, max_file_bytes)
    targets = await _hold_targets(viewer, new.relations)
    await artifact.save()
    await _relate(artifact, new.relations)
    await _put_in(artifact, new.files)
    await remember(viewer, idempotency_key, artifact.id)
    await record(events.ArtifactCreated, artifact.id, extra={"relations": targets})
    if artifact.complete:
        await record(events.ArtifactCompleted, artifact.id)
    return artifact


# Where it belongs ----------------------------------------------------------------------------------------------------


async def _workspace(viewer: Viewer, new: NewArtifact) -> Workspace:
    """The workspace, in which the viewer may create artifacts."""
    if viewer.worker_id is not None:
        viewer.require(Capability.CREATE_ARTIFACT)
        return await _workspace_of_worker(viewer, new)
    workspace = await workspace_or_default(viewer, new.workspace_id)
    viewer.require(Capability.CREATE_ARTIFACT, workspace.id)
    if new.work_request_id is not None:
        raise Forbidden("Only the worker that runs a work request makes artifacts for it.")
    return workspace


async def _workspace_of_worker(viewer: Viewer, new: NewArtifact) -> Workspace:
    """That of the request which the worker runs; the request is held, so that it cannot end or be lost meanwhile."""
    if new.work_request_id is None:
        raise Forbidden("A worker makes artifacts only for work requests that it runs: give workRequest.")
    if new.attempt is None:
        raise Invalid.field("attempt", "A worker says in which attempt it makes this.")
    request = await WorkRequest.lock_visible(viewer, new.work_request_id)
    request.require_attempt(new.attempt)
    if new.workspace_id not in (None, request.workspace_id):
        raise Invalid.field("workspace", "The work request is in another workspace.")
    return await Workspace.get(id=request.workspace_id)


# What it is ----------------------------------------------------------------------------------------------------------


async def _checked(viewer: Viewer, new: NewArtifact, workspace: Workspace, max_file_bytes: int) -> Artifact:
    """The row to be, unsaved; `Invalid` when the input breaks a rule."""
    check_object("data", new.data, MAX_DATA)
    await check_category(viewer, new.category, new.data, free=workspace.free_categories)
    check_files(new.files, max_file_bytes)
    created_at = now()
    if new.expire_at is not None and new.expire_at <= created_at:
        raise Invalid.field("expireAt", "It would have expired already: give a time to come.")
    delay = workspace.default_expiration_delay
    return Artifact(
        category=new.category,
        workspace_id=workspace.id,
        data=new.data,
        created_at=created_at,
        expire_at=new.expire_at or (created_at + delay if delay else None),
        created_by_id=viewer.user_id,
        created_by_work_request_id=new.work_request_id,
        complete=not new.files,
        completed_at=None if new.files else created_at,
    )


# What it has to do with others ---------------------------------------------------------------------------------------


async def _hold_targets(viewer: Viewer, relations: Sequence[NewRelation]) -> list[dict[str, object]]:
    """The relations as its event tells of them. Their targets are held: they cannot expire before they are related to."""
    if len(relations) > MAX_RELATIONS:
        raise Invalid.field("relations", f"Give at most {MAX_RELATIONS} relations at once.", "TOO_LARGE")
    if relations:
        await hold_complete(viewer, [each.target_id for each in relations], "relations")
    return [{"target_id": each.target_id, "type": each.type.value} for each in relations]


async def _relate(artifact: Artifact, relations: Sequence[NewRelation]) -> None:
    if relations:
        await fetch(
            "INSERT INTO artifact_relation (artifact_id, target_id, type)"
            " SELECT $1, target_id, type FROM unnest($2::bigint[], $3::text[]) AS given(target_id, type)"
            " ON CONFLICT DO NOTHING",
            artifact.id,
            [each.target_id for each in relations],
            [each.type.value for each in relations],
        )


# Its files -----------------------------------------------------------------------------------------------------------


async def _put_in(artifact: Artifact, files: Sequence[NewFile]) -> None:
    """Name the files in the artifact, and find out which of them, maybe all, are there already."""
    if not files:
        return
    ids = await _hold_files(files)
    await fetch(
        "INSERT INTO file_in_artifact (artifact_id, path, file_id, content_type)"
        " SELECT $1, * FROM unnest($2::text[], $3::bigint[], $4::text[])",
        artifact.id,
        [file.path for file in files],
        [ids[file.digest, file.size] for file in files],
        [file.content_type for file in files],
    )
    # In a statement of its own, after the files are named here: from then on expiry leaves their bytes alone.
    there = await fetch(_THERE_ALREADY, artifact.id, artifact.workspace_id)
    if len(there) == len(files):
        artifact.complete, artifact.completed_at = True, artifact.created_at
        await artifact.save(update_fields=["complete", "completed_at"])


_THERE_ALREADY = """
WITH store AS (
    SELECT default_file_store_id AS id FROM workspace WHERE workspace.id = $2
    UNION SELECT filestore_id FROM workspace_other_file_store WHERE workspace_id = $2)
UPDATE file_in_artifact SET complete = true FROM file
WHERE file_in_artifact.artifact_id = $1 AND file.id = file_in_artifact.file_id AND (file.size = 0 OR (
    EXISTS (SELECT FROM file_in_store WHERE file_in_store.file_id = file.id AND store_id IN (SELECT id FROM store))
    AND EXISTS (SELECT FROM file_in_artifact AS other JOIN artifact ON artifact.id = other.artifact_id
                WHERE other.file_id = file.id AND other.complete AND artifact.workspace_id = $2)))
RETURNING file_in_artifact.id
"""


async def _hold_files(files: Sequence[NewFile]) -> dict[tuple[bytes, int], int]:
    """The rows of these contents, made where they are new, and held until the end of the transaction: (hash, size) → id.

    One that expiry removes in between is made again.
    """
    missing = {(file.digest, file.size) for file in files}
    found: dict[tuple[bytes, int], int] = {}
    while missing:
        # In one order for all, so that two artifacts with the same new files do not wait for each other.
        given = [list(column) for column in zip(*sorted(missing), strict=True)]
        await fetch(_MAKE_FILES, *given)
        rows = await fetch(_HOLD_FILES, *given)
        found |= {(bytes(row["sha256"]), row["size"]): row["id"] for row in rows}
        missing -= found.keys()
    return found


_MAKE_FILES = """
INSERT INTO file (sha256, size) SELECT * FROM unnest($1::bytea[], $2::bigint[]) AS given(sha256, size)
WHERE NOT EXISTS (SELECT FROM file WHERE (file.sha256, file.size) = (given.sha256, given.size))
ORDER BY sha256, size ON CONFLICT DO NOTHING
"""
_HOLD_FILES = """
SELECT id, sha256, size FROM file
WHERE (sha256, size) IN (SELECT * FROM unnest($1::bytea[], $2::bigint[])) FOR KEY SHARE OF file
"""
