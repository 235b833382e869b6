"""Artifacts: declared, found, related, kept."""

from datetime import datetime

import strawberry
from strawberry.types.unset import UNSET

from app import models
from app.actions import artifacts as actions
from app.context import Info
from app.errors import Invalid
from app.graphql.connections import ConnectionOf, ListOf, connection, whole
from app.graphql.ids import maybe_row_id, row_id
from app.graphql.mutations import Payload, argument, changed, mutation
from app.graphql.roots import one_by_id
from app.graphql.scalars import JSON, BigInt, Sha256
from app.schema.artifacts import NEWEST, ArtifactFilter, ArtifactOrder


@strawberry.type
class Query:
    """Artifacts and their categories."""

    artifact = one_by_id(
        "Artifact",
        models.Artifact,
        "The artifact; null when it is absent or you may not see it.",
    )

    artifacts = connection(
        "Artifact",
        "The artifacts that you may see, the newest first unless ordered otherwise.",
        ConnectionOf(models.Artifact, filters=ArtifactFilter, orders=ArtifactOrder, default_order=NEWEST),
    )

    artifact_categories = whole(
        "ArtifactCategory",
        "All kinds of artifacts that are registered, by name.",
        ListOf(models.ArtifactCategory, None, (("name", False),), 1000),
    )


@strawberry.input(description="A file of a new artifact. Its bytes come afterwards.")
class FileInput:
    """For createArtifact."""

    path: str = argument(
        "Its path in the artifact: 1 to 500 characters, relative, with slashes between names that are not '.' or '..', "
        "without backslashes, in the normal form NFC. No path may be a directory of another."
    )
    size: BigInt = argument("How many bytes it has.")
    sha256: Sha256 = argument("Its hash.")
    content_type: str | None = argument("Its media type, such as text/plain; null: not known.", None)


@strawberry.input(description="What a new artifact has to do with one that is there.")
class ArtifactRelationInput:
    """For createArtifact."""

    target: strawberry.ID = argument("The other artifact, which is complete.")
    type: models.ArtifactRelationType = argument("What the new one is to it.")


@strawberry.input(description="A new artifact.")
class CreateArtifactInput:
    """For createArtifact."""

    category: str = argument("What kind of artifact it is: see artifactCategories.")
    data: JSON | None = argument(
        "What is known of it: an object that satisfies the category's JSON Schema, at most 256 KiB; null: an empty one.",
        None,
    )
    workspace: strawberry.ID | None = argument(
        "Where it lives; null: the workspace called System, or that of the work request.", None
    )
    files: list[FileInput] = argument("Its files, at most 1,000.", [])
    expire_at: datetime | None = argument(
        "From when on it may be removed, a time to come; null: as its workspace says.", None
    )
    work_request: strawberry.ID | None = argument(
        "For workers, who must: the work request that makes it, which the worker runs.", None
    )
    attempt: int | None = argument("With workRequest: the attempt in which the worker runs it.", None)
    relations: list[ArtifactRelationInput] = argument("What it has to do with others, at most 1,000.", [])
    idempotency_key: str | None = argument("A key of your choice: sent twice, it makes one artifact.", None)


@strawberry.type(description="What mutations of artifacts answer.")
class ArtifactPayload(Payload):
    """An artifact."""

    artifact: models.Artifact | None = changed("Artifact", "The artifact as it is now.")


@strawberry.input(description="Until when an artifact is kept.")
class UpdateArtifactInput:
    """For updateArtifact."""

    id: strawberry.ID = argument("The artifact.")
    expire_at: datetime | None = strawberry.field(
        default=UNSET,
        description="From when on it may be removed; null: never. A time that has passed: at once. Must be given.",
    )
    if_version: int | None = argument("Refuse unless it still has this version.", None)


@strawberry.input(description="What one artifact has to do with another.")
class CreateArtifactRelationInput:
    """For createArtifactRelation."""

    artifact: strawberry.ID = argument("The artifact that has to do with the other.")
    target: strawberry.ID = argument("The other.")
    type: models.ArtifactRelationType = argument("What the one is to the other.")


@strawberry.type(description="What createArtifactRelation answers.")
class CreateArtifactRelationPayload(Payload):
    """A relation, and whether it is new."""

    relation: models.ArtifactRelation | None = changed("ArtifactRelation", "The relation.")
    created: bool | None = strawberry.field(
        default=None, description="False: it was there already, and nothing was changed."
    )


@strawberry.input(description="A relation to take away.")
class DeleteArtifactRelationInput:
    """For deleteArtifactRelation."""

    id: strawberry.ID = argument("The relation.")


@strawberry.type(description="What deleteArtifactRelation answers.")
class DeleteArtifactRelationPayload(Payload):
    """What is left of a relation."""

    deleted_id: strawberry.ID | None = strawberry.field(
        default=None, description="The id of the relation that is gone."
    )
    artifact: models.Artifact | None = changed("Artifact", "The artifact that had to do with the other.")


@strawberry.input(description="A kind of artifact.")
class RegisterArtifactCategoryInput:
    """For registerArtifactCategory."""

    name: str = argument("A small letter or digit, then at most 254 of a-z 0-9 + . _ : -")
    data_schema: JSON = argument("JSON Schema (2020-12) of the data.")
    description: str = argument("What such artifacts are, for people.", "")


@strawberry.type(description="What registerArtifactCategory answers.")
class ArtifactCategoryPayload(Payload):
    """A category."""

    artifact_category: models.ArtifactCategory | None = changed(
        "ArtifactCategory", "The category as it is now."
    )


@strawberry.type
class Mutation:
    """What can be done with artifacts."""

    @mutation(
        ArtifactPayload,
        "Declare an artifact and its files; filesToUpload says which bytes are yet to come, and where to. For contributors "
        "of the workspace, and for workers during their work requests. Emits artifact.created, and artifact.completed "
        "when all of its files are there already.",
    )
    @staticmethod
    async def create_artifact(info: Info, input: CreateArtifactInput) -> ArtifactPayload:
        return ArtifactPayload(
            artifact=await actions.create_artifact(
                info.context.viewer,
                _new(input),
                max_file_bytes=info.context.settings.max_file_bytes,
                idempotency_key=input.idempotency_key,
            )
        )

    @mutation(
        ArtifactPayload,
        "Keep an artifact for longer or shorter. For owners of the workspace. Emits artifact.changed.",
    )
    @staticmethod
    async def update_artifact(info: Info, input: UpdateArtifactInput) -> ArtifactPayload:
        if input.expire_at is UNSET:
            raise Invalid.field("expireAt", "Say until when it is kept; null: for ever.")
        return ArtifactPayload(
            artifact=await actions.update_artifact(
                info.context.viewer,
                row_id(input.id, models.Artifact),
                expire_at=input.expire_at,
                if_version=input.if_version,
            )
        )

    @mutation(
        CreateArtifactRelationPayload,
        "Relate an artifact to another, both complete; the same relation is made but once. For contributors of the "
        "workspace of the first, and for workers whose work request has made it. Emits artifact.related.",
    )
    @staticmethod
    async def create_artifact_relation(
        info: Info, input: CreateArtifactRelationInput
    ) -> CreateArtifactRelationPayload:
        relation, created = await actions.create_artifact_relation(
            info.context.viewer,
            row_id(input.artifact, models.Artifact, ("input", "artifact")),
            row_id(input.target, models.Artifact, ("input", "target")),
            input.type,
        )
        return CreateArtifactRelationPayload(relation=relation, created=created)

    @mutation(
        DeleteArtifactRelationPayload,
        "Take a relation away; its target may then expire. For those who may make it. Emits artifact.unrelated.",
    )
    @staticmethod
    async def delete_artifact_relation(
        info: Info, input: DeleteArtifactRelationInput
    ) -> DeleteArtifactRelationPayload:
        artifact = await actions.delete_artifact_relation(
            info.context.viewer, row_id(input.id, models.ArtifactRelation)
        )
        return DeleteArtifactRelationPayload(deleted_id=input.id, artifact=artifact)

    @mutation(
        ArtifactCategoryPayload,
        "Make a kind of artifact known, or change what its data must look like. For staff. "
        "Emits artifact_category.registered.",
    )
    @staticmethod
    async def register_artifact_category(
        info: Info, input: RegisterArtifactCategoryInput
    ) -> ArtifactCategoryPayload:
        return ArtifactCategoryPayload(
            artifact_category=await actions.register_artifact_category(
                info.context.viewer,
                name=input.name,
                data_schema=input.data_schema,
                description=input.description,
            )
        )


def _new(input: CreateArtifactInput) -> actions.NewArtifact:
    return actions.NewArtifact(
        category=input.category,
        data={} if input.data is None else input.data,
        workspace_id=maybe_row_id(input.workspace, models.Workspace, ("input", "workspace")),
        files=tuple(
            actions.NewFile(file.path, file.size, file.sha256, file.content_type) for file in input.files
        ),
        expire_at=input.expire_at,
        work_request_id=maybe_row_id(input.work_request, models.WorkRequest, ("input", "workRequest")),
        attempt=input.attempt,
        relations=tuple(
            actions.NewRelation(
                row_id(each.target, models.Artifact, ("input", "relations", str(index), "target")), each.type
            )
            for index, each in enumerate(input.relations)
        ),
    )
