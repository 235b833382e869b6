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
from app.models.entity import Entity
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
    TagSet,
    TaskType,
    Worker,
    WorkRequest,
    WorkRequestResult,
    WorkRequestStatus,
)
from app.models.workspaces import Workspace, WorkspaceMembership

__all__ = [
    "ContentType",
    "Entity",
    "Group",
    "IdempotencyKey",
    "LogAction",
    "LogEntry",
    "LogEvent",
    "LogLevel",
    "LogLine",
    "LogStream",
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
