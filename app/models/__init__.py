"""Tables, enums and state machines. No GraphQL, and no I/O beyond the ORM."""

from app.models.accounts import (
    Group,
    IdempotencyKey,
    LogAction,
    LogEntry,
    Permission,
    Team,
    Tenant,
    Token,
    TokenKind,
    User,
)
from app.models.artifacts import (
    Artifact,
    ArtifactCategory,
    ArtifactRelation,
    ArtifactRelationType,
    FileInArtifact,
)
from app.models.entity import Entity
from app.models.files import (
    File,
    FileInStore,
    FileStore,
    FileStoreBackend,
    FileToRemove,
    FileUpload,
)
from app.models.notifications import NotificationChannel, NotificationEvent, NotificationMethod
from app.models.outbox import OutboxEvent, OutboxStatus
from app.models.tasks import (
    ContentType,
    LogEvent,
    LogLevel,
    Schedule,
    Task,
    TaskLog,
    TaskState,
    TaskStatus,
    WorkerStatus,
)
from app.models.work import (
    LogLine,
    LogStream,
    TaskType,
    WorkRequest,
    WorkRequestResult,
    WorkRequestStatus,
)
from app.models.workers import TagSet, Worker
from app.models.workspaces import Workspace, WorkspaceMembership

__all__ = [
    "Artifact",
    "ArtifactCategory",
    "ArtifactRelation",
    "ArtifactRelationType",
    "ContentType",
    "Entity",
    "File",
    "FileInArtifact",
    "FileInStore",
    "FileStore",
    "FileStoreBackend",
    "FileToRemove",
    "FileUpload",
    "Group",
    "IdempotencyKey",
    "LogAction",
    "LogEntry",
    "LogEvent",
    "LogLevel",
    "LogLine",
    "LogStream",
    "NotificationChannel",
    "NotificationEvent",
    "NotificationMethod",
    "OutboxEvent",
    "OutboxStatus",
    "Permission",
    "Schedule",
    "TagSet",
    "Task",
    "TaskLog",
    "TaskState",
    "TaskStatus",
    "TaskType",
    "Team",
    "Tenant",
    "Token",
    "TokenKind",
    "User",
    "WorkRequest",
    "WorkRequestResult",
    "WorkRequestStatus",
    "Worker",
    "WorkerStatus",
    "Workspace",
    "WorkspaceMembership",
]
