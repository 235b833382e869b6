"""Tasks and what they logged."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import orjson
from tortoise.expressions import Q

from app import models
from app.access import Capability, Viewer
from app.clock import now
from app.graphql.connections import Choice, ConnectionOf, to_many
from app.graphql.entity import Node, batched, computed, entity, to_one
from app.graphql.scalars import JSON
from app.models import LogLevel
from app.schema.tasks.actors import actor_description
from app.schema.tasks.rel_obj import RelObj, rel_objs_of
from app.schema.tasks.runners import WorkerStatus
from app.tasks.messages import Message, UndecodableMessage, decode

if TYPE_CHECKING:
    from app.graphql.connections import Connection
    from app.schema.accounts import Tenant
    from app.schema.workspaces import Workspace

_RANK = {level: rank for rank, level in enumerate(LogLevel)}


def at_least(level: LogLevel) -> list[LogLevel]:
    """The levels that are as grave, or graver."""
    return [each for each in LogLevel if _RANK[each] >= _RANK[level]]


@entity(models.TaskLog)
class TaskLog(Node):
    """A line of a task's log, in the order of its number."""

    number: int
    event: str
    log_level: models.LogLevel
    logger: str
    timestamp: datetime
    attributes: JSON
    previous: bool
    attempt: int
    task: "Task | None" = to_one("The task.")


@entity(models.Task)
class Task(Node):
    """One message to an actor, from when it is sent until it has been done or rejected, and for as long as it is kept."""

    message_id: UUID
    queue_name: str
    actor_name: str
    state: models.TaskState
    aggregated_status: models.TaskStatus
    mtime: datetime
    created_at: datetime
    retries: int
    attempt: int
    crashes: int
    priority: int
    eta: datetime | None
    result_expiry: datetime | None
    log_count: int
    cancel_requested_at: datetime | None
    expires_at: datetime | None
    tenant: "Tenant | None" = to_one("The organisation that it belongs to.")
    workspace: "Workspace | None" = to_one("The workspace whose members may see it; null: staff alone may.")

    @computed("actor_name")
    def description(row: models.Task) -> str | None:
        """What its actor does; null when no module of this server declares it."""
        return actor_description(row.actor_name)

    @computed("actor_name", "_uid")
    def uid(row: models.Task) -> str:
        """The actor's name, and after a colon the caller's label if there is one."""
        return row.uid

    @computed("message")
    def message(row: models.Task) -> JSON | None:
        """The whole message as dramatiq has it, with its options; null once it is done."""
        return JSON(_part(row, lambda message: message.asdict()))

    @computed("message")
    def args(row: models.Task) -> JSON | None:
        """The positional arguments, a list; null once it is done."""
        return JSON(_part(row, lambda message: list(message.args)))

    @computed("message")
    def kwargs(row: models.Task) -> JSON | None:
        """The named arguments, an object; null once it is done."""
        return JSON(_part(row, lambda message: message.kwargs))

    @computed("result", "result_expiry")
    def result(row: models.Task) -> JSON | None:
        """What the actor returned; null when that is not kept, or not any more."""
        if row.result is None or (row.result_expiry is not None and row.result_expiry < now()):
            return None
        return JSON(_loaded(row.result))

    @computed("_messages")
    def messages(row: models.Task) -> JSON:
        """Kept for those who know it: empty, because lines are in `logs` now."""
        return JSON(row._messages)

    @computed("_previous_messages")
    def previous_messages(row: models.Task) -> JSON:
        """Kept for those who know it: empty, because lines are in `logs` now."""
        return JSON(row._previous_messages)

    @batched("rel_obj_content_type_id", "rel_obj_id")
    async def rel_obj(rows: Sequence[models.Task]) -> Mapping[int, RelObj | None]:
        """The object that it belongs to."""
        return await rel_objs_of(rows)

    worker: "WorkerStatus | None" = to_one(
        "The task runner that has it: shown to staff.", to=models.WorkerStatus
    )

    @computed("state", "workspace_id")
    def can_retry(row: models.Task, viewer: Viewer) -> bool:
        """True when you may have it tried again just now: it was rejected."""
        return row.can_retry and viewer.can(Capability.RETRY_TASK, row.workspace_id)

    @computed("state", "workspace_id")
    def can_cancel(row: models.Task, viewer: Viewer) -> bool:
        """True when you may stop it just now: it has not ended."""
        return row.can_cancel and viewer.can(Capability.CANCEL_TASK, row.workspace_id)

    logs: "Connection[TaskLog]" = to_many(
        "What it logged, in order.",
        ConnectionOf(
            models.TaskLog,
            "task_id",
            default_order=(("number", False),),
            choices={
                "previous": Choice(
                    bool,
                    "True: only of attempts before the last one; false: only of the last one.",
                    lambda previous: Q(previous=previous),
                ),
                "min_level": Choice(
                    LogLevel,
                    "Only lines as grave as this, or graver.",
                    lambda level: Q(log_level__in=at_least(level)),
                ),
            },
        ),
    )


def _part(row: models.Task, of: Callable[[Message], Any]) -> Any:
    """A part of the task's message; None when there is no message any more, or none that anybody can read."""
    try:
        return of(decode(row.message)) if row.message else None
    except UndecodableMessage:
        return None


def _loaded(data: bytes) -> Any:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
