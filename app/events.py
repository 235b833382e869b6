"""The catalogue: every CloudEvent type that Workyard emits, what it is about, who may see it, and its data.

`data` names columns of the subject's row: an event carries their values as of its own transaction. Actions record
events (`actions.outbox.record`); nobody else makes them.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

SOURCE = "urn:workyard"
CATALOGUE: "dict[str, EventType]" = {}


class Audience(StrEnum):
    """Who may see an event, beside the user it concerns."""

    WORKSPACE = "workspace"
    TENANT = "tenant"
    STAFF = "staff"
    WORKSPACE_AND_STAFF = "workspace_and_staff"


class Position(NamedTuple):
    """Where an event stands in the log: the transaction that wrote it, and its number. Later events compare greater."""

    xid: int
    seq: int


START = Position(0, 0)


@dataclass(frozen=True)
class EventType:
    """One kind of event. `changes_access`: after it, some viewer may see more or less than before."""

    name: str
    description: str
    data: tuple[str, ...]
    audience: Audience
    changes_access: bool = False

    @property
    def table(self) -> str:
        """The subject's table: the part of the name before the dot."""
        return self.name.partition(".")[0]


def _event(
    name: str, description: str, data: tuple[str, ...], audience: Audience, *, changes_access: bool = False
) -> EventType:
    CATALOGUE[name] = EventType(name, description, data, audience, changes_access)
    return CATALOGUE[name]


_WORK = ("status", "result", "worker_id", "attempt", "task_name", "required_tags", "version")
_WORKER = ("name", "concurrency", "version")
_TOKEN = ("prefix", "enabled", "user_id")
_WORKSPACE = ("name", "public", "version")
_USER = ("username", "is_active", "version")

WorkRequestCreated = _event(
    "work_request.created",
    "A work request was submitted; a retry has `supersedes_id`, the request whose place it takes.",
    _WORK,
    Audience.WORKSPACE,
)
WorkRequestStarted = _event(
    "work_request.started", "A worker took it and runs it.", _WORK, Audience.WORKSPACE
)
WorkRequestCompleted = _event("work_request.completed", "It ended, with a result.", _WORK, Audience.WORKSPACE)
WorkRequestAborted = _event(
    "work_request.aborted",
    "It was ended by a person, or because what it depends on failed.",
    (*_WORK, "abort_reason"),
    Audience.WORKSPACE,
)
WorkRequestRequeued = _event(
    "work_request.requeued",
    "Its attempt was lost or given back; it waits for a worker again.",
    _WORK,
    Audience.WORKSPACE,
)
WorkRequestUnblocked = _event(
    "work_request.unblocked",
    "All that it depends on has ended well; it waits for a worker.",
    _WORK,
    Audience.WORKSPACE,
)
WorkRequestPriorityChanged = _event(
    "work_request.priority_changed",
    "Its place in the queue changed.",
    (*_WORK, "priority_adjustment"),
    Audience.WORKSPACE,
)
WorkRequestDependenciesChanged = _event(
    "work_request.dependencies_changed",
    "It waits for other work requests than before.",
    _WORK,
    Audience.WORKSPACE,
)
WorkRequestNeedsInput = _event(
    "work_request.needs_input",
    "Its task asks people something, and waits for the answer.",
    (*_WORK, "needs_input"),
    Audience.WORKSPACE,
)
WorkRequestAnswered = _event(
    "work_request.answered",
    "What its task asked was answered.",
    (*_WORK, "answer"),
    Audience.WORKSPACE,
)
WorkRequestLogAppended = _event(
    "work_request.log_appended",
    "Its task printed lines: `first` to `last` of `attempt`.",
    ("attempt",),
    Audience.WORKSPACE,
)

WorkerRegistered = _event("worker.registered", "A worker made itself known.", _WORKER, Audience.TENANT)
WorkerEnabled = _event("worker.enabled", "An administrator allowed it to work.", _WORKER, Audience.TENANT)
WorkerDisabled = _event(
    "worker.disabled",
    "An administrator stopped it from working; its requests went back.",
    _WORKER,
    Audience.TENANT,
)
WorkerConnected = _event(
    "worker.connected", "It holds a connection and can be given work.", _WORKER, Audience.TENANT
)
WorkerDisconnected = _event("worker.disconnected", "Its connection ended.", _WORKER, Audience.TENANT)
WorkerMetadataChanged = _event(
    "worker.metadata_changed", "What is known of it changed.", (*_WORKER, "provided_tags"), Audience.TENANT
)

TokenCreated = _event("token.created", "A token was made.", _TOKEN, Audience.STAFF)
TokenEnabled = _event(
    "token.enabled", "A token is accepted from now on.", _TOKEN, Audience.STAFF, changes_access=True
)
TokenDisabled = _event(
    "token.disabled", "A token is refused from now on.", _TOKEN, Audience.STAFF, changes_access=True
)
TokenDeleted = _event("token.deleted", "A token is gone.", _TOKEN, Audience.STAFF, changes_access=True)

UserCreated = _event("user.created", "A user was made.", _USER, Audience.STAFF)
UserChanged = _event(
    "user.changed", "A user's rights or state changed.", _USER, Audience.STAFF, changes_access=True
)
TeamChanged = _event(
    "team.changed",
    "A team was made, or its members changed.",
    ("name", "version"),
    Audience.STAFF,
    changes_access=True,
)
WorkspaceCreated = _event(
    "workspace.created", "A workspace was made.", _WORKSPACE, Audience.WORKSPACE, changes_access=True
)
WorkspaceChanged = _event(
    "workspace.changed",
    "A workspace's name, visibility or members changed.",
    _WORKSPACE,
    Audience.WORKSPACE,
    changes_access=True,
)
TaskTypeRegistered = _event(
    "task_type.registered",
    "A kind of work became known, or its schema changed.",
    ("name", "task_version"),
    Audience.TENANT,
)

_TASK = (
    "message_id",
    "actor_name",
    "queue_name",
    "state",
    "aggregated_status",
    "retries",
    "attempt",
    "eta",
    "log_count",
)
"""Beside these, an event of a task has `transitions`: the states that it went through since its last event, each with its
time, as pairs; and `log_count` lines of its log had been written."""

TaskQueued = _event(
    "task.queued", "A task was sent: it waits for a runner.", _TASK, Audience.WORKSPACE_AND_STAFF
)
TaskProgressed = _event(
    "task.progressed",
    "A runner has it, and it went on, or logged something.",
    _TASK,
    Audience.WORKSPACE_AND_STAFF,
)
TaskRequeued = _event(
    "task.requeued",
    "It waits for a runner again: `reason` is retry, given_back, runner_lost or retried_by_hand.",
    (*_TASK, "crashes"),
    Audience.WORKSPACE_AND_STAFF,
)
TaskDone = _event("task.done", "Its actor returned.", _TASK, Audience.WORKSPACE_AND_STAFF)
TaskRejected = _event(
    "task.rejected",
    "It ended without having been done: its actor failed for the last time, or somebody cancelled it.",
    _TASK,
    Audience.WORKSPACE_AND_STAFF,
)

_SCHEDULE = ("actor_name", "identifier", "crontab", "paused", "next_run", "version")
ScheduleCreated = _event("schedule.created", "A schedule was declared.", _SCHEDULE, Audience.STAFF)
ScheduleChanged = _event("schedule.changed", "A schedule was changed, or ran.", _SCHEDULE, Audience.STAFF)
ScheduleDeleted = _event("schedule.deleted", "Its declaration is gone.", _SCHEDULE, Audience.STAFF)

_WORKER_STATUS = ("hostname", "version", "stopping")
WorkerStatusStarted = _event(
    "worker_status.started", "A task runner has started.", _WORKER_STATUS, Audience.STAFF
)
WorkerStatusStopped = _event(
    "worker_status.stopped",
    "A task runner has ended, having given back what it had.",
    _WORKER_STATUS,
    Audience.STAFF,
)
WorkerStatusLost = _event(
    "worker_status.lost", "A task runner was not seen for 30 seconds.", _WORKER_STATUS, Audience.STAFF
)

_ARTIFACT = ("category", "complete", "expire_at", "created_by_work_request_id", "version")
ArtifactCreated = _event(
    "artifact.created",
    "An artifact was declared, with these `relations`; its files may still have to come.",
    _ARTIFACT,
    Audience.WORKSPACE,
)
ArtifactFileProgressed = _event(
    "artifact.file_progressed",
    "Bytes of one of its files have come: `received_bytes` of `size`, of the file at `path`.",
    _ARTIFACT,
    Audience.WORKSPACE,
)
ArtifactFileCompleted = _event(
    "artifact.file_completed", "One of its files is there, the one at `path`.", _ARTIFACT, Audience.WORKSPACE
)
ArtifactFileDiscarded = _event(
    "artifact.file_discarded",
    "What had come of the file at `path` was not what was announced, or too old: it begins anew.",
    _ARTIFACT,
    Audience.WORKSPACE,
)
ArtifactCompleted = _event(
    "artifact.completed", "All of its files are there: it changes no more.", _ARTIFACT, Audience.WORKSPACE
)
ArtifactChanged = _event(
    "artifact.changed", "It is kept for another time than before.", _ARTIFACT, Audience.WORKSPACE
)
ArtifactRelated = _event(
    "artifact.related",
    "It was related to the artifact `target_id`, as its `type` says.",
    _ARTIFACT,
    Audience.WORKSPACE,
)
ArtifactUnrelated = _event(
    "artifact.unrelated",
    "It is no longer related to the artifact `target_id` as `type` said.",
    _ARTIFACT,
    Audience.WORKSPACE,
)
ArtifactDeleted = _event(
    "artifact.deleted",
    "It had expired, or never became complete, and is gone.",
    _ARTIFACT,
    Audience.WORKSPACE,
)
ArtifactCategoryRegistered = _event(
    "artifact_category.registered",
    "A category of artifacts became known, or its schema changed.",
    ("name",),
    Audience.TENANT,
)

_STORE = ("name", "backend", "read_only", "version")
FileStoreCreated = _event("file_store.created", "A place for files was added.", _STORE, Audience.STAFF)
FileStoreChanged = _event("file_store.changed", "A place for files was changed.", _STORE, Audience.STAFF)
FileStoreDeleted = _event("file_store.deleted", "A place for files is gone.", _STORE, Audience.STAFF)

_CHANNEL = ("name", "method", "allow_override", "version")
NotificationChannelCreated = _event(
    "notification_channel.created", "A channel for word of work was made.", _CHANNEL, Audience.STAFF
)
NotificationChannelChanged = _event(
    "notification_channel.changed", "A channel for word of work was changed.", _CHANNEL, Audience.STAFF
)
NotificationChannelDeleted = _event(
    "notification_channel.deleted", "A channel for word of work is gone.", _CHANNEL, Audience.STAFF
)

WORK_BROUGHT = frozenset(
    event.name
    for event in (
        WorkRequestCreated,
        WorkRequestRequeued,
        WorkRequestUnblocked,
        WorkRequestPriorityChanged,
        WorkRequestDependenciesChanged,
    )
)
"""Events that may put a work request into the queue, or further to its front."""

MAY_BRING_WORK = WORK_BROUGHT | {
    event.name
    for event in (
        WorkRequestCompleted,
        WorkRequestAborted,
        WorkerConnected,
        WorkerEnabled,
        WorkerMetadataChanged,
    )
}
"""Events after which a worker that found nothing to claim may find something."""
