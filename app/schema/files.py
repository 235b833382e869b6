"""Files, and where their bytes are."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tortoise.expressions import Q, Subquery

from app import models
from app.access import Viewer
from app.graphql.connections import ConnectionOf, ListOf, listed, to_many
from app.graphql.entity import Node, batched, computed, entity, to_one
from app.graphql.filters import Own, filter_of, order_of
from app.graphql.scalars import JSON, BigInt, Sha256
from app.schema.artifacts import SHA256_FILTER, FileInArtifactFilter, artifacts_of, digest_condition
from app.schema.tasks import tasks_of
from app.settings import Settings

if TYPE_CHECKING:
    from app.graphql.connections import Connection
    from app.schema.artifacts import Artifact, FileInArtifact
    from app.schema.tasks import Task
    from app.schema.workspaces import Workspace

FileFilter = filter_of(
    models.File,
    "id",
    "size",
    own={
        "sha256": Own(SHA256_FILTER, "By its hash.", digest_condition(lambda digests: Q(sha256__in=digests)))
    },
)
FileOrder = order_of(models.File, "size")
FileStoreFilter = filter_of(models.FileStore, "id", "name", "backend", "read_only", "created_at")
FileStoreOrder = order_of(models.FileStore, "name", "created_at", "total_size")


def _artifacts_with(file_id: Any) -> Q:
    """Each once, also where it has the same content at several paths."""
    files = models.FileInArtifact.filter(file_id=file_id).values("artifact_id")
    return Q(id__in=Subquery(files))


@entity(models.File)
class File(Node):
    """Content, known by its hash and its size: the same bytes are one file, however often they were uploaded."""

    size: BigInt

    @computed("sha256")
    def sha256(row: models.File) -> Sha256:
        """SHA-256 of the content."""
        return Sha256(row.hash)

    artifact_set: "Connection[Artifact]" = artifacts_of("The artifacts that have it.", _artifacts_with)
    fileinartifact_set: "Connection[FileInArtifact]" = to_many(
        "Where it is in artifacts.", ConnectionOf(models.FileInArtifact, "file_id", FileInArtifactFilter)
    )
    fileinstore_set: "Connection[FileInStore]" = to_many(
        "That stores have it: shown to staff.", ConnectionOf(models.FileInStore, "file_id")
    )
    filestore_set: "list[FileStore]" = listed(
        "The stores that have it, by name: shown to the signed-in.",
        ListOf(models.FileStore, "files__id", (("name", False),), 100),
    )


@entity(models.FileUpload)
class FileUpload(Node):
    """A file of an artifact whose bytes are on their way."""

    last_activity_at: datetime
    file_in_artifact: "FileInArtifact" = to_one("The file of the artifact.")

    @batched("file_in_artifact_id", "verified", "path")
    async def received_bytes(
        rows: Sequence[models.FileUpload], viewer: Viewer, settings: Settings
    ) -> Mapping[int, BigInt | None]:
        """How many bytes have come: where to go on from."""
        directory = settings.uploads_directory
        coming = [
            row for row in rows if not row.verified
        ]  # others may be on their way into the store already
        sizes = await asyncio.to_thread(lambda: [each.current_size(directory) for each in coming])
        whole = await sizes_of(viewer, [row for row in rows if row.verified])
        return {**whole, **{row.id: BigInt(size) for row, size in zip(coming, sizes, strict=True)}}

    @batched("file_in_artifact_id")
    async def size(rows: Sequence[models.FileUpload], viewer: Viewer) -> Mapping[int, BigInt | None]:
        """How many bytes it will have."""
        return await sizes_of(viewer, rows)


async def sizes_of(viewer: Viewer, uploads: Sequence[models.FileUpload]) -> dict[int, BigInt | None]:
    """How many bytes the files have that these are uploads of, as far as the viewer may see them."""
    if not uploads:
        return {}
    places = models.FileInArtifact.visible_to(viewer).filter(
        id__in=[each.file_in_artifact_id for each in uploads]
    )
    files = {place.id: place.file_id for place in await places.only("id", "file_id")}
    seen = await models.File.visible_to(viewer).filter(id__in=list(files.values())).only("id", "size")
    sizes = {file.id: BigInt(file.size) for file in seen}
    return {each.id: sizes.get(files.get(each.file_in_artifact_id, 0)) for each in uploads}


@entity(models.FileInStore)
class FileInStore(Node):
    """That a store has a file."""

    created_at: datetime
    data: JSON
    store: "FileStore" = to_one("The store.")
    file: "File | None" = to_one("The file; null when no artifact that you may see has it.")


@entity(models.FileStore)
class FileStore(Node):
    """A place for bytes: a directory, or a bucket of an object store."""

    name: str
    backend: models.FileStoreBackend
    total_size: BigInt
    soft_max_size: BigInt | None
    max_size: BigInt | None
    read_only: bool
    created_at: datetime
    version: int

    @computed("configuration")
    def configuration(row: models.FileStore, viewer: Viewer) -> JSON | None:
        """Where it is. Keys and secrets come from the environment, never from here. Null to all but staff."""
        return JSON(row.configuration) if viewer.is_staff or viewer.is_superuser else None

    files: "Connection[File]" = to_many(
        "What is in it, of the files that you may see.",
        ConnectionOf(models.File, "filestore_set__id", FileFilter, FileOrder),
    )
    fileinstore_set: "Connection[FileInStore]" = to_many(
        "What is in it: shown to staff.", ConnectionOf(models.FileInStore, "store_id")
    )
    default_workspaces: "Connection[Workspace]" = to_many(
        "The workspaces whose new files go here.", ConnectionOf(models.Workspace, "default_file_store_id")
    )
    other_workspaces: "Connection[Workspace]" = to_many(
        "The workspaces that may use it beside their default one.",
        ConnectionOf(models.Workspace, "other_file_stores__id"),
    )
    tasks: "Connection[Task]" = tasks_of("files", "filestore")
