"""Groups that call back: how their members are marked before they are sent."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

import dramatiq
from uuid_utils.compat import uuid7

from app.tasks.making import new_task
from app.tasks.messages import Message, NewGroup, NewTask, find_actor

Child = dramatiq.Message[Any] | dramatiq.pipeline | dramatiq.group

GROUP = "group_completion_uuid"
CALLBACKS = "group_completion_callbacks"
"""The options by which dramatiq's members know their group."""


def members(group: dramatiq.group, groups: list[NewGroup], unique: object = None) -> Sequence[Child]:
    """What is to be sent of a group. One that calls back is added to `groups`, and its members know it.

    Raises what `new_task` raises when a callback cannot be sent, and as dramatiq `NotImplementedError` for groups in it.
    """
    if not group.completion_callbacks:
        return group.children
    if not group.children:
        raise ValueError("A group without members never calls back: nothing in it can end.")
    for message in _messages(group):
        if unique or message.options.get("unique", _actor_unique(message, group.broker)):
            raise ValueError(
                f"{message.actor_name} is unique: if another absorbs it, the group that it is in would never call back."
            )
    for callback in group.completion_callbacks:
        new_task(dramatiq.Message(**callback), broker=group.broker)
    id: UUID = uuid7()
    groups.append(NewGroup(id, len(group.children)))
    options = {GROUP: str(id), CALLBACKS: group.completion_callbacks}
    return [_marked(child, options) for child in group.children]


def due_with(tasks: Sequence[NewTask], groups: Sequence[NewGroup]) -> list[NewGroup]:
    """The groups, with when the last of all these tasks is due: none is given up before."""
    last = max((task.eta for task in tasks if task.eta is not None), default=None)
    return [replace(group, due=last) for group in groups]


def _messages(group: dramatiq.group) -> Iterator[Message]:
    for child in group.children:
        if isinstance(child, dramatiq.group):
            raise NotImplementedError(
                "A group that calls back has messages and pipelines in it, and no groups."
            )
        if isinstance(child, dramatiq.pipeline):
            yield from child.messages
        else:
            yield child


def _actor_unique(message: Message, broker: dramatiq.Broker) -> object:
    return find_actor(message.actor_name, broker).options.get("unique")


def _marked(child: Any, options: dict[str, Any]) -> Child:
    """The member, a pipeline by its last message: it has been done when that has."""
    if isinstance(child, dramatiq.pipeline):
        *before, last = child.messages
        return dramatiq.pipeline([*before, last.copy(options=options)], broker=child.broker)
    marked: Message = child.copy(options=options)
    return marked
