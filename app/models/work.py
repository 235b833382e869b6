"""Work requests, the kinds of work there are, and what tasks print. Source: WorkRequest of debusine."""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Any

from tortoise import fields
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.expressions import Q
from tortoise.queryset import QuerySet

from app.access import Viewer
from app.clock import now
from app.errors import InvalidState, StaleAttempt
from app.models.accounts import User
from app.models.entity import EVERYTHING, NOTHING, Entity
from app.models.workers import TagSet, Worker
from app.models.workspaces import Workspace


class WorkRequestStatus(StrEnum):
    """Where a work request is in its life.

    BLOCKED → PENDING → RUNNING → COMPLETED
    BLOCKED, PENDING, RUNNING → ABORTED            RUNNING → PENDING (given back, or its lease ran out)
    PENDING → BLOCKED (others were put before it)
    """

    BLOCKED = "blocked"
    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    ABORTED = "aborted"


class WorkRequestResult(StrEnum):
    """How a completed work request ended; NONE as long as it is not completed."""

    NONE = ""
    SUCCESS = "success"
    FAILURE = "failure"
    ERROR = "error"
    SKIPPED = "skipped"


class LogStream(StrEnum):
    """Where a log line came from."""

    STDOUT = "stdout"
    STDERR = "stderr"
    SYSTEM = "system"


BLOCKED, PENDING, RUNNING = WorkRequestStatus.BLOCKED, WorkRequestStatus.PENDING, WorkRequestStatus.RUNNING
COMPLETED, ABORTED = WorkRequestStatus.COMPLETED, WorkRequestStatus.ABORTED
GOOD_RESULTS = frozenset({WorkRequestResult.SUCCESS, WorkRequestResult.SKIPPED})

TRANSITIONS: Mapping[WorkRequestStatus, frozenset[WorkRequestStatus]] = {
    BLOCKED: frozenset({PENDING, ABORTED}),
    PENDING: frozenset({BLOCKED, RUNNING, ABORTED}),
    RUNNING: frozenset({COMPLETED, ABORTED, PENDING}),
    COMPLETED: frozenset(),
    ABORTED: frozenset(),
}


class TaskType(Entity):
    """A kind of work that may be requested: its name, and the JSON Schema that its `taskData` must satisfy."""

    word = "task type"
    id = fields.BigIntField(primary_key=True)
    name = fields.CharField(100, unique=True, description="Name, as given in taskName.")
    task_version = fields.IntField(default=1, description="Version of what taskData means.")
    description = fields.TextField(default="", description="What it does, for people.")
    data_schema: dict[str, Any] = fields.JSONField(
        default=dict, description="JSON Schema (2020-12) of taskData."
    )
    required_tags: list[str] = ArrayField(
        "text", default=list, description="Tags that a worker needs for it."
    )
    version = fields.IntField(default=1, description="Counts the changes of this row; give it as ifVersion.")

    class Meta:
        table = "task_type"

    @classmethod
    def visibility(cls, viewer: Viewer) -> Q:
        """Whoever has an identity."""
        return NOTHING if viewer.anonymous else EVERYTHING


class WorkRequest(Entity):
    """A task to be run by one worker: what to do (`task_name`, `task_data`), how it went, and where it stands."""

    workspace_path = "workspace_id"
    shows = frozenset({"workspace"})
    word = "work request"
    Statuses = WorkRequestStatus
    Results = WorkRequestResult

    id = fields.BigIntField(primary_key=True)
    workspace: fields.ForeignKeyRelation[Workspace] = fields.ForeignKeyField(
        "models.Workspace", related_name="workrequest_set", on_delete=fields.RESTRICT
    )
    workspace_id: int
    created_at = fields.DatetimeField(auto_now_add=True, description="When it was submitted.")
    started_at = fields.DatetimeField(null=True, description="When the present attempt began to run.")
    completed_at = fields.DatetimeField(null=True, description="When it was completed or aborted.")
    created_by: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "models.User", related_name="workrequest_set", on_delete=fields.RESTRICT
    )
    created_by_id: int
    status = fields.CharEnumField(
        WorkRequestStatus, max_length=9, default=PENDING, description="Where it is in its life."
    )
    result = fields.CharEnumField(
        WorkRequestResult,
        max_length=7,
        default=WorkRequestResult.NONE,
        description="How it ended; NONE until it is completed.",
    )
    worker: fields.ForeignKeyNullableRelation[Worker] = fields.ForeignKeyField(
        "models.Worker", null=True, related_name="assigned_work_requests", on_delete=fields.RESTRICT
    )
    worker_id: int | None
    task_name = fields.CharField(100, description="Name of the task type.")
    task_data: dict[str, Any] = fields.JSONField(
        default=dict, description="Input of the task, an object that satisfies the task type's JSON Schema."
    )

    priority_base = fields.IntField(default=0, description="Priority given by the system.")
    priority_adjustment = fields.IntField(
        default=0, description="Priority added by people; above 0 only by staff."
    )
    priority = fields.IntField(
        generated=True, null=True, description="Base plus adjustment; the highest runs first."
    )
    tag_set: fields.ForeignKeyRelation[TagSet] = fields.ForeignKeyField(
        "models.TagSet", related_name="work_requests", on_delete=fields.RESTRICT
    )
    tag_set_id: int
    required_tags: list[str] = ArrayField(
        "text", default=list, description="Tags that a worker needs, all of them."
    )
    pinned = fields.BooleanField(
        default=False, description="True: only the worker it was given to at submission may run it."
    )
    available_at = fields.DatetimeField(description="Not given to a worker before this time.")
    attempt = fields.IntField(default=0, description="How often it was started.")
    given_back = fields.IntField(
        default=0,
        description="How many of the attempts were given back unfinished; they do not count as lost.",
    )
    max_attempts = fields.IntField(default=3, description="After so many lost attempts it ends with ERROR.")
    lease_expires_at = fields.DatetimeField(
        null=True, description="Until when its worker has to renew its claim."
    )
    slot = fields.SmallIntField(
        null=True, description="Which of its worker's places it takes while it runs, from 1."
    )
    retry_delays: list[timedelta] = ArrayField(
        "interval",
        default=list,
        description="Pauses before the automatic retries still left after a failure.",
    )
    output_data: dict[str, Any] | None = fields.JSONField(
        null=True, description="What the task returned, an object."
    )
    notifications: list[dict[str, Any]] = fields.JSONField(
        default=list,
        description="Who is told, and when: rules of `on`, `channel`, and what they change of it.",
    )
    errors: list[dict[str, Any]] = fields.JSONField(
        default=list, description="What went wrong: objects with code and message."
    )
    needs_input: str | None = fields.TextField(
        null=True, description="What its task asks people, while it waits for the answer; null: nothing."
    )
    answer: str | None = fields.TextField(
        null=True, description="What was answered to what its task asked last in the present attempt."
    )
    parent: fields.ForeignKeyNullableRelation["WorkRequest"] = fields.ForeignKeyField(
        "models.WorkRequest", null=True, related_name="children", on_delete=fields.RESTRICT
    )
    parent_id: int | None
    allow_failure = fields.BooleanField(
        default=False, description="True: dependants run even when this one does not succeed."
    )
    has_dependants = fields.BooleanField(
        default=False, description="True: others wait for it, so its end concerns them too."
    )
    supersedes: fields.OneToOneNullableRelation["WorkRequest"] = fields.OneToOneField(
        "models.WorkRequest", null=True, related_name="superseded_by", on_delete=fields.RESTRICT
    )
    supersedes_id: int | None
    aborted_by: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "models.User", null=True, related_name="aborted_work_requests", on_delete=fields.RESTRICT
    )
    aborted_by_id: int | None
    abort_reason = fields.TextField(default="", description="Why it was aborted.")
    version = fields.IntField(default=1, description="Counts the changes of this row; give it as ifVersion.")
    dependencies: fields.ManyToManyRelation["WorkRequest"] = fields.ManyToManyField(
        "models.WorkRequest",
        through="work_request_dependency",
        forward_key="dependency_id",
        backward_key="dependant_id",
        related_name="dependants",
    )

    class Meta:
        table = "work_request"

    @classmethod
    def visibility(cls, viewer: Viewer) -> Q:
        """Whoever may see its workspace. A worker sees those that name it as their worker."""
        return Q(worker_id=viewer.worker_id) if viewer.worker_id is not None else super().visibility(viewer)

    @classmethod
    def pending(cls, exclude_assigned: bool = False, worker: Worker | None = None) -> "QuerySet[WorkRequest]":
        """Those that wait for a worker, in the order in which they are given out: priority, then age.

        Without those pinned to a worker, or only those pinned to this one; `ValueError` when both are asked for.
        """
        if exclude_assigned and worker is not None:
            raise ValueError("Either leave out what is assigned, or ask for what is assigned to one worker.")
        query = cls.filter(status=PENDING).order_by("-priority", "created_at", "id")
        if exclude_assigned:
            return query.filter(worker_id__isnull=True)
        return query if worker is None else query.filter(worker_id=worker.id)

    @property
    def finished(self) -> bool:
        return not TRANSITIONS[self.status]

    @property
    def duration(self) -> float | None:
        """Seconds from start to completion; None unless it has both."""
        if self.started_at is None or self.completed_at is None:
            return None
        return (self.completed_at - self.started_at).total_seconds()

    def abort(self, by: int | None, reason: str) -> None:
        """End it for good. Its worker, if it has one, stays named, so that it can be told."""
        self._become(ABORTED)
        self.completed_at, self.lease_expires_at, self.slot = now(), None, None
        self.needs_input = None
        self.aborted_by_id, self.abort_reason = by, reason

    def mark_aborted(self) -> bool:
        """The documented form of `abort`: False, and no change, when it has already finished."""
        if self.finished:
            return False
        self.abort(None, "")
        return True

    def wait_for(self, blocked: bool) -> None:
        """It has other dependencies than before: it waits for them, or for nothing but a worker."""
        if self.status is not (BLOCKED if blocked else PENDING):
            self._become(BLOCKED if blocked else PENDING)

    def unblock(self) -> None:
        """All that it waited for is there: a worker may take it."""
        self._become(PENDING)

    def ask(self, question: str) -> None:
        """Its task cannot go on before people have answered. A new question takes the place of an older one."""
        self.needs_input, self.answer = question, None

    def give_answer(self, answer: str) -> None:
        """What people answer to what its task asks. Raises `InvalidState` when it asks nothing."""
        if self.needs_input is None:
            raise InvalidState(
                f"The work request asks nothing; it is {self.status.name}.", current_state=self.status.name
            )
        self.needs_input, self.answer = None, answer

    def hand_back(self, *, lost: bool = False) -> None:
        """Its worker will not finish it: somebody else may, in a new attempt. A pinned one waits for its worker.

        Only a `lost` attempt counts towards the most that it may have.
        """
        self._become(PENDING)
        self.given_back += not lost
        self.started_at = self.lease_expires_at = self.slot = self.needs_input = self.answer = None
        if not self.pinned:
            self.worker_id = None

    @property
    def lost_attempts(self) -> int:
        """How many attempts were lost, the present one included once it is lost."""
        return self.attempt - self.given_back

    def complete(
        self, result: WorkRequestResult, output_data: dict[str, Any] | None, errors: list[dict[str, Any]]
    ) -> None:
        """It ended, and this is how."""
        self._become(COMPLETED)
        self.result, self.completed_at, self.lease_expires_at, self.slot = result, now(), None, None
        self.needs_input = None
        self.output_data, self.errors = output_data, [*self.errors, *errors]

    def give_up(self, message: str) -> None:
        """Too many attempts were lost: it ends with ERROR."""
        self.complete(WorkRequestResult.ERROR, None, [{"code": "ATTEMPTS_EXHAUSTED", "message": message}])

    def require_attempt(self, attempt: int) -> None:
        """Raise `StaleAttempt` unless it is running in that attempt."""
        if self.attempt != attempt:
            raise StaleAttempt(
                f"This is attempt {self.attempt}; attempt {attempt} has ended.",
                current_state=self.status.name,
            )
        if self.status is not RUNNING:
            raise InvalidState(
                f"The work request is {self.status.name}, not RUNNING.", current_state=self.status.name
            )

    @property
    def retryable(self) -> bool:
        """It ended badly; it can be retried, once."""
        return self.status is ABORTED or (self.status is COMPLETED and self.result not in GOOD_RESULTS)

    def _become(self, status: WorkRequestStatus) -> None:
        if status not in TRANSITIONS[self.status]:
            raise InvalidState(
                f"The work request is {self.status.name}: it cannot become {status.name}.",
                current_state=self.status.name,
            )
        self.status = status


class LogLine(Entity):
    """One line that a task printed, in the order of its attempt."""

    seen_with = "work_request"
    word = "log line"
    id = fields.BigIntField(primary_key=True)
    work_request: fields.ForeignKeyRelation[WorkRequest] = fields.ForeignKeyField(
        "models.WorkRequest", related_name="log_lines", on_delete=fields.CASCADE
    )
    work_request_id: int
    attempt = fields.IntField(description="The attempt that printed it.")
    number = fields.IntField(description="Its number in that attempt, from 1.")
    stream = fields.CharEnumField(
        LogStream, max_length=6, description="Standard output, standard error, or the worker itself."
    )
    time = fields.DatetimeField(description="When it was printed, by the worker's clock.")
    text = fields.TextField(description="The line, without its end; at most 8 KiB.")

    class Meta:
        table = "log_line"
        unique_together = (("work_request", "attempt", "number"),)
