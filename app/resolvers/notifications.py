"""Notification channels: made, changed, removed by staff."""

import strawberry

from app import models
from app.actions import notifications as actions
from app.context import Info
from app.graphql.connections import ConnectionOf, connection
from app.graphql.ids import row_id
from app.graphql.mutations import Payload, argument, changed, mutation
from app.graphql.scalars import JSON
from app.schema.notifications import NotificationChannelFilter, NotificationChannelOrder

DATA = (
    "Its settings. For EMAIL: an object of `from`, an address, and `to`, a list of 1 to 100 of them; and, if wanted, "
    "`cc`, a list of addresses, and `subject`, in which $work_request_id, $work_request_result, $task_name and $workspace "
    "stand for what they say."
)


@strawberry.type
class Query:
    """Notification channels."""

    notification_channels = connection(
        "NotificationChannel",
        "The notification channels of your tenant. `creator`, which is built in, is not among them.",
        ConnectionOf(
            models.NotificationChannel,
            filters=NotificationChannelFilter,
            orders=NotificationChannelOrder,
            default_order=(("name", False),),
        ),
    )


@strawberry.input(description="A new notification channel.")
class CreateNotificationChannelInput:
    """For createNotificationChannel."""

    name: str = argument(
        "A letter, then at most 19 letters, digits or + . _ -; unique in the tenant, and not `creator`."
    )
    method: models.NotificationMethod = argument(
        "How it carries word. WEBHOOK is refused as yet.", models.NotificationMethod.EMAIL
    )
    data: JSON = argument(DATA)
    allow_override: bool = argument(
        "True: a work request may name other senders and receivers. Copies and the subject are free in any case.",
        False,
    )
    idempotency_key: str | None = argument(
        "A key of your choice: sent twice, it makes one notification channel.", None
    )


@strawberry.input(description="Changes to a notification channel. What is left out stays as it is.")
class UpdateNotificationChannelInput:
    """For updateNotificationChannel."""

    id: strawberry.ID = argument("The notification channel.")
    data: JSON | None = argument(f"All of its settings, instead of what they are now. {DATA}", None)
    allow_override: bool | None = argument(
        "Whether a work request may name other senders and receivers.", None
    )
    if_version: int | None = argument("Refuse unless it still has this version.", None)


@strawberry.type(description="What mutations of notification channels answer.")
class NotificationChannelPayload(Payload):
    """A notification channel."""

    notification_channel: models.NotificationChannel | None = changed(
        "NotificationChannel", "The notification channel as it is now."
    )


@strawberry.input(description="Which notification channel.")
class DeleteNotificationChannelInput:
    """For deleteNotificationChannel."""

    id: strawberry.ID = argument("The notification channel.")


@strawberry.type(description="What deleteNotificationChannel answers.")
class DeleteNotificationChannelPayload(Payload):
    """The id of what is gone."""

    deleted_id: strawberry.ID | None = strawberry.field(
        default=None, description="The id of the notification channel that is gone."
    )


@strawberry.type
class Mutation:
    """What can be done with notification channels."""

    @mutation(
        NotificationChannelPayload,
        "Make a notification channel. For staff. Emits notification_channel.created.",
    )
    @staticmethod
    async def create_notification_channel(
        info: Info, input: CreateNotificationChannelInput
    ) -> NotificationChannelPayload:
        return NotificationChannelPayload(
            notification_channel=await actions.create_notification_channel(
                info.context.viewer,
                name=input.name,
                method=input.method,
                data=input.data,
                allow_override=input.allow_override,
                idempotency_key=input.idempotency_key,
            )
        )

    @mutation(
        NotificationChannelPayload,
        "Change where a notification channel leads, also for what is still to be sent. For staff. "
        "Emits notification_channel.changed.",
    )
    @staticmethod
    async def update_notification_channel(
        info: Info, input: UpdateNotificationChannelInput
    ) -> NotificationChannelPayload:
        return NotificationChannelPayload(
            notification_channel=await actions.update_notification_channel(
                info.context.viewer,
                row_id(input.id, models.NotificationChannel),
                data=input.data,
                allow_override=input.allow_override,
                if_version=input.if_version,
            )
        )

    @mutation(
        DeleteNotificationChannelPayload,
        "Remove a notification channel. Word that work requests wanted through it is not sent any more. For staff. "
        "Emits notification_channel.deleted.",
    )
    @staticmethod
    async def delete_notification_channel(
        info: Info, input: DeleteNotificationChannelInput
    ) -> DeleteNotificationChannelPayload:
        await actions.delete_notification_channel(
            info.context.viewer, row_id(input.id, models.NotificationChannel)
        )
        return DeleteNotificationChannelPayload(deleted_id=input.id)
