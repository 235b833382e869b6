"""Nouns: what the API shows. A type lists columns and relations by name; the row itself is the value."""

from app.schema import enums  # noqa: F401  first: filters need to know them
from app.schema.accounts import Group, LogEntry, Permission, Team, Tenant, Token, User
from app.schema.artifacts import Artifact, ArtifactCategory, ArtifactRelation, FileInArtifact
from app.schema.files import File, FileInStore, FileStore, FileUpload
from app.schema.notifications import NotificationChannel
from app.schema.tasks import Schedule, Task, TaskLog, WorkerStatus
from app.schema.work import LogLine, TaskType, Worker, WorkRequest
from app.schema.workspaces import Workspace, WorkspaceMembership

__all__ = [
    "Artifact",
    "ArtifactCategory",
    "ArtifactRelation",
    "File",
    "FileInArtifact",
    "FileInStore",
    "FileStore",
    "FileUpload",
    "Group",
    "LogEntry",
    "LogLine",
    "NotificationChannel",
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
