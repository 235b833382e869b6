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
    "Entity",
    "Group",
    "IdempotencyKey",
    "LogAction",
    "LogEntry",
    "LogLine",
    "LogStream",
    "OutboxEvent",
    "OutboxStatus",
    "Permission",
    "TagSet",
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
    "Workspace",
    "WorkspaceMembership",
]
