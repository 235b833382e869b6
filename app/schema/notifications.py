"""Notification channels, and the rules of work requests that use them."""

from datetime import datetime
from typing import TYPE_CHECKING

import strawberry

from app import models
from app.access import Capability, Viewer
from app.graphql.entity import Node, computed, entity
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

    @computed("data")
    def data(row: models.NotificationChannel, viewer: Viewer) -> JSON | None:
        """Its settings, as its method wants them. Shown to staff; null to others."""
        return JSON(row.data) if viewer.can(Capability.ADMINISTER_NOTIFICATIONS) else None

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
    from_: str | None = strawberry.field(
        description=f"The sender, if not the channel's. {PRIVATE}", name="from"
    )
    to: list[str] | None = strawberry.field(description=f"The receivers, if not the channel's. {PRIVATE}")
    cc: list[str] | None = strawberry.field(
        description=f"Who gets a copy, if not who the channel says. {PRIVATE}"
    )


def rules_of(request: models.WorkRequest, viewer: Viewer) -> list[NotificationRule]:
    """The rules of a work request, as far as the viewer may know them."""
    readable = _may_read(viewer, request)
    return [
        NotificationRule(
            on=[models.NotificationEvent(event) for event in rule["on"]],
            channel=rule["channel"],
            subject=rule.get("subject"),
            from_=rule.get("from") if readable else None,
            to=rule.get("to") if readable else None,
            cc=rule.get("cc") if readable else None,
        )
        for rule in request.notifications
    ]


def _may_read(viewer: Viewer, request: models.WorkRequest) -> bool:
    """Addresses of people are not for all who may read a public workspace."""
    return (
        (viewer.user_id is not None and viewer.user_id == request.created_by_id)
        or viewer.can(Capability.CREATE_WORK, request.workspace_id)
        or viewer.can(Capability.ADMINISTER_NOTIFICATIONS)
    )
