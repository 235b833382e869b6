"""Artifacts and the bytes of their files, live."""

from typing import Annotated, Any

import strawberry

from app import models
from app.context import Info
from app.errors import NotFound
from app.events import CATALOGUE
from app.graphql.ids import maybe_row_id, row_id
from app.graphql.scalars import BigInt
from app.publishers.hub import Event
from app.schema.artifacts import Artifact, ArtifactFilter, FileInArtifact, file_at
from app.subscriptions.following import After, Following, Happening, Wanted, common, follow

PROGRESSED = "artifact.file_progressed"
OF_FILES = frozenset({PROGRESSED, "artifact.file_completed", "artifact.file_discarded"})
CHANGES = frozenset(name for name in CATALOGUE if name.startswith("artifact.") and name != PROGRESSED)


@strawberry.type(
    description="A change of an artifact. complete and version are as of then; artifact is as it is now."
)
class ArtifactEvent(Happening):
    """For artifactChanged."""

    complete: bool = strawberry.field(description="Whether all of its files were there after this change.")
    version: int = strawberry.field(description="Counts the changes of when it expires.")
    path: str | None = strawberry.field(description="The file that it is about; null when it is about none.")
    row_id: strawberry.Private[int]

    @strawberry.field(
        description="The artifact as it is now; null when it is gone, or you may no longer see it.",
        graphql_type=Artifact | None,
    )
    @staticmethod
    async def artifact(event: strawberry.Parent[Any], info: Info) -> models.Artifact | None:
        return await info.context.one(models.Artifact, event.row_id)


@strawberry.type(description="How far the upload of one file has come.")
class FileUploadEvent(Happening):
    """For fileUploadProgress."""

    path: str = strawberry.field(description="The path of the file in the artifact.")
    received: strawberry.Private[int | None]
    row_id: strawberry.Private[int]

    @strawberry.field(
        description="How many bytes had come then; all of them when it is complete, 0 when it begins anew."
    )
    @staticmethod
    async def received_bytes(event: strawberry.Parent[Any], info: Info) -> BigInt | None:
        return BigInt(event.received) if event.received is not None else await _size(event, info)

    @strawberry.field(description="How many bytes it has; null when the artifact is gone.")
    @staticmethod
    async def size(event: strawberry.Parent[Any], info: Info) -> BigInt | None:
        return await _size(event, info)

    @strawberry.field(
        description="The file as it is now; null when it is gone, or you may no longer see it.",
        graphql_type=FileInArtifact | None,
    )
    @staticmethod
    async def file(event: strawberry.Parent[Any], info: Info) -> models.FileInArtifact | None:
        return await file_at(info, event.row_id, event.path)


async def _size(event: Any, info: Info) -> BigInt | None:
    place = await file_at(info, event.row_id, event.path)
    file = place and await info.context.one(models.File, place.file_id)
    return BigInt(file.size) if file else None


@strawberry.type
class Subscription:
    """Artifacts."""

    @strawberry.subscription(
        description="Every change of the artifacts that you may see, but for bytes that come: for those there is "
        "fileUploadProgress.",
        graphql_type=ArtifactEvent,
    )
    @staticmethod
    async def artifact_changed(
        info: Info,
        workspace: Annotated[
            strawberry.ID | None,
            strawberry.argument(description="Only in this workspace; null: in all of them."),
        ] = None,
        filter: Annotated[
            ArtifactFilter | None,
            strawberry.argument(description="Only artifacts that satisfy this as they are now."),
        ] = None,
        after: After = None,
    ) -> Following:
        place = maybe_row_id(workspace, models.Workspace, ("workspace",))
        if (
            place is not None
            and not await models.Workspace.visible_to(info.context.viewer).filter(id=place).exists()
        ):
            raise NotFound("There is no such workspace, or you may not see it.", path=("workspace",))
        only = None if place is None else lambda event: event.workspace_id == place
        wanted = Wanted(info, models.Artifact, filter)
        return await follow(info, after, _change, CHANGES, only=only, wanted=wanted)

    @strawberry.subscription(
        description="How far the uploads of an artifact's files have come, at most once a second for each.",
        graphql_type=FileUploadEvent,
    )
    @staticmethod
    async def file_upload_progress(
        info: Info,
        artifact: Annotated[strawberry.ID, strawberry.argument(description="The artifact.")],
        after: After = None,
    ) -> Following:
        id = row_id(artifact, models.Artifact, ("artifact",))
        if not await models.Artifact.visible_to(info.context.viewer).filter(id=id).exists():
            raise NotFound("There is no such artifact, or you may not see it.", path=("artifact",))
        return await follow(info, after, _progress, OF_FILES, only=lambda event: event.subject_id == id)


def _change(event: Event) -> ArtifactEvent:
    fields: dict[str, Any] = common(event)
    return ArtifactEvent(
        **fields,
        row_id=event.subject_id,
        complete=event.data["complete"],
        version=event.data["version"],
        path=event.data.get("path"),
    )


def _progress(event: Event) -> FileUploadEvent:
    fields: dict[str, Any] = common(event)
    discarded = event.type == "artifact.file_discarded"
    return FileUploadEvent(
        **fields,
        row_id=event.subject_id,
        path=event.data["path"],
        received=0 if discarded else event.data.get("received_bytes"),
    )
