"""Tasks, what they logged, what sends them by itself, and who runs them."""

import contextlib
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import dramatiq
import orjson
import strawberry
from strawberry.types.unset import UNSET
from tortoise.expressions import Q, Subquery
from tortoise.queryset import QuerySet

from app import models
from app.access import Capability, Viewer
from app.clock import now
from app.context import Info
from app.database import fetch
from app.errors import BadInput, UnknownActor
from app.graphql.connections import Choice, ConnectionOf, to_many
from app.graphql.entity import NAMES, TYPES, Node, computed, entity, named, to_one
from app.graphql.filters import (
    MAX_VALUES,
    Own,
    filter_of,
    flag,
    has_nul,
    id_condition,
    operators,
    order_of,
    present,
)
from app.graphql.ids import Path, decode_id, global_id, key_of, row_id
from app.graphql.scalars import JSON
from app.models import Entity, LogLevel
from app.models.tasks import ALIVE_FOR
from app.tasks.actors import describe
from app.tasks.messages import Message, UndecodableMessage, decode, find_actor

if TYPE_CHECKING:
    from app.graphql.connections import Connection
    from app.schema.accounts import Tenant
    from app.schema.workspaces import Workspace

OWNERS: tuple[type[Entity], ...] = (
    models.Schedule,
    models.Team,
    models.Tenant,
    models.User,
    models.Worker,
    models.WorkRequest,
    models.Workspace,
)
"""Whose objects may have tasks: they go when the object goes."""

MOST_RUNNERS = 1000
SUCCESSFUL = (models.TaskStatus.DONE, models.TaskStatus.INFO)


# Filters -------------------------------------------------------------------------------------------------------------


@strawberry.input(description="Conditions on the object that something belongs to.")
class RelObjFilter:
    """For the generic relation."""

    eq: strawberry.ID | None = strawberry.field(default=UNSET, description="This object, by its global id.")
    in_: list[strawberry.ID] | None = strawberry.field(
        default=UNSET, name="in", description="One of these objects, by their global ids, at most 1,000."
    )
    app_label: str | None = strawberry.field(
        default=UNSET, description="An object of this domain, such as work."
    )
    model: str | None = strawberry.field(
        default=UNSET, description="An object of this model, such as workrequest."
    )
    id: str | None = strawberry.field(
        default=UNSET, description="An object with this number or UUID in its table: with `model`."
    )


def owner_of(global_id: str, path: Path) -> tuple[str, str, str]:
    """Domain, model and key of the object with that global id. `BadInput` when its kind has no tasks."""
    name, key = decode_id(global_id, path)
    model = next((each for each in OWNERS if each.__name__ == name), None)
    if model is None:
        raise BadInput(f"A {name} has no tasks of its own.", path=path)
    return (*_kind(model), str(key_of(model, name, key, path)))


def _kind(model: type[Entity]) -> tuple[str, str]:
    """How content types name a model: its domain, and its name in small letters."""
    return model.__module__.rpartition(".")[2], model.__name__.lower()


def _belongs_to(viewer: Viewer, value: Any, path: Path) -> Q:
    q = Q()
    if value.in_ not in (UNSET, None) and len(value.in_) > MAX_VALUES:
        raise BadInput(f"`in` takes at most {MAX_VALUES} values.", path=(*path, "in"))
    if value.eq not in (UNSET, None):
        q &= _is_one_of([owner_of(value.eq, (*path, "eq"))])
    if value.in_ not in (UNSET, None):
        q &= _is_one_of([owner_of(each, (*path, "in", str(index))) for index, each in enumerate(value.in_)])
    for name in ("app_label", "model", "id"):
        wanted = getattr(value, name)
        if wanted in (UNSET, None):
            continue
        if has_nul(wanted):
            raise BadInput("Text has no NUL characters.", path=(*path, name))
        q &= Q(rel_obj_id=wanted) if name == "id" else _of_kind(**{name: wanted})
    return q & Q(rel_obj_id__isnull=False)


def _is_one_of(owners: list[tuple[str, str, str]]) -> Q:
    ids: dict[tuple[str, str], list[str]] = {}
    for app_label, model, id in owners:
        ids.setdefault((app_label, model), []).append(id)
    parts = [
        _of_kind(app_label=app_label, model=model) & Q(rel_obj_id__in=found)
        for (app_label, model), found in ids.items()
    ]
    return Q(*parts, join_type=Q.OR) if parts else Q(id__in=[])


def _of_kind(**kind: str) -> Q:
    """The rows that belong to an object of such a content type; false of those that belong to none."""
    kinds = Subquery(models.ContentType.filter(**kind).values("id"))
    return Q(rel_obj_content_type_id__in=kinds) & Q(rel_obj_content_type_id__isnull=False)


def _has_uid(viewer: Viewer, value: Any, path: Path) -> Q:
    wanted = [*([] if value.in_ in (UNSET, None) else value.in_)]
    if len(wanted) > MAX_VALUES:
        raise BadInput(f"`in` takes at most {MAX_VALUES} values.", path=(*path, "in"))
    if has_nul([value.eq, *wanted]):
        raise BadInput("Text has no NUL characters.", path=path)
    q = Q() if value.eq in (UNSET, None) else _uid_is(value.eq)
    if value.in_ not in (UNSET, None):
        q &= Q(*[_uid_is(each) for each in wanted], join_type=Q.OR) if wanted else Q(id__in=[])
    return q


def _uid_is(uid: str) -> Q:
    """The actor's name up to a colon, and the label after it. No actor has a colon in its name."""
    actor, _, label = uid.partition(":")
    unlabelled = Q(Q(_uid__isnull=True), Q(_uid=""), join_type=Q.OR)
    return Q(actor_name=actor) & (Q(_uid=label) & Q(_uid__isnull=False) if label else unlabelled)


def _search(viewer: Viewer, value: Any, path: Path) -> Q:
    """As upstream searches: wherever a person would look."""
    text = value.contains
    if text in (UNSET, None):
        return Q()
    if has_nul(text):
        raise BadInput("Text has no NUL characters.", path=(*path, "contains"))
    parts = [
        Q(actor_name__icontains=text),
        Q(queue_name__icontains=text),
        present("_uid", Q(_uid__icontains=text), nullable=True),
        present("rel_obj_id", Q(rel_obj_id=text), nullable=True),
        Q(state__in=[each for each in models.TaskState if text.lower() in each.value]),
        Q(aggregated_status__in=[each for each in models.TaskStatus if text.lower() in each.value]),
        _of_kind(app_label__icontains=text),
        _of_kind(model__icontains=text),
    ]
    with contextlib.suppress(ValueError):
        parts.append(Q(message_id=UUID(text)))
    return Q(*[part for part in parts if part.children or part.filters], join_type=Q.OR)


REL_OBJ = Own(RelObjFilter, "By the object that it belongs to.", _belongs_to)
UID = Own(
    operators("UidFilter", str, "eq in_", "a uid"),
    "By its uid: the actor's name, and after a colon the caller's label.",
    _has_uid,
)
STANDALONE = flag("True: it belongs to no object.", lambda _: Q(rel_obj_content_type_id__isnull=True))

TaskFilter = filter_of(
    models.Task,
    "id",
    "message_id",
    "queue_name",
    "actor_name",
    "state",
    "aggregated_status",
    "mtime",
    "eta",
    "created_at",
    "retries",
    "attempt",
    "crashes",
    "priority",
    "workspace",
    own={
        "worker": Own(
            operators("IDFilter", strawberry.ID, "eq in_ is_null", "an id"),
            "By the id of the task runner that has it.",
            id_condition("worker_id", models.WorkerStatus, nullable=True),
        ),
        "uid": UID,
        "rel_obj": REL_OBJ,
        "search": Own(
            operators("SearchFilter", str, "contains", "a text, wherever it stands"),
            "By a part of the actor's, the queue's or the object's name, of the label or the state, in any case; "
            "or by the whole message id.",
            _search,
        ),
    },
    standalone=STANDALONE,
    exclude_successful=flag(
        "True: it is not done, or worse than information was logged.",
        lambda _: ~Q(aggregated_status__in=list(SUCCESSFUL)),
    ),
)
TaskOrder = order_of(
    models.Task,
    "created_at",
    "mtime",
    "eta",
    "actor_name",
    "queue_name",
    "retries",
    "priority",
    "aggregated_status",
)
ScheduleFilter = filter_of(
    models.Schedule,
    "id",
    "actor_name",
    "identifier",
    "paused",
    "next_run",
    own={"rel_obj": REL_OBJ, "uid": UID},
    standalone=STANDALONE,
)
ScheduleOrder = order_of(models.Schedule, "next_run", "actor_name", "identifier")


# The generic relation ------------------------------------------------------------------------------------------------


def tasks_of(app_label: str, model: str) -> Any:
    """The tasks of an object, as a connection: for the type that shows it."""
    return to_many(
        "The tasks that belong to it, the newest first unless ordered otherwise.",
        ConnectionOf(
            models.Task,
            "rel_obj_id",
            TaskFilter,
            TaskOrder,
            default_order=(("id", True),),
            only=lambda: _of_kind(app_label=app_label, model=model),
            as_text=True,
        ),
    )


@strawberry.type(description="The object that a task or a schedule belongs to.")
class RelObj:
    """The generic relation, read."""

    app_label: str = strawberry.field(description="Its domain, such as work.")
    model: str = strawberry.field(description="Its model, such as workrequest.")
    id: str = strawberry.field(description="Its number or UUID in its table; `node` has its global id.")

    @strawberry.field(
        description="The object; null when it is gone or you may not see it.", graphql_type=Node | None
    )
    @staticmethod
    async def node(obj: strawberry.Parent[Any], info: Info) -> Entity | None:
        model = next(
            (
                each
                for each in TYPES
                if issubclass(TYPES[each], Node) and _kind(each) == (obj.app_label, obj.model)
            ),
            None,
        )
        if model is None:
            return None
        try:
            return await info.context.one(model, row_id(global_id(model.__name__, obj.id), model))
        except BadInput:  # whoever sent the task names what never was
            return None


NAMES["RelObj"] = RelObj


async def rel_obj_of(root: Any, info: Info) -> RelObj | None:
    """What the row belongs to. Content types are few, and say nothing of anybody's objects."""
    if root.rel_obj_content_type_id is None:
        return None

    async def load(ids: list[int]) -> list[models.ContentType | None]:
        found = {kind.id: kind for kind in await models.ContentType.filter(id__in=ids)}
        return [found.get(id) for id in ids]

    kind = await info.context.loader("content types", load).load(root.rel_obj_content_type_id)
    return RelObj(app_label=kind.app_label, model=kind.model, id=root.rel_obj_id) if kind else None


# Actors --------------------------------------------------------------------------------------------------------------


@strawberry.type(description="A function that tasks are for.")
class Actor:
    """Shows an actor that a module of this server declares."""

    name: str = strawberry.field(description="Its name: module and function, unless it chose another.")
    queue_name: str = strawberry.field(description="The queue of its tasks, unless they are sent to another.")
    description: str | None = strawberry.field(description="What it does, for people.")
    priority: int = strawberry.field(description="The priority of its tasks; the lowest number runs first.")
    remote: bool = strawberry.field(description="True: enqueueTask may send tasks to it.")
    options: JSON = strawberry.field(description="What it was declared with, as far as JSON can say it.")

    @classmethod
    def of(cls, actor: dramatiq.Actor[..., Any]) -> "Actor":
        return cls(
            name=actor.actor_name,
            queue_name=actor.queue_name,
            description=describe(actor),
            priority=actor.priority,
            remote=is_remote(actor),
            options=JSON({name: _as_json(value) for name, value in actor.options.items()}),
        )


def is_remote(actor: dramatiq.Actor[..., Any]) -> bool:
    """True when it may be enqueued through the API."""
    return actor.options.get("remote") is True


def _as_json(value: Any) -> Any:
    """A value of an option; what is no JSON by its name."""
    if isinstance(value, Mapping):
        return {str(name): _as_json(each) for name, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_as_json(each) for each in value]
    if isinstance(value, timedelta):
        return value.total_seconds()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return getattr(value, "actor_name", None) or getattr(value, "__qualname__", None) or str(value)


async def _description(root: Any) -> str | None:
    try:
        return describe(find_actor(root.actor_name))
    except UnknownActor:
        return None


# Tasks ---------------------------------------------------------------------------------------------------------------


@strawberry.type(description="How many tasks there are of each status, of what you may see.")
class TaskStatusSummary:
    """Counts, zeros included."""

    queued: int = strawberry.field(default=0, description="Tasks that wait for a runner.")
    consumed: int = strawberry.field(default=0, description="Tasks that a runner has taken.")
    preprocess: int = strawberry.field(default=0, description="Tasks that a runner prepares.")
    running: int = strawberry.field(default=0, description="Tasks whose actor runs.")
    postprocess: int = strawberry.field(default=0, description="Tasks that a runner concludes.")
    rejected: int = strawberry.field(default=0, description="Tasks that ended without having been done.")
    done: int = strawberry.field(default=0, description="Tasks that are done and logged nothing.")
    info: int = strawberry.field(default=0, description="Tasks that are done and logged information.")
    warning: int = strawberry.field(default=0, description="Tasks that are done with a warning.")
    error: int = strawberry.field(default=0, description="Tasks that are done though an error was logged.")
    total: int = strawberry.field(default=0, description="All of them.")


async def summary_of(viewer: Viewer, filter: Any) -> TaskStatusSummary:
    """The counts of what the viewer sees and the filter lets through. One statement."""
    visible = models.Task.visible_to(viewer).filter(Q() if filter is None else filter.to_q(viewer))
    sql, values = sql_of(visible.only("aggregated_status"))
    rows = await fetch(
        f"SELECT aggregated_status AS status, count(*) AS number FROM ({sql}) AS task GROUP BY 1", *values
    )
    counts = {row["status"]: row["number"] for row in rows}
    return TaskStatusSummary(**counts, total=sum(counts.values()))


@strawberry.type(description="A queue of tasks just now, of what you may see.")
class TaskQueue:
    """One queue."""

    name: str = strawberry.field(description="Its name.")
    depth: int = strawberry.field(description="Tasks that a runner may take now.")
    delayed: int = strawberry.field(description="Tasks that wait for their time.")
    running: int = strawberry.field(description="Tasks that a runner has.")
    oldest_age: float | None = strawberry.field(
        description="For how many seconds the oldest of those that may be taken has waited; null: there is none."
    )
    rate: float = strawberry.field(
        description="Tasks that ended per second, over the last ten seconds, of those that write events."
    )


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


@entity(models.WorkerStatus)
class WorkerStatus(Node):
    """A process that runs tasks: a task runner. Not to be confused with Worker, which runs work requests."""

    hostname: str
    version: str
    last_seen: datetime
    started_at: datetime
    pid: int
    queues: list[str]
    concurrency: int
    running: int
    stopping: bool

    @computed("last_seen")
    def alive(row: models.WorkerStatus) -> bool:
        """True when it was seen within 30 seconds."""
        return row.alive

    @strawberry.field(description="True when it runs the version of this server.")
    @staticmethod
    def version_matching(row: strawberry.Parent[models.WorkerStatus]) -> bool:
        return row.version == our_version()

    tasks: "Connection[Task]" = to_many(
        "The tasks that it has.", ConnectionOf(models.Task, "worker_id", TaskFilter, TaskOrder)
    )


def our_version() -> str:
    """The version of Workyard that this process runs."""
    from app import __version__

    return __version__


async def runners_of(viewer: Viewer, alive: bool | None) -> list[models.WorkerStatus]:
    """The task runners that the viewer sees."""
    seen = models.WorkerStatus.visible_to(viewer)
    if alive is not None:
        recent = Q(last_seen__gt=now() - ALIVE_FOR)
        seen = seen.filter(recent if alive else ~recent)
    return await seen.order_by("-started_at", "id").limit(MOST_RUNNERS)


def sql_of(query: QuerySet[Any]) -> tuple[str, list[Any]]:
    """A query as SQL, to count or group its rows in a statement of one's own."""
    query._make_query()
    sql, values = query.query.get_parameterized_sql()
    return sql, values


_RANK = {level: rank for rank, level in enumerate(LogLevel)}


def at_least(level: LogLevel) -> list[LogLevel]:
    """The levels that are as grave, or graver."""
    return [each for each in LogLevel if _RANK[each] >= _RANK[level]]


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
    description: str | None = named(
        "str | None", "What its actor does; null when no module of this server declares it.", _description
    )

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

    rel_obj: RelObj | None = named("RelObj | None", "The object that it belongs to.", rel_obj_of)

    @strawberry.field(
        description="The task runner that has it: shown to staff.", graphql_type=WorkerStatus | None
    )
    @staticmethod
    async def worker(row: strawberry.Parent[models.Task], info: Info) -> models.WorkerStatus | None:
        return await info.context.one(models.WorkerStatus, row.worker_id)

    @strawberry.field(description="True when you may have it tried again just now: it was rejected.")
    @staticmethod
    def can_retry(row: strawberry.Parent[models.Task], info: Info) -> bool:
        return row.can_retry and info.context.viewer.can(Capability.RETRY_TASK, row.workspace_id)

    @strawberry.field(description="True when you may stop it just now: it has not ended.")
    @staticmethod
    def can_cancel(row: strawberry.Parent[models.Task], info: Info) -> bool:
        return row.can_cancel and info.context.viewer.can(Capability.CANCEL_TASK, row.workspace_id)

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


@entity(models.Schedule)
class Schedule(Node):
    """When an actor is sent by itself, again and again."""

    actor_name: str
    args: JSON
    kwargs: JSON
    options: JSON
    crontab: str
    paused: bool
    next_run: datetime
    identifier: str | None
    declared_crontab: str | None
    created_at: datetime
    version: int
    tenant: "Tenant | None" = to_one("The organisation that it belongs to.")
    description: str | None = named(
        "str | None", "What its actor does; null when no module of this server declares it.", _description
    )

    @computed("actor_name", "_uid")
    def uid(row: models.Schedule) -> str:
        """The actor's name, and after a colon the label if there is one."""
        return row.uid

    rel_obj: RelObj | None = named("RelObj | None", "The object that it belongs to.", rel_obj_of)

    @strawberry.field(description="The status of the last task that it sent; null when there is none.")
    @staticmethod
    async def last_task_status(
        row: strawberry.Parent[models.Schedule], info: Info
    ) -> models.TaskStatus | None:
        async def load(ids: list[int]) -> list[models.TaskStatus | None]:
            rows = await fetch(_LAST_STATUS, [str(id) for id in ids])
            found = {int(each["id"]): models.TaskStatus(each["aggregated_status"]) for each in rows}
            return [found.get(id) for id in ids]

        status: models.TaskStatus | None = await info.context.loader("last task status", load).load(row.id)
        return status

    tasks: "Connection[Task]" = tasks_of("tasks", "schedule")


_LAST_STATUS = """
SELECT schedule.id, last.aggregated_status FROM unnest($1::text[]) AS schedule(id) CROSS JOIN LATERAL (
    SELECT aggregated_status FROM task WHERE rel_obj_id = schedule.id
        AND rel_obj_content_type_id = (SELECT id FROM content_type WHERE app_label = 'tasks' AND model = 'schedule')
    ORDER BY task.id DESC LIMIT 1) AS last"""
