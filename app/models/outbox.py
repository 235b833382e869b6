"""The event log: one CloudEvent for every change of state, written in the transaction of the change.

Source: the OutboxEvent of django-broadcaster. Its position in the log is (xid, seq): see docs/decisions/0003.
"""

from enum import Enum
from typing import Any

from tortoise import fields
from tortoise.expressions import Q, Subquery

from app.access import Viewer
from app.events import Audience
from app.models.accounts import Tenant
from app.models.entity import NOTHING, Entity
from app.models.workspaces import Workspace


class OutboxStatus(str, Enum):
    """How far an event has come on its way to outside destinations."""

    PENDING = "pending"
    PROCESSING = "processing"
    PUBLISHED = "published"
    FAILED = "failed"
    RETRY = "retry"


class OutboxEvent(Entity):
    """One thing that happened, as a CloudEvent. Never changed but for its way to outside destinations."""

    word = "event"
    Status = OutboxStatus

    id = fields.UUIDField(primary_key=True, description="The CloudEvent's id.")
    spec_version = fields.CharField(10, default="1.0", description="Version of the CloudEvents specification.")
    event_type = fields.CharField(255, description="What happened, such as work_request.completed.")
    source = fields.CharField(255, description="URI of the system that says so.")
    subject = fields.CharField(255, default="", description="What it happened to, such as work_request/12.")
    data_content_type = fields.CharField(100, default="application/json", description="Media type of data.")
    data_schema = fields.CharField(200, default="", description="URI of the schema of data.")
    data: dict[str, Any] | None = fields.JSONField(null=True, description="The subject's state as of this event.")  # type: ignore[assignment]
    status = fields.CharEnumField(OutboxStatus, max_length=20, default=OutboxStatus.PENDING, description="How far it has come.")
    created_at = fields.DatetimeField(auto_now_add=True, description="When it happened.")
    updated_at = fields.DatetimeField(auto_now=True, description="When its way to destinations last changed.")
    scheduled_at = fields.DatetimeField(auto_now_add=True, description="Not published before this time.")
    published_at = fields.DatetimeField(null=True, description="When it reached its last destination.")
    retry_count = fields.IntField(default=0, description="How often publishing was tried again.")
    max_retries = fields.IntField(default=3, description="How often it is tried again, at most.")
    last_error = fields.TextField(default="", description="Why publishing last failed.")
    publisher_backend = fields.CharField(100, default="", description="Which publisher takes it; empty: the first.")
    publisher_config: dict[str, Any] = fields.JSONField(default=dict, description="Settings for the publisher.")  # type: ignore[assignment]

    xid = fields.BigIntField(generated=True, null=True, description="The transaction that wrote it: first part of its position.")
    seq = fields.BigIntField(generated=True, null=True, description="Its number in the log: second part of its position.")
    partition_key = fields.CharField(255, default="", description="Events of one key are published in order.")
    tenant: fields.ForeignKeyRelation[Tenant] = fields.ForeignKeyField("models.Tenant", related_name="events", on_delete=fields.RESTRICT)
    tenant_id: int
    workspace: fields.ForeignKeyNullableRelation[Workspace] = fields.ForeignKeyField("models.Workspace", null=True, related_name="events", on_delete=fields.CASCADE)
    workspace_id: int | None
    audience = fields.CharEnumField(Audience, max_length=9, description="Who may see it.")
    owner_id = fields.BigIntField(null=True, description="The user it concerns, who may see it too.")

    class Meta:
        table = "outbox_event"

    @classmethod
    def visibility(cls, viewer: Viewer) -> Q:
        if viewer.worker_id is not None:
            return NOTHING
        public = Q(workspace_id__in=Subquery(Workspace.visible_to(viewer).values("id")), audience=Audience.WORKSPACE)
        if viewer.user_id is None:
            return public
        audiences = [Audience.TENANT, Audience.STAFF] if viewer.is_staff or viewer.is_superuser else [Audience.TENANT]
        return public | Q(tenant_id=viewer.tenant_id, audience__in=audiences) | Q(owner_id=viewer.user_id)
