"""What people do with tasks through the API: send them, have them tried again, stop them, clear them away."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID, uuid5

import dramatiq
from tortoise.expressions import Q
from tortoise.queryset import QuerySet

from app import events
from app.access import Capability, Viewer
from app.actions.audit import note_many
from app.actions.idempotency import made_before, number_of_key, remember
from app.actions.outbox import record
from app.actions.tasks import schedules
from app.actions.tasks.enqueueing import enqueue
from app.actions.tasks.purging import purge_at
from app.clock import now
from app.database import atomic, fetch
from app.errors import FieldError, Forbidden, Invalid, InvalidState, UnknownActor, UserError
from app.events import EventType
from app.models import Entity, LogAction, LogLevel, Task, TaskState, WorkRequest, Workspace
from app.models.tasks import FINAL
from app.settings import Settings
from app.tasks import messages
from app.tasks.messages import NewTask, UndecodableMessage, decode, encode, find_actor, new_task
from app.tasks.running import CANCELLED_LINE, MACHINERY, RETRY_LINE

MAX_AT_ONCE = 1000
"""So many tasks are sent, retried or removed by one mutation, at most."""
MAX_DELAY = timedelta(days=366)
PRIORITIES = range(-1000, 1001)
_MESSAGE_IDS = UUID("5a8a4f5e-6b0e-4f0e-9f4e-2f6f0d0c9b1a")
"""Namespace of the ids of messages that were sent with an idempotency key."""


# Sending -------------------------------------------------------------------------------------------------------------


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


# Trying again --------------------------------------------------------------------------------------------------------


@atomic()
async def retry_task(viewer: Viewer, id: int, *, reset_retries: bool = True) -> Task:
    """Have a rejected task run again, as the same task: its log so far becomes that of a previous attempt.

    Without `reset_retries` it goes on counting, so that one whose retries are used up gets a single attempt.
    """
    task = await Task.lock_visible(viewer, id)
    viewer.require(Capability.RETRY_TASK, task.workspace_id)
    if not task.can_retry:
        raise InvalidState(
            f"Only a task that was rejected can be tried again; this one is {task.state.name}.",
            current_state=task.state.name,
        )
    if not await _requeue([task], reset=reset_retries):
        raise InvalidState(
            "Nobody can read the message of this task, so nobody can run it.", current_state=task.state.name
        )
    return await Task.get(id=id)


@atomic()
async def retry_tasks(viewer: Viewer, filter: Q, *, limit: int = MAX_AT_ONCE) -> int:
    """Have the rejected tasks that satisfy the filter and that one may retry run again, the oldest first. Returns how many.

    Those that somebody else changes just now, and those whose message nobody can read, are left out.
    """
    _check_limit(limit)
    query = Task.visible_to(viewer).filter(filter, _where_allowed(viewer, Capability.RETRY_TASK))
    tasks = await _locked(query.filter(state=TaskState.REJECTED, rejected=True), limit)
    return len(await _requeue(tasks, reset=True))


async def _requeue(tasks: Sequence[Task], *, reset: bool) -> list[int]:
    """Put these rejected tasks, which are locked, back into their queues. Returns the ids of those that could be."""
    bodies: dict[int, bytes] = {}
    for task in tasks:
        try:
            assert task.message is not None
            bodies[task.id] = messages.reset_retries(task.message) if reset else _readable(task.message)
        except UndecodableMessage:
            continue
    if not bodies:
        return []
    ids = list(bodies)
    quiet = {task.id for task in tasks if not _wants(task, "log")}
    await fetch("UPDATE task_log SET previous = true WHERE task_id = ANY($1) AND NOT previous", ids)
    await fetch(_REQUEUE, ids, list(bodies.values()), [id not in quiet for id in ids], reset)
    await _log(
        [task for task in tasks if task.id in bodies and task.id not in quiet], RETRY_LINE, LogLevel.INFO
    )
    await _tell(
        events.TaskRequeued,
        [task for task in tasks if task.id in bodies],
        TaskState.QUEUED,
        "retried_by_hand",
    )
    return ids


def _readable(message: bytes) -> bytes:
    decode(message)
    return message


_REQUEUE = """
WITH requeued AS (
    UPDATE task SET state = 'queued', ready = true, eta = NULL, mtime = now(), expires_at = NULL, cancel_requested_at = NULL,
        message = sent.message, result = NULL, result_expiry = NULL,
        retries = CASE WHEN $4 THEN 0 ELSE task.retries END, crashes = CASE WHEN $4 THEN 0 ELSE task.crashes END,
        worst_level = CASE WHEN sent.logged THEN 'info' ELSE 'done' END, log_count = log_count + sent.logged::int
    FROM unnest($1::bigint[], $2::bytea[], $3::bool[]) AS sent(id, message, logged)
    WHERE task.id = sent.id RETURNING task.queue_name)
SELECT pg_notify('workyard_tasks', queue_name) FROM (SELECT DISTINCT queue_name FROM requeued) AS filled
WHERE EXISTS (SELECT FROM task_idle WHERE task_idle.queue_name = filled.queue_name)
"""


# Stopping ------------------------------------------------------------------------------------------------------------


@atomic()
async def cancel_task(viewer: Viewer, id: int) -> Task:
    """Stop a task. One that waits is rejected at once; one in work is stopped by its runner within a second, and rejected."""
    task = await Task.lock_visible(viewer, id)
    viewer.require(Capability.CANCEL_TASK, task.workspace_id)
    if not task.can_cancel:
        raise InvalidState(
            f"Only a task that has not ended can be stopped; this one is {task.state.name}.",
            current_state=task.state.name,
        )
    if task.state is TaskState.QUEUED and not (task.ready and await _taken(task)):
        await fetch(_REJECT, task.id, _keep(task.actor_name).total_seconds())
        await _log([task], CANCELLED_LINE, LogLevel.WARNING)
        await _tell(events.TaskRejected, [task], TaskState.REJECTED)
    elif task.cancel_requested_at is None:
        await Task.filter(id=id).update(cancel_requested_at=now())
    return await Task.get(id=id)


async def _taken(task: Task) -> bool:
    """Whether a runner has taken the task meanwhile, which its row then says. Else nobody can take it any more."""
    if await fetch(_TAKE_OUT, task.queue_name, task.priority, task.id):
        return False
    return bool(await fetch("SELECT write_claims(ARRAY[$1::bigint])", task.id))


_TAKE_OUT = (
    "DELETE FROM task_waiting WHERE queue_name = $1 AND priority = $2 AND task_id = $3 RETURNING task_id"
)

_REJECT = f"""
UPDATE task SET state = 'rejected', ready = false, eta = NULL, mtime = now(), dedupe_key = NULL, cancel_requested_at = now(),
    expires_at = now() + make_interval(secs => $2), purge_at = {purge_at("task", "make_interval(secs => $2)")},
    worst_level = 'warning', log_count = log_count + 1
WHERE id = $1
"""


def _keep(actor_name: str) -> timedelta:
    """For how long a task of this actor is kept once it has ended."""
    try:
        keep = find_actor(actor_name).options.get("keep")
    except UnknownActor:
        keep = None
    return timedelta(days=_settings().task_retention_days) if keep is None else timedelta(seconds=keep)


@cache
def _settings() -> Settings:
    return Settings()


# Clearing away -------------------------------------------------------------------------------------------------------


@atomic()
async def purge_tasks(viewer: Viewer, filter: Q, older_than: timedelta, *, limit: int = MAX_AT_ONCE) -> int:
    """Remove ended tasks that satisfy the filter and ended so long ago, with their logs, the oldest first. Returns how many."""
    viewer.require(Capability.PURGE_TASKS)
    _check_limit(limit)
    if older_than < timedelta():
        raise Invalid.field("olderThan", "The age is not below nothing.")
    try:
        before = now() - older_than
    except OverflowError:
        raise Invalid.field("olderThan", "Nothing is as old as this.") from None
    query = Task.visible_to(viewer).filter(filter, state__in=list(FINAL), mtime__lt=before)
    ids = [task.id for task in await _locked(query, limit)]
    if ids:
        await Task.filter(id__in=ids).delete()
        await note_many(viewer, LogAction.DELETION, Task, ids[0], f"{len(ids)} tasks", count=len(ids))
    return len(ids)


# What they share -----------------------------------------------------------------------------------------------------


async def _locked(query: QuerySet[Task], limit: int) -> list[Task]:
    """The first of these in the order of their ids, locked. Those that somebody else has locked are skipped."""
    return list(
        await query.order_by("id").limit(limit).select_for_update(of=("task",), no_key=True, skip_locked=True)
    )


def _check_limit(limit: int) -> None:
    if not 1 <= limit <= MAX_AT_ONCE:
        raise Invalid.field("limit", f"The limit is from 1 to {MAX_AT_ONCE:,}.")


def _where_allowed(viewer: Viewer, capability: Capability) -> Q:
    """The tasks for which the viewer may use the capability. `Forbidden` when there is no place where they may."""
    if viewer.can(capability):
        return Q()
    allowed = [id for id in viewer.roles if viewer.can(capability, id)]
    if not allowed:
        viewer.require(capability)
    return Q(workspace_id__in=allowed)


def _wants(task: Task, option: str) -> bool:
    """An option of the task's message, else of its actor: whether it wants the engine's lines, or events."""
    options: Mapping[str, Any] = {}
    try:
        options = find_actor(task.actor_name).options
        options = {**options, **decode(task.message or b"").options}
    except (UnknownActor, UndecodableMessage):
        pass
    return bool(options.get(option, True))


async def _log(tasks: Sequence[Task], line: str, level: LogLevel) -> None:
    """Store a line of the engine's for tasks whose `log_count` was just counted up for it."""
    if tasks:
        await fetch(_LOG, [task.id for task in tasks], line, level.value, MACHINERY)


_LOG = """
INSERT INTO task_log (id, task_id, event, log_level, logger, timestamp, attempt, number)
SELECT gen_random_uuid(), id, $2, $3, $4, now(), attempt, log_count FROM task WHERE id = ANY($1)
"""


async def _tell(event: EventType, tasks: Sequence[Task], state: TaskState, reason: str | None = None) -> None:
    """Record the event of these, which have become that state, but for actors that want no events."""
    ids = [task.id for task in tasks if _wants(task, "events")]
    if ids:
        extra: dict[str, object] = {"transitions": [[state.value, now()]]}
        await record(event, *ids, extra=extra | ({"reason": reason} if reason else {}))
