"""Tasks: durable background work of this installation, what they logged, what sends them, who runs them.

Source: Task, TaskLog, TasksModel and WorkerStatus of authentik.tasks; TaskBase of django-dramatiq-postgres.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from tortoise import fields
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.expressions import Q, RawSQL

from app.access import Capability, Viewer
from app.clock import now
from app.models.accounts import Tenant
from app.models.entity import NOTHING, Entity, in_seen_workspace
from app.models.workspaces import Workspace


class TaskState(StrEnum):
    """Where a task is in its life.

    QUEUED → CONSUMED → PREPROCESS → RUNNING → POSTPROCESS → DONE
    QUEUED → REJECTED (cancelled)        CONSUMED … POSTPROCESS → REJECTED (out of retries, refused, cancelled)
    CONSUMED … POSTPROCESS → QUEUED (tried again, given back, or its runner was lost)    REJECTED → QUEUED (by hand)
    """

    QUEUED = "queued"
    CONSUMED = "consumed"
    PREPROCESS = "preprocess"
    RUNNING = "running"
    POSTPROCESS = "postprocess"
    REJECTED = "rejected"
    DONE = "done"


class TaskStatus(StrEnum):
    """A task's state, or, once it is done, the worst that its last attempt logged."""

    QUEUED = TaskState.QUEUED.value
    CONSUMED = TaskState.CONSUMED.value
    PREPROCESS = TaskState.PREPROCESS.value
    RUNNING = TaskState.RUNNING.value
    POSTPROCESS = TaskState.POSTPROCESS.value
    REJECTED = TaskState.REJECTED.value
    DONE = TaskState.DONE.value
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogLevel(StrEnum):
    """How grave a line of a task's log is, the least first. DEBUG does not count towards the status."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


FINAL = frozenset({TaskState.DONE, TaskState.REJECTED})
IN_WORK = frozenset({TaskState.CONSUMED, TaskState.PREPROCESS, TaskState.RUNNING, TaskState.POSTPROCESS})

ALIVE_FOR = timedelta(seconds=30)
"""A runner that was not seen for so long is lost: its tasks go to others."""


class ContentType(Entity):
    """A kind of object that tasks and schedules may belong to."""

    word = "content type"
    id = fields.BigIntField(primary_key=True)
    app_label = fields.CharField(100, description="The domain, such as work.")
    model = fields.CharField(100, description="The model in small letters, such as workrequest.")

    class Meta:
        table = "content_type"
        unique_together = (("app_label", "model"),)

    @classmethod
    def visibility(cls, viewer: Viewer) -> Q:
        """Everybody who is signed in: it says nothing of anybody's objects."""
        return NOTHING if viewer.anonymous else Q()


class WorkerStatus(Entity):
    """A process that runs tasks: a task runner. Not to be confused with Worker, which runs work requests."""

    word = "task runner"
    id = fields.UUIDField(primary_key=True, description="Its id, new at every start.")
    hostname = fields.TextField(description="The host that it runs on.")
    version = fields.TextField(description="The version of Workyard that it runs.")
    last_seen = fields.DatetimeField(auto_now_add=True, description="When it last said that it lives.")
    started_at = fields.DatetimeField(auto_now_add=True, description="When it started.")
    heard_since = fields.DatetimeField(
        auto_now_add=True,
        description="Since when it has been heard without a gap: before, it was away, or the database was.",
    )
    pid = fields.IntField(default=0, description="Its process id on its host.")
    queues: list[str] = ArrayField("text", default=list, description="The queues that it serves; empty: all.")
    concurrency = fields.IntField(default=1, description="How many tasks it runs at once, at most.")
    running = fields.IntField(default=0, description="How many it ran when it was last seen.")
    stopping = fields.BooleanField(default=False, description="True: it takes no more tasks.")
    lost_at = fields.DatetimeField(
        null=True,
        description="When its tasks were taken from it, because it was not seen; null again once it is back.",
    )

    class Meta:
        table = "worker_status"

    @classmethod
    def visibility(cls, viewer: Viewer) -> Q:
        """Staff, of any tenant, and whoever has the permission to see such: runners belong to the installation."""
        permitted = Capability.VIEW_SYSTEM_INFO.value in viewer.permissions
        return Q() if viewer.is_staff or viewer.is_superuser or permitted else NOTHING

    @property
    def alive(self) -> bool:
        """True when it was seen within 30 seconds."""
        return self.last_seen > now() - ALIVE_FOR

    def __str__(self) -> str:
        return f"{self.id} - {self.hostname} - {self.version} - {self.last_seen}"


class Schedule(Entity):
    """When an actor is sent by itself, again and again."""

    word = "schedule"
    id = fields.BigIntField(primary_key=True)
    tenant: fields.ForeignKeyRelation[Tenant] = fields.ForeignKeyField(
        "models.Tenant", related_name="schedules", on_delete=fields.CASCADE
    )
    tenant_id: int
    actor_name = fields.TextField(description="The actor that is sent.")
    args: list[Any] = fields.JSONField(default=list, description="Its positional arguments.")
    kwargs: dict[str, Any] = fields.JSONField(default=dict, description="Its named arguments.")
    options: dict[str, Any] = fields.JSONField(default=dict, description="Options of the message.")
    rel_obj_content_type: fields.ForeignKeyNullableRelation[ContentType] = fields.ForeignKeyField(
        "models.ContentType", null=True, related_name="schedules", on_delete=fields.CASCADE
    )
    rel_obj_content_type_id: int | None
    rel_obj_id = fields.TextField(null=True, description="The id of the object that it belongs to.")
    crontab = fields.TextField(
        description="When, in UTC: minute, hour, day of month, month, day of week, and seconds if wanted."
    )
    paused = fields.BooleanField(default=False, description="True: it is sent by hand only.")
    next_run = fields.DatetimeField(auto_now_add=True, description="When it is sent next.")
    identifier = fields.TextField(null=True, description="Tells schedules of one actor apart.")
    _uid = fields.TextField(null=True)
    declared_crontab = fields.TextField(
        null=True, description="What the code last declared; null for a schedule that no code declares."
    )
    created_at = fields.DatetimeField(auto_now_add=True, description="When it was made.")
    version = fields.IntField(default=1, description="Counts the changes of this row; give it as ifVersion.")

    class Meta:
        table = "schedule"
        unique_together = (("actor_name", "identifier"),)

    @classmethod
    def visibility(cls, viewer: Viewer) -> Q:
        """The staff of the tenant, and whoever has the permission to change or to send schedules."""
        permitted = not viewer.anonymous and viewer.permissions & _FOR_SCHEDULES
        return Q(tenant_id=viewer.tenant_id) if permitted else _staff_of_tenant(viewer)

    @property
    def uid(self) -> str:
        """The actor's name, and the caller's label if there is one."""
        return f"{self.actor_name}:{self._uid}" if self._uid else self.actor_name


class Task(Entity):
    """One message to an actor, from when it is sent until it has been done or rejected, and for as long as it is kept."""

    word = "task"
    States = TaskState

    id = fields.BigIntField(primary_key=True)
    message_id = fields.UUIDField(unique=True, description="The message's id; a retry keeps it.")
    queue_name = fields.TextField(default="default", description="The queue in which it waits.")
    actor_name = fields.TextField(description="The actor that it is for: module and function.")
    message: bytes | None = fields.BinaryField(
        null=True, description="The message in dramatiq's JSON encoding; empty once it is done."
    )
    state = fields.CharEnumField(
        TaskState, max_length=11, default=TaskState.QUEUED, description="Where it is."
    )
    mtime = fields.DatetimeField(
        auto_now_add=True, description="When its state last changed in the database."
    )
    retries = fields.BigIntField(default=0, description="How often it was tried again since it was sent.")
    eta = fields.DatetimeField(null=True, description="Not run before this time.")
    result: bytes | None = fields.BinaryField(null=True, description="What the actor returned, as JSON.")
    result_expiry = fields.DatetimeField(null=True, description="The result is kept until then.")
    tenant: fields.ForeignKeyRelation[Tenant] = fields.ForeignKeyField(
        "models.Tenant", related_name="tasks", on_delete=fields.CASCADE, db_constraint=False
    )
    tenant_id: int
    rel_obj_content_type: fields.ForeignKeyNullableRelation[ContentType] = fields.ForeignKeyField(
        "models.ContentType", null=True, related_name="tasks", on_delete=fields.CASCADE, db_constraint=False
    )
    rel_obj_content_type_id: int | None
    rel_obj_id = fields.TextField(null=True, description="The id of the object that it belongs to.")
    _uid = fields.TextField(null=True, description="The caller's label.")
    _messages: list[Any] = fields.JSONField(default=list, description="Not written: see the log.")
    _previous_messages: list[Any] = fields.JSONField(default=list, description="Not written: see the log.")
    aggregated_status = fields.CharEnumField(
        TaskStatus,
        max_length=11,
        generated=True,
        null=True,
        description="Its state; once it is done, the worst that its last attempt logged.",
    )

    workspace: fields.ForeignKeyNullableRelation[Workspace] = fields.ForeignKeyField(
        "models.Workspace",
        null=True,
        related_name="member_tasks",
        on_delete=fields.CASCADE,
        db_constraint=False,
    )
    workspace_id: int | None
    created_at = fields.DatetimeField(auto_now_add=True, description="When it was sent first.")
    priority = fields.IntField(default=0, description="The lowest number runs first.")
    ready = fields.BooleanField(default=True, description="True: it waits for a runner, not for its eta.")
    worker_id: UUID | None = fields.UUIDField(null=True, description="The runner that has it.")
    attempt = fields.IntField(default=0, description="How often a runner has taken it.")
    crashes = fields.IntField(default=0, description="How often its runner was lost.")
    dedupe_key = fields.TextField(
        null=True, description="While one with this key is unfinished, another send is absorbed by it."
    )
    worst_level = fields.TextField(
        default="done", description="The worst level in the log of its last attempt; done: there is none."
    )
    log_count = fields.IntField(default=0, description="How many lines its log has.")
    cancel_requested_at = fields.DatetimeField(null=True, description="When somebody wanted it stopped.")
    expires_at = fields.DatetimeField(
        null=True, description="It is removed after this time; null until it ends."
    )
    purge_at = fields.DatetimeField(
        null=True, description="When it is looked at whether it can be removed; null: when it is old."
    )
    held_on: UUID | None = fields.UUIDField(
        generated=True,
        null=True,
        description="The runner that has it, once it has begun to run for a while or is to be stopped.",
    )
    rejected = fields.BooleanField(
        generated=True, null=True, description="True: it was rejected; null: it was not."
    )
    delayed_until = fields.DatetimeField(
        generated=True, null=True, description="Its eta, while it waits for that; null: it does not."
    )

    class Meta:
        table = "task"

    @classmethod
    def visibility(cls, viewer: Viewer) -> Q:
        """Whoever may see its workspace, and the staff of its tenant, who alone see those without one. No worker sees any."""
        if viewer.worker_id is not None:
            return NOTHING
        if (
            viewer.is_staff or viewer.is_superuser
        ):  # all workspaces that they see are the tenant's, and the index needs no OR
            return _staff_of_tenant(viewer)
        return in_seen_workspace("workspace_id", viewer)

    @property
    def uid(self) -> str:
        """The actor's name, and the caller's label if there is one."""
        return f"{self.actor_name}:{self._uid}" if self._uid else self.actor_name

    def set_uid(self, uid: str | UUID) -> None:
        """Label it."""
        self._uid = str(uid)

    @classmethod
    def in_work(cls) -> Q:
        """Those that a runner has, found by what was taken and by what has begun, not among all that there are."""
        claimed = Q(id__in=RawSQL("(SELECT unnest(task_ids) FROM task_claim)"))
        return Q(worker_id__isnull=False) & Q(Q(held_on__isnull=False), claimed, join_type=Q.OR)

    @property
    def finished(self) -> bool:
        return self.state in FINAL

    @property
    def can_retry(self) -> bool:
        """Only what was rejected may be tried again by hand: of what is done, the message is gone."""
        return self.state is TaskState.REJECTED

    @property
    def can_cancel(self) -> bool:
        return not self.finished


@dataclass(slots=True)
class LogEvent:
    """A line for a task's log, before it is stored. Not to be changed; to have that checked made it four times as dear."""

    event: str
    log_level: LogLevel
    logger: str
    timestamp: datetime = field(default_factory=now)
    attributes: dict[str, Any] = field(default_factory=dict)


class TaskLog(Entity):
    """A line of a task's log, in the order of its number."""

    word = "line of the log"
    seen_with = "task"
    id_tells = "task_id", "task_of_line"
    id = fields.UUIDField(primary_key=True)
    task: fields.ForeignKeyRelation[Task] = fields.ForeignKeyField(
        "models.Task", related_name="tasklogs", on_delete=fields.CASCADE, db_constraint=False
    )
    task_id: int
    event = fields.TextField(description="What happened.")
    log_level = fields.CharEnumField(LogLevel, max_length=7, description="How grave it is.")
    logger = fields.TextField(description="Who said it: the task's uid, or a logger's name.")
    timestamp = fields.DatetimeField(description="When.")
    attributes: dict[str, Any] = fields.JSONField(
        default=dict, description="More of it; `exception` has the traceback. Secrets are blacked out."
    )
    previous = fields.BooleanField(default=False, description="True: of an attempt before the last one.")
    attempt = fields.IntField(default=0, description="The attempt that it belongs to; 0: before the first.")
    number = fields.IntField(description="Its number in the task's log, from 1.")

    class Meta:
        table = "task_log"
        unique_together = (("task", "number"),)

    def to_log_event(self) -> LogEvent:
        """The line as it was given."""
        return LogEvent(self.event, self.log_level, self.logger, self.timestamp, self.attributes)

    def __str__(self) -> str:
        return str(self.id)


_FOR_SCHEDULES = frozenset({Capability.CHANGE_SCHEDULE.value, Capability.SEND_SCHEDULE.value})


def _staff_of_tenant(viewer: Viewer) -> Q:
    return Q(tenant_id=viewer.tenant_id) if viewer.is_staff or viewer.is_superuser else NOTHING
