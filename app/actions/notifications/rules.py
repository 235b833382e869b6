"""The rules of a work request, which say when word of it is sent, and the tasks that send it.

A rule is stored as `{"on": ["failure", …], "channel": name}` and what it changes of the channel's data: from, to, cc, subject.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from uuid_utils import uuid7

from app.access import Viewer
from app.actions.notifications.channels import CHANNEL_NAME
from app.actions.tasks.enqueueing import enqueue
from app.errors import Invalid
from app.models import (
    NotificationChannel,
    NotificationEvent,
    NotificationMethod,
    WorkRequest,
    WorkRequestResult,
    WorkRequestStatus,
)
from app.models.notifications import check_channel_data
from app.tasks.messages import NewTask, encode, make_message, triple_of
from app.tasks.tracing import carried

MAX_RULES = 20
MAIL_QUEUE = "mail"
MAIL_ACTOR = "app.chores.notifications.send_mail"
"""The actor that sends one mail. It is named here, as whoever ends a work request need not be able to run it."""

ALWAYS_FREE = frozenset({"cc", "subject"})
"""What a rule may change of every channel."""

# What the built-in channel would be with a submitter who has an address, to check rules against.
_LIKE_CREATOR: dict[str, Any] = {"from": "workyard@example.org", "to": ["submitter@example.org"]}

_OF_RESULT: Mapping[WorkRequestResult, NotificationEvent] = {
    WorkRequestResult.SUCCESS: NotificationEvent.SUCCESS,
    WorkRequestResult.SKIPPED: NotificationEvent.SUCCESS,
    WorkRequestResult.FAILURE: NotificationEvent.FAILURE,
    WorkRequestResult.ERROR: NotificationEvent.ERROR,
}


@dataclass(frozen=True)
class NewNotificationRule:
    """What a client asks for: `changes` are the keys of the channel's data that are to be others for this request."""

    on: tuple[NotificationEvent, ...]
    channel: str
    changes: Mapping[str, Any]


async def checked_rules(viewer: Viewer, rules: Sequence[NewNotificationRule]) -> list[dict[str, Any]]:
    """The rules as they are stored. Raises `Invalid` for channels that there are not, and for what no channel can work with."""
    if len(rules) > MAX_RULES:
        raise Invalid.field("notifications", f"A work request has at most {MAX_RULES} rules.")
    names = {rule.channel for rule in rules} - {NotificationChannel.CREATOR}
    channels = await _channels(viewer, [name for name in names if CHANNEL_NAME.fullmatch(name)])
    if unknown := sorted(names - channels.keys()):
        listed = ", ".join(f"'{name[:40]}'" for name in unknown)
        raise Invalid.field("notifications", f"There are no such notification channels: {listed}.", "UNKNOWN")
    return [
        _checked(rule, channels.get(rule.channel), ("input", "notifications", str(index)))
        for index, rule in enumerate(rules)
    ]


async def _channels(viewer: Viewer, names: Sequence[str]) -> dict[str, NotificationChannel]:
    if not names:
        return {}
    return {each.name: each for each in await NotificationChannel.visible_to(viewer).filter(name__in=names)}


def _checked(
    rule: NewNotificationRule, channel: NotificationChannel | None, path: tuple[str, ...]
) -> dict[str, Any]:
    field = ".".join(path[1:])
    if not rule.on:
        raise Invalid.field(f"{field}.on", "A rule needs at least one event on which word is sent.")
    for key in sorted(rule.changes.keys() - ALWAYS_FREE):
        if channel is None or not channel.allow_override:
            raise Invalid.field(
                f"{field}.{key}", f"The channel '{rule.channel}' does not let '{key}' be changed.", "OVERRIDE"
            )
    method = channel.method if channel is not None else NotificationMethod.EMAIL
    data = channel.data if channel is not None else _LIKE_CREATOR
    check_channel_data(method, {**data, **rule.changes}, path)
    on = [event.value for event in NotificationEvent if event in rule.on]
    return {"on": on, "channel": rule.channel, **rule.changes}


async def notify_of_end(request: WorkRequest) -> None:
    """Send word of a request that has just ended to whom its rules say, in the caller's transaction."""
    if request.status is WorkRequestStatus.ABORTED:
        await notify(request, NotificationEvent.ABORTED)
    elif request.result in _OF_RESULT:
        await notify(request, _OF_RESULT[request.result])


async def notify(request: WorkRequest, event: NotificationEvent, text: str = "") -> None:
    """Have one task for each rule that waits for this event, which sends its mail once the transaction has committed.

    `text` is what the event itself says. It is kept with the task, as the request may say another thing by then.
    """
    rules = [index for index, rule in enumerate(request.notifications) if event.value in rule["on"]]
    if rules:
        await enqueue([_task(request, event, index, text) for index in rules])


def _task(request: WorkRequest, event: NotificationEvent, rule: int, text: str) -> NewTask:
    message_id = str(uuid7())
    message = make_message(
        {
            "queue_name": MAIL_QUEUE,
            "actor_name": MAIL_ACTOR,
            "args": (request.id, event.value, rule),
            "kwargs": {"text": text} if text else {},
            "options": carried() or {},
            "message_id": message_id,
            "message_timestamp": int(time.time() * 1000),
        }
    )
    return NewTask(
        message_id=UUID(message_id),
        queue_name=MAIL_QUEUE,
        actor_name=MAIL_ACTOR,
        message=encode(message),
        uid=event.value,
        rel_obj=triple_of(request),
        workspace_id=request.workspace_id,  # whose tenant is the task's
    )
