"""Who there is."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

import strawberry

from app import models
from app.access import Capability, Scope
from app.access import Viewer as ViewerValue
from app.context import Info
from app.graphql.connections import ConnectionOf, ListOf, listed, to_many
from app.graphql.entity import Node, describe, entity, named, to_one
from app.graphql.filters import filter_of, order_of
from app.graphql.scalars import JSON
from app.schema.artifacts import artifacts_of
from app.schema.tasks import tasks_of

if TYPE_CHECKING:
    from app.graphql.connections import Connection
    from app.schema.artifacts import Artifact
    from app.schema.tasks import Task
    from app.schema.work import Worker, WorkRequest

UserFilter = filter_of(models.User, "id", "username", "is_active", "is_staff", "date_joined")
UserOrder = order_of(models.User, "username", "date_joined", "last_login")
TokenFilter = filter_of(models.Token, "id", "kind", "enabled", "user", "comment", "expire_at", "last_seen_at")
TokenOrder = order_of(models.Token, "created_at", "expire_at", "last_seen_at")
LogEntryFilter = filter_of(models.LogEntry, "action_time", "user", "object_type", "action_flag")


@entity(models.Tenant)
class Tenant(Node):
    """An organisation. It owns workspaces, users and workers; nothing crosses from one tenant to another."""

    name: str
    created_at: datetime
    tasks: "Connection[Task]" = tasks_of("accounts", "tenant")


@entity(models.Permission)
class Permission(Node):
    """A capability that can be given to a user or a group by name, beyond what roles and staff status give."""

    codename: str
    name: str


@entity(models.Group)
class Group(Node):
    """Users who share permissions."""

    name: str
    permissions: "list[Permission]" = listed(
        "What they share.", ListOf(models.Permission, "groups__id", (("codename", False),), 100)
    )


@entity(models.User)
class User(Node):
    """A person, or a program acting as one, who signs in."""

    username: str
    is_active: bool
    is_staff: bool
    is_superuser: bool
    date_joined: datetime
    last_login: datetime | None
    version: int

    @strawberry.field(description=describe(models.User, "email") + " Null to others.")
    @staticmethod
    def email(row: strawberry.Parent[models.User], info: Info) -> str | None:
        return row.email if _private(info.context.viewer, row) else None

    @strawberry.field(
        description=describe(models.User, "first_name") + " Shown to the user and to staff; null to others."
    )
    @staticmethod
    def first_name(row: strawberry.Parent[models.User], info: Info) -> str | None:
        return row.first_name if _private(info.context.viewer, row) else None

    @strawberry.field(
        description=describe(models.User, "last_name") + " Shown to the user and to staff; null to others."
    )
    @staticmethod
    def last_name(row: strawberry.Parent[models.User], info: Info) -> str | None:
        return row.last_name if _private(info.context.viewer, row) else None

    groups: "list[Group]" = listed(
        "Groups that the user is in.", ListOf(models.Group, "users__id", (("name", False),), 100)
    )
    user_permissions: "list[Permission]" = listed(
        "Permissions given to the user alone.",
        ListOf(models.Permission, "users__id", (("codename", False),), 100),
    )
    workrequest_set: "Connection[WorkRequest]" = to_many(
        "The work that the user submitted.", ConnectionOf(models.WorkRequest, "created_by_id")
    )
    artifact_set: "Connection[Artifact]" = artifacts_of(
        "The artifacts that the user declared.", "created_by_id"
    )
    token_set: "Connection[Token]" = to_many(
        "The user's tokens: shown to the user and to staff.",
        ConnectionOf(models.Token, "user_id", TokenFilter, TokenOrder),
    )
    logentry_set: "Connection[LogEntry]" = to_many(
        "What the user administered: shown to staff.",
        ConnectionOf(models.LogEntry, "user_id", LogEntryFilter, default_order=(("action_time", True),)),
    )
    tasks: "Connection[Task]" = tasks_of("accounts", "user")


def _private(viewer: ViewerValue, user: models.User) -> bool:
    return viewer.user_id == user.id or viewer.can(Capability.ADMINISTER_USERS)


@entity(models.Team)
class Team(Node):
    """Users who get a role in a workspace together."""

    name: str
    created_at: datetime
    version: int
    members: "list[User]" = listed(
        "The members, by name.", ListOf(models.User, "teams__id", (("username", False),), 1000)
    )
    tasks: "Connection[Task]" = tasks_of("accounts", "team")


@entity(models.Token)
class Token(Node):
    """A secret that stands for a user or a worker. The key itself is shown once, when it is made."""

    prefix: str
    kind: models.TokenKind
    comment: str
    enabled: bool
    created_at: datetime
    expire_at: datetime | None
    last_seen_at: datetime | None
    version: int
    user: "User | None" = to_one("Whom it stands for; null for a worker's token.")
    worker: "Worker | None" = to_one("The worker it stands for.")

    @strawberry.field(description=describe(models.Token, "scopes"))
    @staticmethod
    def scopes(row: strawberry.Parent[models.Token]) -> list[Scope]:
        return [Scope(scope) for scope in row.scopes]


@entity(models.LogEntry)
class LogEntry(Node):
    """One administrative change: who did what to which object, when."""

    action_time: datetime
    object_type: str
    object_repr: str
    action_flag: models.LogAction
    change_message: JSON
    user: "User | None" = to_one("Who did it; null: the command line.")


async def _own_worker(root: Any, info: Info) -> Any:
    return await info.context.one(models.Worker, root.worker_id)


@strawberry.type(description="Who you are to this server, and what you may do.")
class Viewer:
    """Shows an `access.Viewer`."""

    @strawberry.field(description="Your user; null for workers and the anonymous.", graphql_type=User | None)
    @staticmethod
    async def user(viewer: strawberry.Parent[ViewerValue], info: Info) -> Any:
        return await info.context.one(models.User, viewer.user_id)

    worker: Any = named("Worker | None", "The worker that you are; null for people.", _own_worker)

    @strawberry.field(description="Your tenant; null for the anonymous.", graphql_type=Tenant | None)
    @staticmethod
    async def tenant(viewer: strawberry.Parent[ViewerValue], info: Info) -> Any:
        return None if viewer.anonymous else await info.context.one(models.Tenant, viewer.tenant_id)

    @strawberry.field(description="What the token that you came with may be used for, at most.")
    @staticmethod
    def scopes(viewer: strawberry.Parent[ViewerValue]) -> list[Scope]:
        return [] if viewer.anonymous else sorted(viewer.scopes, key=lambda scope: scope.value)

    @strawberry.field(description="True when you may make workspaces.")
    @staticmethod
    def can_create_workspaces(viewer: strawberry.Parent[ViewerValue]) -> bool:
        return viewer.can(Capability.CREATE_WORKSPACE)

    @strawberry.field(description="True when you may enable, disable and describe workers.")
    @staticmethod
    def can_administer_workers(viewer: strawberry.Parent[ViewerValue]) -> bool:
        return viewer.can(Capability.ADMINISTER_WORKERS)

    @strawberry.field(description="True when you may make and change users and teams.")
    @staticmethod
    def can_administer_users(viewer: strawberry.Parent[ViewerValue]) -> bool:
        return viewer.can(Capability.ADMINISTER_USERS)

    @strawberry.field(description="True when you may read what administrators did.")
    @staticmethod
    def can_read_audit_log(viewer: strawberry.Parent[ViewerValue]) -> bool:
        return viewer.can(Capability.READ_AUDIT_LOG)
