"""Notification channels: where word of work goes. Source: NotificationChannel of debusine."""

from enum import StrEnum
from typing import Any

from tortoise import fields
from tortoise.expressions import Q

from app.access import Viewer
from app.models.accounts import Tenant
from app.models.entity import Entity, in_tenant


class NotificationMethod(StrEnum):
    """How a channel carries word."""

    EMAIL = "email"
    WEBHOOK = "webhook"


class NotificationEvent(StrEnum):
    """When a work request sends word."""

    SUCCESS = "success"
    FAILURE = "failure"
    ERROR = "error"
    ABORTED = "aborted"
    NEEDS_INPUT = "needs-input"


class NotificationChannel(Entity):
    """A place that word of work is sent to."""

    word = "notification channel"
    Methods = NotificationMethod
    CREATOR = "creator"
    """The name of the channel that is always there: mail to whoever submitted the request."""

    data_jsonschemas: dict[NotificationMethod, dict[str, Any]] = {
        NotificationMethod.EMAIL: {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "from": {"type": "string", "format": "email"},
                "to": {
                    "type": "array",
                    "minItems": 1,
                    "maxItems": 100,
                    "items": {"type": "string", "format": "email"},
                },
                "cc": {"type": "array", "maxItems": 100, "items": {"type": "string", "format": "email"}},
                "subject": {"type": "string", "maxLength": 500, "pattern": "^[^\\r\\n]*$"},
            },
            "required": ["from", "to"],
        },
    }

    id = fields.BigIntField(primary_key=True)
    tenant: fields.ForeignKeyRelation[Tenant] = fields.ForeignKeyField(
        "models.Tenant", related_name="notification_channels", on_delete=fields.RESTRICT
    )
    tenant_id: int
    name = fields.CharField(
        20, description="Name, unique in the tenant: a letter, then letters, digits, and + . _ -"
    )
    method = fields.CharEnumField(NotificationMethod, max_length=10, description="How it carries word.")
    data: dict[str, Any] = fields.JSONField(
        default=dict, description="Its settings, as its method wants them."
    )
    allow_override = fields.BooleanField(
        default=False, description="True: a work request may name other senders and receivers."
    )
    created_at = fields.DatetimeField(auto_now_add=True, description="When it was made.")
    version = fields.IntField(default=1, description="Counts the changes of this row; give it as ifVersion.")

    class Meta:
        table = "notification_channel"
        unique_together = (("tenant", "name"),)

    @classmethod
    def visibility(cls, viewer: Viewer) -> Q:
        """The signed-in users of the tenant; what is in its data, staff only."""
        return in_tenant()(viewer)
