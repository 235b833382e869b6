"""Work requests, the workers that run them, and what they print."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import strawberry
from tortoise.expressions import Q, Subquery

from app import models
from app.access import Capability, Scope, Viewer
from app.database import fetch
from app.graphql.connections import ConnectionOf, ListOf, listed, to_many
from app.graphql.entity import Node, batched, computed, entity, in_sql, to_one
from app.graphql.filters import filter_of, flag, order_of
from app.graphql.scalars import JSON
from app.models.work import BLOCKED, PENDING
from app.schema.artifacts import artifacts_of
from app.schema.notifications import NotificationRule, rules_of
from app.schema.tasks import tasks_of

if TYPE_CHECKING:
    from app.graphql.connections import Connection
    from app.schema.accounts import Token, User
    from app.schema.artifacts import Artifact
    from app.schema.tasks import Task
    from app.schema.workspaces import Workspace

WorkRequestFilter = filter_of(
    models.WorkRequest,
    "id",
    "status",
    "result",
    "task_name",
    "task_data",
    "required_tags",
    "priority",
    "created_at",
    "started_at",
    "completed_at",
    "created_by",
    "worker",
    "workspace",
    "parent",
    "supersedes",
    "attempt",
    assigned=flag("True: it has a worker.", lambda _: Q(worker_id__isnull=False)),
    asking=flag("True: its task asks people something.", lambda _: Q(needs_input__isnull=False)),
    superseded=flag(
        "True: a retry took its place.",
        lambda _: Q(
            id__in=Subquery(models.WorkRequest.filter(supersedes_id__isnull=False).values("supersedes_id"))
        ),
    ),
)
WorkRequestOrder = order_of(models.WorkRequest, "created_at", "started_at", "completed_at", "priority")
WorkerFilter = filter_of(
    models.Worker,
    "id",
    "name",
    "provided_tags",
    "registered_at",
    "connected_at",
    "last_seen_at",
    "concurrency",
    connected=flag("True: it holds a connection.", lambda _: Q(connected_at__isnull=False)),
    enabled=flag(
        "True: an administrator lets it work.",
        lambda _: Q(token_id__in=Subquery(models.Token.filter(enabled=True).values("id"))),
    ),
    busy=flag(
        "True: it runs something.",
        lambda _: Q(
            id__in=Subquery(
                models.WorkRequest.filter(status=models.WorkRequestStatus.RUNNING).values("worker_id")
            )
        ),
    ),
)
WorkerOrder = order_of(models.Worker, "name", "registered_at", "connected_at", "last_seen_at")
LogLineFilter = filter_of(models.LogLine, "attempt", "number", "stream", "text", "time")


@entity(models.TaskType)
class TaskType(Node):
    """A kind of work that may be requested: its name, and the JSON Schema that its taskData must satisfy."""

    name: str
    task_version: int
    description: str
    data_schema: JSON
    required_tags: list[str]


@entity(models.LogLine)
class LogLine:
    """One line that a task printed, in the order of its attempt."""

    number: int
    attempt: int
    stream: models.LogStream
    time: datetime
    text: str


@strawberry.type(description="Something that went wrong while a work request ran.")
class WorkRequestError:
    """Shows one entry of `errors`."""

    code: str = strawberry.field(description="What kind of fault, for programs.")
    message: str = strawberry.field(description="What went wrong, for people.")


@strawberry.type(description="What you may do with a work request just now.")
class WorkRequestActions:
    """Shows what the actions would permit."""

    abort: bool = strawberry.field(description="You may stop it.")
    retry: bool = strawberry.field(description="You may have it run again.")
    set_priority: bool = strawberry.field(description="You may change its place in the queue.")
    answer: bool = strawberry.field(description="Its task asks something, and you may answer.")


@entity(models.WorkRequest)
class WorkRequest(Node):
    """A task to be run by one worker: what to do, how it went, and where it stands."""

    task_name: str
    task_data: JSON
    required_tags: list[str]
    status: models.WorkRequestStatus
    result: models.WorkRequestResult
    priority_base: int
    priority_adjustment: int
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    available_at: datetime
    pinned: bool
    attempt: int
    max_attempts: int
    lease_expires_at: datetime | None
    output_data: JSON | None
    allow_failure: bool
    abort_reason: str
    needs_input: str | None
    answer: str | None
    version: int
    workspace: "Workspace" = to_one("Where it lives.")
    created_by: "User | None" = to_one("Who submitted it; null when you may not see the user.")
    aborted_by: "User | None" = to_one("Who stopped it; null when nobody did, or it could not run any more.")
    worker: "Worker | None" = to_one("The worker that has it, or had it.")
    parent: "WorkRequest | None" = to_one("The work request that it is a part of.")
    supersedes: "WorkRequest | None" = to_one("The ended work request whose place it took.")
    superseded_by: "WorkRequest | None" = to_one("The retry that took its place.")

    @computed("priority_base", "priority_adjustment")
    def priority(row: models.WorkRequest) -> int:
        """Base plus adjustment; the highest runs first."""
        return row.priority_base + row.priority_adjustment

    @computed("started_at", "completed_at")
    def duration(row: models.WorkRequest) -> float | None:
        """Seconds from start to end; null unless it has both."""
        return row.duration

    @computed("errors")
    def errors(row: models.WorkRequest) -> list[WorkRequestError]:
        """What went wrong, attempt by attempt."""
        return [WorkRequestError(code=each["code"], message=each["message"]) for each in row.errors]

    @computed("notifications", "created_by_id", "workspace_id")
    def notifications(row: models.WorkRequest, viewer: Viewer) -> list[NotificationRule]:
        """Who is told of it, and when."""
        return rules_of(row, viewer)

    @batched("status")
    async def queue_position(rows: Sequence[models.WorkRequest], viewer: Viewer) -> Mapping[int, int | None]:
        """Its place among those that wait for a worker, from 1; null unless it is PENDING."""
        waiting = [row.id for row in rows if row.status is PENDING]
        return await _places_in_queue(viewer, waiting) if waiting else {}

    @batched("status", "result", "created_by_id", "workspace_id", "needs_input")
    async def viewer_can(
        rows: Sequence[models.WorkRequest], viewer: Viewer
    ) -> Mapping[int, WorkRequestActions]:
        """What you may do with it just now."""
        retryable = [row.id for row in rows if row.retryable]
        retries = models.WorkRequest.visible_to(viewer).filter(supersedes_id__in=retryable)
        retried = {each.supersedes_id for each in await retries.only("supersedes_id")} if retryable else ()
        return {row.id: _actions(viewer, row, retried=row.id in retried) for row in rows}

    dependencies: "list[WorkRequest]" = listed(
        "What it waits for.", ListOf(models.WorkRequest, "dependants__id", (("id", False),), 100)
    )
    dependants: "list[WorkRequest]" = listed(
        "What waits for it.", ListOf(models.WorkRequest, "dependencies__id", (("id", False),), 100)
    )
    inputs: "Connection[Artifact]" = to_many(
        "The artifacts that it takes: those named in `inputs` of its taskData.",
        ConnectionOf(models.Artifact, "used_by__id"),
    )
    artifacts: "Connection[Artifact]" = artifacts_of("What it made.", "created_by_work_request_id")
    children: "Connection[WorkRequest]" = to_many(
        "The work requests that are parts of it.",
        ConnectionOf(models.WorkRequest, "parent_id", WorkRequestFilter, WorkRequestOrder),
    )
    log: "Connection[LogLine]" = to_many(
        "What it printed, in order, all attempts.",
        ConnectionOf(
            models.LogLine,
            "work_request_id",
            LogLineFilter,
            default_order=(("attempt", False), ("number", False)),
        ),
    )
    tasks: "Connection[Task]" = tasks_of("work", "workrequest")


async def _places_in_queue(viewer: Viewer, ids: list[int]) -> dict[int, int]:
    """Where these stand among all that wait and that the viewer sees, in one pass over the queue."""
    waiting = models.WorkRequest.visible_to(viewer).filter(status=PENDING)
    waiting._make_query()
    sql, values = waiting.query.get_parameterized_sql()
    rows = await fetch(
        "SELECT id, place FROM (SELECT id, row_number() OVER (ORDER BY priority DESC, created_at, id) AS place"
        f" FROM ({sql}) AS waiting) AS queue WHERE id = ANY(${len(values) + 1}::bigint[])",
        *values,
        ids,
    )
    return {row["id"]: row["place"] for row in rows}


def _actions(viewer: Viewer, row: models.WorkRequest, *, retried: bool) -> WorkRequestActions:
    own = viewer.user_id is not None and row.created_by_id == viewer.user_id
    may_abort = (own and Scope.WORK in viewer.scopes) or viewer.can(Capability.ABORT_WORK, row.workspace_id)
    may_order = viewer.can(Capability.RAISE_PRIORITY) or (
        own and viewer.can(Capability.LOWER_PRIORITY, row.workspace_id)
    )
    return WorkRequestActions(
        abort=may_abort and not row.finished,
        retry=row.retryable and not retried and viewer.can(Capability.RETRY_WORK, row.workspace_id),
        set_priority=may_order and row.status in (BLOCKED, PENDING),
        answer=row.needs_input is not None and viewer.can(Capability.CREATE_WORK, row.workspace_id),
    )


@entity(models.Worker)
class Worker(Node):
    """A program somewhere that runs work requests."""

    name: str
    registered_at: datetime
    connected_at: datetime | None
    last_seen_at: datetime | None
    concurrency: int
    static_metadata: JSON
    dynamic_metadata: JSON
    dynamic_metadata_updated_at: datetime | None
    provided_tags: list[str]
    version: int
    token: "Token | None" = to_one("Its token; shown to staff.")

    @computed("connected_at")
    def connected(row: models.Worker) -> bool:
        """True while it holds a connection and can be given work."""
        return row.connected()

    @computed("static_metadata", "dynamic_metadata")
    def metadata(row: models.Worker) -> JSON:
        """All facts: the reported ones overlaid by the administrators', key by key at the top level."""
        return JSON(row.metadata())

    enabled: bool = in_sql(
        "True when an administrator lets it work.",
        "EXISTS (SELECT FROM token WHERE token.id = {row}.token_id AND token.enabled)",
    )
    busy: bool = in_sql(
        "True while it runs something.",
        "EXISTS (SELECT FROM work_request WHERE worker_id = {row}.id AND status = 'running')",
    )
    assigned_work_requests: "Connection[WorkRequest]" = to_many(
        "The work requests that it has or had.",
        ConnectionOf(models.WorkRequest, "worker_id", WorkRequestFilter, WorkRequestOrder),
    )
    tasks: "Connection[Task]" = tasks_of("work", "worker")
