"""Artifacts: what work takes and makes. A category, data, named files, and relations to other artifacts.

Source: Artifact, FileInArtifact and ArtifactRelation of debusine.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any

from tortoise import fields
from tortoise.expressions import Q, Subquery
from tortoise.queryset import QuerySet

from app.access import Viewer
from app.models.accounts import User
from app.models.entity import NOTHING, Entity
from app.models.files import File
from app.models.work import RUNNING, WorkRequest
from app.models.workspaces import Workspace


class ArtifactRelationType(StrEnum):
    """What one artifact is to another."""

    EXTENDS = "extends"
    RELATES_TO = "relates-to"
    BUILT_USING = "built-using"


class ArtifactCategory(Entity):
    """A kind of artifact: its name, and the JSON Schema that the data of such artifacts must satisfy."""

    word = "category"
    id = fields.BigIntField(primary_key=True)
    name = fields.CharField(255, unique=True, description="Name, such as text:corpus.")
    description = fields.TextField(default="", description="What such artifacts are, for people.")
    data_schema: dict[str, Any] = fields.JSONField(
        default=dict, description="JSON Schema (2020-12) of the data."
    )
    version = fields.IntField(default=1, description="Counts the changes of this row; give it as ifVersion.")

    class Meta:
        table = "artifact_category"

    @classmethod
    def visibility(cls, viewer: Viewer) -> Q:
        """Everybody who is signed in, and workers."""
        return NOTHING if viewer.anonymous else Q()


class Artifact(Entity):
    """What work takes and makes. Once it is complete it never changes, but for when it expires."""

    word = "artifact"
    workspace_path = "workspace_id"

    id = fields.BigIntField(primary_key=True)
    category = fields.CharField(255, description="What kind of artifact it is.")
    workspace: fields.ForeignKeyRelation[Workspace] = fields.ForeignKeyField(
        "models.Workspace", related_name="artifact_set", on_delete=fields.RESTRICT
    )
    workspace_id: int
    data: dict[str, Any] = fields.JSONField(
        default=dict, description="What is known of it, as its category says."
    )
    created_at = fields.DatetimeField(auto_now_add=True, description="When it was declared.")
    expire_at = fields.DatetimeField(null=True, description="It may be removed from then on; null: never.")
    created_by: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "models.User", null=True, related_name="artifact_set", on_delete=fields.RESTRICT
    )
    created_by_id: int | None
    created_by_work_request: fields.ForeignKeyNullableRelation[WorkRequest] = fields.ForeignKeyField(
        "models.WorkRequest", null=True, related_name="artifact_set", on_delete=fields.SET_NULL
    )
    created_by_work_request_id: int | None
    complete = fields.BooleanField(default=False, description="True once all of its files have come.")
    completed_at = fields.DatetimeField(null=True, description="When the last of its files had come.")
    version = fields.IntField(default=1, description="Counts the changes of this row; give it as ifVersion.")
    files: fields.ManyToManyRelation[File] = fields.ManyToManyField(
        "models.File",
        through="file_in_artifact",
        forward_key="file_id",
        backward_key="artifact_id",
        related_name="artifact_set",
        unique=False,  # the same content may have several paths
    )
    used_by: fields.ManyToManyRelation[WorkRequest] = fields.ManyToManyField(
        "models.WorkRequest",
        through="work_request_input",
        forward_key="work_request_id",
        backward_key="artifact_id",
        related_name="inputs",
    )

    class Meta:
        table = "artifact"

    @classmethod
    def visibility(cls, viewer: Viewer) -> Q:
        """Whoever may see its workspace. A worker sees what the requests that it runs take, and what they made."""
        if viewer.worker_id is None:
            return super().visibility(viewer)
        mine = WorkRequest.filter(worker_id=viewer.worker_id, status=RUNNING)
        return Q(
            Q(id__in=Subquery(mine.values("inputs__id"))),
            Q(created_by_work_request_id__in=Subquery(mine.values("id"))),
            join_type="OR",
        )

    def expired(self, at: datetime) -> bool:
        """True when it may be removed at that time: at the very instant already."""
        return self.expire_at is not None and self.expire_at <= at

    @classmethod
    def expired_at(cls, at: datetime) -> "QuerySet[Artifact]":
        """Those that are expired at that time."""
        return cls.filter(expire_at__lte=at)

    @classmethod
    def not_expired(cls, at: datetime) -> "QuerySet[Artifact]":
        """All others."""
        return cls.filter(Q(expire_at__isnull=True) | Q(expire_at__gt=at))


class FileInArtifact(Entity):
    """A file of an artifact, under its path there."""

    word = "file"
    seen_with = "artifact"
    shows = frozenset({"file"})

    id = fields.BigIntField(primary_key=True)
    artifact: fields.ForeignKeyRelation[Artifact] = fields.ForeignKeyField(
        "models.Artifact", related_name="fileinartifact_set", on_delete=fields.CASCADE
    )
    artifact_id: int
    path = fields.CharField(500, description="Its path in the artifact, relative, with slashes.")
    file: fields.ForeignKeyRelation[File] = fields.ForeignKeyField(
        "models.File", related_name="fileinartifact_set", on_delete=fields.RESTRICT
    )
    file_id: int
    complete = fields.BooleanField(default=False, description="True once its bytes have come.")
    content_type = fields.CharField(255, null=True, description="Its media type, if known.")

    class Meta:
        table = "file_in_artifact"
        unique_together = (("artifact", "path"),)


class ArtifactRelation(Entity):
    """That an artifact has to do with another."""

    word = "relation"
    Relations = ArtifactRelationType

    id = fields.BigIntField(primary_key=True)
    artifact: fields.ForeignKeyRelation[Artifact] = fields.ForeignKeyField(
        "models.Artifact", related_name="relations", on_delete=fields.CASCADE
    )
    artifact_id: int
    target: fields.ForeignKeyRelation[Artifact] = fields.ForeignKeyField(
        "models.Artifact", related_name="targeted_by", on_delete=fields.CASCADE
    )
    target_id: int
    type = fields.CharEnumField(ArtifactRelationType, max_length=11, description="What it is to the other.")
    created_at = fields.DatetimeField(auto_now_add=True, description="When it was made.")

    class Meta:
        table = "artifact_relation"
        unique_together = (("artifact", "target", "type"),)

    @classmethod
    def visibility(cls, viewer: Viewer) -> Q:
        """Whoever may see both artifacts."""
        seen = Artifact.visible_to(viewer).values("id")
        return Q(artifact_id__in=Subquery(seen), target_id__in=Subquery(seen))
