"""Notification channels: made, changed, removed by staff."""

import re
from typing import Any

from tortoise.exceptions import IntegrityError

from app import events
from app.access import Capability, Viewer
from app.actions.audit import note
from app.actions.idempotency import made_before, remember
from app.actions.outbox import record
from app.database import atomic
from app.errors import Invalid
from app.models import LogAction, NotificationChannel, NotificationMethod
from app.models.notifications import check_channel_data

CHANNEL_NAME = re.compile(r"[A-Za-z][A-Za-z0-9+._-]{0,19}")


@atomic()
async def create_notification_channel(
    viewer: Viewer,
    *,
    name: str,
    data: Any,
    method: NotificationMethod = NotificationMethod.EMAIL,
    allow_override: bool = False,
    idempotency_key: str | None = None,
) -> NotificationChannel:
    """A new channel of the viewer's tenant. Raises `Invalid` unless its data is as its method wants it."""
    viewer.require(Capability.ADMINISTER_NOTIFICATIONS)
    _check_name(name)
    check_channel_data(method, data, ("input", "data"))  # Tortoise takes text for JSON
    channel = NotificationChannel(
        tenant_id=viewer.tenant_id, name=name, method=method, data=data, allow_override=allow_override
    )
    input = {"name": name, "method": method.value, "data": data, "allow_override": allow_override}
    if before := await made_before(viewer, idempotency_key, "createNotificationChannel", input):
        return await NotificationChannel.get_visible(viewer, before)
    try:
        await channel.save()
    except IntegrityError:
        raise Invalid.field(
            "name", f"There is a notification channel called '{name}' already.", "TAKEN"
        ) from None
    await remember(viewer, idempotency_key, channel.id)
    await record(events.NotificationChannelCreated, channel.id)
    await note(
        viewer,
        LogAction.ADDITION,
        channel,
        name,
        method=method.value,
        data=data,
        allow_override=allow_override,
    )
    return channel


@atomic()
async def update_notification_channel(
    viewer: Viewer,
    id: int,
    *,
    data: Any = None,
    allow_override: bool | None = None,
    if_version: int | None = None,
) -> NotificationChannel:
    """Change where a channel leads, all of its data at once, or what work requests may change of it.

    What has not been sent yet goes where the channel leads by then.
    """
    channel = await NotificationChannel.lock_visible(viewer, id, if_version=if_version)
    viewer.require(Capability.ADMINISTER_NOTIFICATIONS)
    change: dict[str, object] = {}
    if data is not None:
        channel.data = change["data"] = data
        channel.clean()
    if allow_override is not None:
        channel.allow_override = change["allow_override"] = allow_override
    await channel.save_changes(*change)
    await record(events.NotificationChannelChanged, channel.id)
    await note(viewer, LogAction.CHANGE, channel, channel.name, **change)
    return channel


@atomic()
async def delete_notification_channel(viewer: Viewer, id: int) -> NotificationChannel:
    """Remove a channel. Work requests may still name it: of them no word is sent through it any more."""
    channel = await NotificationChannel.lock_visible(viewer, id)
    viewer.require(Capability.ADMINISTER_NOTIFICATIONS)
    await record(events.NotificationChannelDeleted, channel.id)
    await note(viewer, LogAction.DELETION, channel, channel.name)
    await channel.delete()
    return channel


def _check_name(name: str) -> None:
    if not CHANNEL_NAME.fullmatch(name):
        raise Invalid.field(
            "name", "A channel's name is a letter, then at most 19 letters, digits or + . _ -"
        )
    if name == NotificationChannel.CREATOR:
        raise Invalid.field(
            "name", f"'{name}' is built in: it mails whoever submitted the work request.", "TAKEN"
        )
