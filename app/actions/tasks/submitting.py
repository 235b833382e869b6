"""What people send through the API: tasks of actors that are declared for it, and what a schedule sends, now."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import dramatiq

from app.access import Capability, Viewer
from app.actions.idempotency import made_before, number_of_key, remember
from app.actions.tasks import schedules
from app.actions.tasks.enqueueing import enqueue
from app.clock import now
from app.database import atomic, fetch
from app.errors import FieldError, Forbidden, Invalid, UnknownActor, UserError
from app.models import Entity, Task, WorkRequest, Workspace
from app.tasks.making import new_task
from app.tasks.messages import NewTask, decode, encode, find_actor

MAX_AT_ONCE = 1000
"""So many tasks are sent by one mutation, at most."""
MAX_DELAY = timedelta(days=366)
PRIORITIES = range(-1000, 1001)
_MESSAGE_IDS = UUID("5a8a4f5e-6b0e-4f0e-9f4e-2f6f0d0c9b1a")
"""Namespace of the ids of messages that were sent with an idempotency key."""


@dataclass(frozen=True)
class WantedTask:
    """What somebody wants to be sent. `rel_obj` is a model and the key of a row; ids are numbers of rows."""

    actor_name: str
    args: Any = ()
    kwargs: Any = field(default_factory=dict)
    queue_name: str | None = None
    delay: timedelta | None = None
    eta: datetime | None = None
    priority: int | None = None
    uid: str | None = None
    unique_key: str | None = None
    rel_obj: tuple[type[Entity], Any] | None = None
    workspace_id: int | None = None


@dataclass(frozen=True)
class Sent:
    """A task that was sent. `absorbed`: an unfinished one with its key was there before, and is meant."""

    task: Task
    absorbed: bool = False


@atomic()
async def enqueue_task(viewer: Viewer, wanted: WantedTask, *, idempotency_key: str | None = None) -> Sent:
    """Send a task to an actor that is declared with `remote=True`. For contributors of its workspace, and staff."""
    new = await _checked(viewer, wanted)
    if before := await made_before(viewer, idempotency_key, "enqueueTask", wanted):
        return Sent(await Task.get_visible(viewer, before))
    (stored,) = await enqueue([new])
    await remember(viewer, idempotency_key, stored.id)
    return Sent(await Task.get(id=stored.id), stored.absorbed)


@atomic()
async def enqueue_tasks(
    viewer: Viewer, wanted: Sequence[WantedTask], *, idempotency_key: str | None = None
) -> list[Sent]:
    """Send tasks, all or none of them."""
    if not 1 <= len(wanted) <= MAX_AT_ONCE:
        raise Invalid.field("tasks", f"Send from 1 to {MAX_AT_ONCE:,} tasks at once.")
    new: list[NewTask] = []
    for index, each in enumerate(wanted):
        with _in_list("tasks", index):
            new.append(await _checked(viewer, each))
    input = {"tasks": [asdict(each) for each in wanted]}
    before = await made_before(viewer, idempotency_key, "enqueueTasks", input)
    if idempotency_key is not None:
        ids = await _message_ids(viewer, idempotency_key, len(wanted))
        if before:
            found = {
                task.message_id: task for task in await Task.visible_to(viewer).filter(message_id__in=ids)
            }
            return [Sent(found[id]) for id in ids if id in found]
        new = [_renamed(each, id) for each, id in zip(new, ids, strict=True)]
    stored = await enqueue(new)
    await remember(viewer, idempotency_key, stored[0].id)
    tasks = {task.id: task for task in await Task.filter(id__in=[each.id for each in stored])}
    return [Sent(tasks[each.id], each.absorbed) for each in stored]


@atomic()
async def send_schedule(viewer: Viewer, id: int, *, idempotency_key: str | None = None) -> Task:
    """Send what a schedule sends, now: see `app.actions.tasks.schedules.send_schedule`."""
    if before := await made_before(viewer, idempotency_key, "sendSchedule", {"id": id}):
        return await Task.get_visible(viewer, before)
    task = await schedules.send_schedule(viewer, id)
    await remember(viewer, idempotency_key, task.id)
    return task


async def _message_ids(viewer: Viewer, key: str, count: int) -> list[UUID]:
    """The ids of the messages that a key makes: the same when it is sent again."""
    number = await number_of_key(viewer, key)
    return [uuid5(_MESSAGE_IDS, f"{number}:{index}") for index in range(count)]


def _renamed(new: NewTask, message_id: UUID) -> NewTask:
    """The same task with another message id."""
    message = decode(new.message).copy(message_id=str(message_id))
    return replace(new, message_id=message_id, message=encode(message))


@contextmanager
def _in_list(name: str, index: int) -> Iterator[None]:
    """Have refusals of one of several things lead to it."""
    place = ("input", name, str(index))
    try:
        yield
    except Invalid as error:
        raise type(error)(
            *[FieldError((*place, *each.path[1:]), each.message, each.code) for each in error.errors]
        ) from None
    except UserError as error:
        error.path = (*place, *error.path[1:])
        raise


async def _checked(viewer: Viewer, wanted: WantedTask) -> NewTask:
    """The task to be; raises what stands in the way."""
    owner = await _owner(viewer, wanted)
    workspace_id = await _workspace_id(viewer, wanted, owner)
    viewer.require(Capability.ENQUEUE_TASK, workspace_id)
    actor = _remote_actor(viewer, wanted.actor_name)
    message = actor.message_with_options(args=tuple(_list(wanted.args)), kwargs=_object(wanted.kwargs))
    if wanted.queue_name is not None:
        message = message.copy(queue_name=wanted.queue_name)
    return new_task(
        message,
        delay_ms=_delay_ms(wanted),
        eta=_eta(wanted),
        uid=_text("uid", wanted.uid, 255),
        unique=_text("uniqueKey", wanted.unique_key, 200),
        rel_obj=owner,
        workspace_id=workspace_id,
        tenant_id=viewer.tenant_id,
        priority=_priority(wanted.priority),
    )


async def _owner(viewer: Viewer, wanted: WantedTask) -> Any:
    """The object that it is to belong to, which stays until this transaction ends: its tasks go when it goes."""
    if wanted.rel_obj is None:
        return None
    model, key = wanted.rel_obj
    row = await model.get_visible(viewer, key)
    if not await fetch(f'SELECT FROM "{model._meta.db_table}" WHERE id = $1 FOR KEY SHARE', key):
        row._found(None)
    return row


async def _workspace_id(viewer: Viewer, wanted: WantedTask, owner: Any) -> int | None:
    of_owner: int | None = None
    if isinstance(owner, Workspace):
        of_owner = owner.id
    elif isinstance(owner, WorkRequest):
        of_owner = owner.workspace_id
    if wanted.workspace_id is None:
        return of_owner
    workspace = await Workspace.get_visible(viewer, wanted.workspace_id)
    if of_owner not in (None, workspace.id):
        raise Invalid.field("workspace", "What the task is to belong to lies in another workspace.")
    return int(workspace.id)


def _remote_actor(viewer: Viewer, name: str) -> dramatiq.Actor[..., Any]:
    """The actor. Staff, who see every actor, are told of one that may not be sent from outside."""
    actor = find_actor(name)
    if actor.options.get("remote") is True:
        return actor
    if viewer.can(Capability.VIEW_SYSTEM_INFO):
        raise Forbidden(
            f"The actor {name} takes tasks from the code of this server only: it is not declared with remote=True.",
            path=("input", "actorName"),
        )
    raise UnknownActor(
        f"There is no actor '{name[:200]}' that takes tasks from outside: see `actors`.",
        path=("input", "actorName"),
    )


def _list(args: Any) -> Iterable[Any]:
    if not isinstance(args, list | tuple):
        raise Invalid.field("args", "The positional arguments are a list.")
    return args


def _object(kwargs: Any) -> dict[str, Any]:
    if not isinstance(kwargs, dict):
        raise Invalid.field("kwargs", "The named arguments are an object.")
    return kwargs


def _delay_ms(wanted: WantedTask) -> float | None:
    """How long it waits; None: not at all, or until a time that was chosen."""
    if wanted.delay is None:
        return None
    if wanted.eta is not None:
        raise Invalid.field("eta", "Say either how long to wait or until when, not both.")
    if wanted.delay > MAX_DELAY:
        raise Invalid.field("delay", f"A task waits for at most {MAX_DELAY.days} days.")
    return wanted.delay.total_seconds() * 1000 if wanted.delay > timedelta() else None


def _eta(wanted: WantedTask) -> datetime | None:
    """When it may run, if a time was chosen that is to come."""
    time = now()
    if wanted.eta is None or wanted.eta <= time:
        return None
    if wanted.eta.astimezone(UTC) > time + MAX_DELAY:
        raise Invalid.field("eta", f"A task waits for at most {MAX_DELAY.days} days.")
    return wanted.eta


def _text(name: str, text: str | None, longest: int) -> str | None:
    if text is None:
        return None
    if not 1 <= len(text) <= longest or "\0" in text:
        raise Invalid.field(name, f"This has 1 to {longest} characters, none of them NUL.")
    return text


def _priority(priority: int | None) -> int | None:
    if priority is not None and priority not in PRIORITIES:
        raise Invalid.field("priority", f"A priority is from {PRIORITIES[0]} to {PRIORITIES[-1]}.")
    return priority
