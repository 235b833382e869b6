"""What people do with tasks that are there, through the API: have them tried again, stop them, clear them away."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import cache
from typing import Any

from tortoise.expressions import Q
from tortoise.queryset import QuerySet

from app import events
from app.access import Capability, Viewer
from app.actions.audit import note_many
from app.actions.outbox import record
from app.actions.tasks.purging import purge_at
from app.clock import now
from app.database import atomic, fetch
from app.errors import Invalid, InvalidState, UnknownActor
from app.events import EventType
from app.models import LogAction, LogLevel, Task, TaskState
from app.models.tasks import FINAL
from app.settings import Settings
from app.tasks import messages
from app.tasks.messages import UndecodableMessage, decode, find_actor
from app.tasks.running import CANCELLED_LINE, MACHINERY, RETRY_LINE

MAX_AT_ONCE = 1000
"""So many tasks are retried or removed by one mutation, at most."""


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
SELECT line_id(id, log_count, now()), id, $2, $3, $4, now(), attempt, log_count FROM task WHERE id = ANY($1)
"""


async def _tell(event: EventType, tasks: Sequence[Task], state: TaskState, reason: str | None = None) -> None:
    """Record the event of these, which have become that state, but for actors that want no events."""
    ids = [task.id for task in tasks if _wants(task, "events")]
    if ids:
        extra: dict[str, object] = {"transitions": [[state.value, now()]]}
        await record(event, *ids, extra=extra | ({"reason": reason} if reason else {}))
