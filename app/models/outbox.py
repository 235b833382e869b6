"""The event log: one CloudEvent for every change of state, written in the transaction of the change.

Source: the OutboxEvent of django-broadcaster. Its position in the log is (xid, seq): see docs/decisions/0003.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tortoise import fields
from tortoise.expressions import Q

from app.access import Viewer
from app.database import fetch
from app.errors import CursorExpired
from app.events import Audience, Position
from app.models.accounts import Tenant
from app.models.entity import NOTHING, Entity, in_seen_workspace
from app.models.workspaces import Workspace


class OutboxStatus(StrEnum):
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
    spec_version = fields.CharField(
        10, default="1.0", description="Version of the CloudEvents specification."
    )
    event_type = fields.CharField(255, description="What happened, such as work_request.completed.")
    source = fields.CharField(255, description="URI of the system that says so.")
    subject = fields.CharField(255, default="", description="What it happened to, such as work_request/12.")
    data_content_type = fields.CharField(100, default="application/json", description="Media type of data.")
    data_schema = fields.CharField(200, default="", description="URI of the schema of data.")
    data: dict[str, Any] | None = fields.JSONField(
        null=True, description="The subject's state as of this event."
    )
    status = fields.CharEnumField(
        OutboxStatus, max_length=20, default=OutboxStatus.PENDING, description="How far it has come."
    )
    created_at = fields.DatetimeField(auto_now_add=True, description="When it happened.")
    updated_at = fields.DatetimeField(auto_now=True, description="When its way to destinations last changed.")
    scheduled_at = fields.DatetimeField(auto_now_add=True, description="Not published before this time.")
    published_at = fields.DatetimeField(null=True, description="When it reached its last destination.")
    retry_count = fields.IntField(default=0, description="How often publishing was tried again.")
    max_retries = fields.IntField(default=3, description="How often it is tried again, at most.")
    last_error = fields.TextField(default="", description="Why publishing last failed.")
    publisher_backend = fields.CharField(
        100, default="", description="Which publisher takes it; empty: the first."
    )
    publisher_config: dict[str, Any] = fields.JSONField(
        default=dict, description="Settings for the publisher."
    )

    xid = fields.BigIntField(
        generated=True, null=True, description="The transaction that wrote it: first part of its position."
    )
    seq = fields.BigIntField(
        generated=True, null=True, description="Its number in the log: second part of its position."
    )
    partition_key = fields.CharField(255, default="", description="Events of one key are published in order.")
    tenant: fields.ForeignKeyRelation[Tenant] = fields.ForeignKeyField(
        "models.Tenant", related_name="events", on_delete=fields.RESTRICT, db_constraint=False
    )
    tenant_id: int
    workspace: fields.ForeignKeyNullableRelation[Workspace] = fields.ForeignKeyField(
        "models.Workspace", null=True, related_name="events", on_delete=fields.CASCADE, db_constraint=False
    )
    workspace_id: int | None
    audience = fields.CharEnumField(Audience, max_length=20, description="Who may see it.")
    owner_id = fields.BigIntField(null=True, description="The user it concerns, who may see it too.")

    class Meta:
        table = "outbox_event"

    @classmethod
    def visibility(cls, viewer: Viewer) -> Q:
        """Its audience, and the user whom it concerns. Workers see none."""
        if viewer.worker_id is not None:
            return NOTHING
        public = in_seen_workspace("workspace_id", viewer) & Q(
            audience__in=[Audience.WORKSPACE, Audience.WORKSPACE_AND_STAFF]
        )
        if viewer.user_id is None:
            return public
        staff = viewer.is_staff or viewer.is_superuser
        audiences = (
            [Audience.TENANT, Audience.STAFF, Audience.WORKSPACE_AND_STAFF] if staff else [Audience.TENANT]
        )
        return public | Q(tenant_id=viewer.tenant_id, audience__in=audiences) | Q(owner_id=viewer.user_id)


async def read_log(after: Position, limit: int) -> "Horizon":
    """What comes after a position and is safe to hand out: no transaction that is still open can come before it.

    Raises `CursorExpired` when retention has removed events after the position.
    """
    rows = await fetch(_READ, str(after.xid), after.seq, limit)
    state = rows[0]
    if after < (state["pruned_xid"], state["pruned_seq"]):
        raise CursorExpired(
            "The events after this cursor are no longer kept: read the present state, then follow from now.",
            path=("after",),
        )
    return Horizon([row for row in rows if row["id"] is not None], bool(state["held_back"]))


async def end_of_log() -> Position:
    """The position of the last event that is safe to hand out."""
    rows = await fetch(
        "SELECT xid::text::bigint AS xid, seq FROM outbox_event WHERE xid < pg_snapshot_xmin(pg_current_snapshot())"
        " ORDER BY xid DESC, seq DESC LIMIT 1"
    )
    if rows:
        return Position(rows[0]["xid"], rows[0]["seq"])
    state = (await fetch("SELECT pruned_xid::text::bigint AS xid, pruned_seq AS seq FROM event_log_state"))[0]
    return Position(state["xid"], state["seq"])


@dataclass(frozen=True)
class Horizon:
    """A part of the log. `held_back`: there is more that is committed, but an open transaction could still come before it."""

    rows: list[dict[str, Any]]
    held_back: bool


_READ = """
SELECT id, event_type, source, subject, created_at, data, tenant_id, workspace_id, audience, owner_id,
       xid::text::bigint AS xid, seq,
       pruned_xid::text::bigint AS pruned_xid, pruned_seq, held_back
FROM read_log($1::text::xid8, $2, $3)
"""
