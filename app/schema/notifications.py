"""Notification channels, and the rules of work requests that use them."""

from datetime import datetime
from typing import TYPE_CHECKING

import strawberry

from app import models
from app.access import Capability, Viewer
from app.context import Info
from app.graphql.entity import Node, describe, entity
from app.graphql.filters import filter_of, order_of
from app.graphql.scalars import JSON
from app.schema.tasks import tasks_of

if TYPE_CHECKING:
    from app.graphql.connections import Connection
    from app.schema.tasks import Task

NotificationChannelFilter = filter_of(
    models.NotificationChannel, "id", "name", "method", "allow_override", "created_at"
)
NotificationChannelOrder = order_of(models.NotificationChannel, "name", "created_at")

PRIVATE = (
    "Null unless you submitted the work request, may submit work where it lives, or administer notifications."
)


@entity(models.NotificationChannel)
class NotificationChannel(Node):
    """A place that word of work is sent to."""

    name: str
    method: models.NotificationMethod
    allow_override: bool
    created_at: datetime
    version: int

    @strawberry.field(
        description=describe(models.NotificationChannel, "data") + " Shown to staff; null to others."
    )
    @staticmethod
    def data(row: strawberry.Parent[models.NotificationChannel], info: Info) -> JSON | None:
        return JSON(row.data) if info.context.viewer.can(Capability.ADMINISTER_NOTIFICATIONS) else None

    tasks: "Connection[Task]" = tasks_of("notifications", "notificationchannel")


@strawberry.type(
    description="When word of a work request is sent, and what it changes of the channel that carries it."
)
class NotificationRule:
    """Shows one entry of `WorkRequest.notifications`."""

    on: list[models.NotificationEvent] = strawberry.field(description="When word is sent.")
    channel: str = strawberry.field(
        description="Name of the notification channel; `creator` is mail to whoever submitted the work request."
    )
    subject: str | None = strawberry.field(description="The subject of its mail, if not the channel's.")
    request: strawberry.Private[models.WorkRequest]
    rule: strawberry.Private[dict[str, object]]

    @strawberry.field(description=f"The sender, if not the channel's. {PRIVATE}", name="from")
    @staticmethod
    def from_(row: strawberry.Parent["NotificationRule"], info: Info) -> str | None:
        return _address(row, info, "from")  # type: ignore[return-value]

    @strawberry.field(description=f"The receivers, if not the channel's. {PRIVATE}")
    @staticmethod
    def to(row: strawberry.Parent["NotificationRule"], info: Info) -> list[str] | None:
        return _address(row, info, "to")  # type: ignore[return-value]

    @strawberry.field(description=f"Who gets a copy, if not who the channel says. {PRIVATE}")
    @staticmethod
    def cc(row: strawberry.Parent["NotificationRule"], info: Info) -> list[str] | None:
        return _address(row, info, "cc")  # type: ignore[return-value]


def rules_of(request: models.WorkRequest) -> list[NotificationRule]:
    """The rules of a work request."""
    return [
        NotificationRule(
            on=[models.NotificationEvent(event) for event in rule["on"]],
            channel=rule["channel"],
            subject=rule.get("subject"),
            request=request,
            rule=rule,
        )
        for rule in request.notifications
    ]


def _address(rule: NotificationRule, info: Info, key: str) -> object:
    return rule.rule.get(key) if _may_read(info.context.viewer, rule.request) else None


def _may_read(viewer: Viewer, request: models.WorkRequest) -> bool:
    """Addresses of people are not for all who may read a public workspace."""
    return (
        (viewer.user_id is not None and viewer.user_id == request.created_by_id)
        or viewer.can(Capability.CREATE_WORK, request.workspace_id)
        or viewer.can(Capability.ADMINISTER_NOTIFICATIONS)
    )
