"""Our tables as Django sees them: what is asked for and written; the database fills in the rest."""

import uuid
from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now


class Existing(models.Model):
    """A table that is there already."""

    id = models.BigAutoField(primary_key=True)

    class Meta:
        abstract = True
        managed = False
        app_label = "strawberry_django_peer"


class Tenant(Existing):
    class Meta(Existing.Meta):
        db_table = "tenant"


class User(Existing):
    username = models.CharField(max_length=150)

    class Meta(Existing.Meta):
        db_table = "user"


class Worker(Existing):
    name = models.CharField(max_length=50)

    class Meta(Existing.Meta):
        db_table = "worker"


class Workspace(Existing):
    name = models.CharField(max_length=255)
    public = models.BooleanField()
    tenant = models.ForeignKey(Tenant, models.DO_NOTHING)

    class Meta(Existing.Meta):
        db_table = "workspace"


class WorkspaceMembership(Existing):
    workspace = models.ForeignKey(Workspace, models.DO_NOTHING)
    user = models.ForeignKey(User, models.DO_NOTHING)
    role = models.SmallIntegerField()

    class Meta(Existing.Meta):
        db_table = "workspace_membership"


class TagSet(Existing):
    tags = ArrayField(models.TextField())

    class Meta(Existing.Meta):
        db_table = "tag_set"


class WorkRequest(Existing):
    task_name = models.CharField(max_length=100)
    task_data = models.JSONField(default=dict)
    required_tags = ArrayField(models.TextField(), default=list)
    status = models.CharField(max_length=9, default="pending")
    result = models.CharField(max_length=7, default="")
    priority_base = models.IntegerField(default=0)
    created_at = models.DateTimeField(db_default=Now())
    completed_at = models.DateTimeField(null=True)
    attempt = models.IntegerField(default=0)
    version = models.IntegerField(default=1)
    tag_set = models.ForeignKey(TagSet, models.DO_NOTHING)
    created_by = models.ForeignKey(User, models.DO_NOTHING, related_name="work_requests")
    worker = models.ForeignKey(Worker, models.DO_NOTHING, null=True, related_name="work_requests")
    workspace = models.ForeignKey(Workspace, models.DO_NOTHING, related_name="work_requests")

    class Meta(Existing.Meta):
        db_table = "work_request"


class Artifact(Existing):
    category = models.CharField(max_length=255)
    created_at = models.DateTimeField()
    workspace = models.ForeignKey(Workspace, models.DO_NOTHING, related_name="artifacts")
    created_by_work_request = models.ForeignKey(WorkRequest, models.DO_NOTHING, related_name="artifacts")

    class Meta(Existing.Meta):
        db_table = "artifact"
        ordering: ClassVar = ["-created_at", "-id"]


class File(Existing):
    size = models.BigIntegerField()

    class Meta(Existing.Meta):
        db_table = "file"


class FileInArtifact(Existing):
    path = models.CharField(max_length=500)
    artifact = models.ForeignKey(Artifact, models.DO_NOTHING, related_name="files")
    file = models.ForeignKey(File, models.DO_NOTHING)

    class Meta(Existing.Meta):
        db_table = "file_in_artifact"
        ordering: ClassVar = ["path", "id"]


class OutboxEvent(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    event_type = models.CharField(max_length=255)
    source = models.CharField(max_length=255, default="urn:workyard")
    subject = models.CharField(max_length=255)
    partition_key = models.CharField(max_length=255)
    data = models.JSONField()
    tenant = models.ForeignKey(Tenant, models.DO_NOTHING)
    workspace = models.ForeignKey(Workspace, models.DO_NOTHING)
    audience = models.CharField(max_length=20, default="workspace")

    class Meta(Existing.Meta):
        abstract = False
        db_table = "outbox_event"
