"""Nouns: what the API shows. A type lists columns and relations by name; the row itself is the value."""

from app.schema import enums  # noqa: F401  first: filters need to know them
from app.schema.accounts import Group, LogEntry, Permission, Team, Tenant, Token, User
from app.schema.tasks import Schedule, Task, TaskLog, WorkerStatus
from app.schema.work import LogLine, TaskType, Worker, WorkRequest
from app.schema.workspaces import Workspace, WorkspaceMembership

__all__ = [
    "Group",
    "LogEntry",
    "LogLine",
    "Permission",
    "Schedule",
    "Task",
    "TaskLog",
    "TaskType",
    "Team",
    "Tenant",
    "Token",
    "User",
    "WorkRequest",
    "Worker",
    "WorkerStatus",
    "Workspace",
    "WorkspaceMembership",
]
