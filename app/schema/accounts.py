"""Who there is."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

import strawberry

from app import models
from app.access import Capability, Scope
from app.access import Viewer as ViewerValue
from app.graphql.connections import ConnectionOf, ListOf, listed, to_many
from app.graphql.entity import Node, computed, entity, to_one
from app.graphql.filters import filter_of, order_of
from app.graphql.roots import derived, row_of
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

    @computed("email")
    def email(row: models.User, viewer: ViewerValue) -> str | None:
        """E-mail address; shown to the user and to staff. Null to others."""
        return row.email if _private(viewer, row) else None

    @computed("first_name")
    def first_name(row: models.User, viewer: ViewerValue) -> str | None:
        """Given name. Shown to the user and to staff; null to others."""
        return row.first_name if _private(viewer, row) else None

    @computed("last_name")
    def last_name(row: models.User, viewer: ViewerValue) -> str | None:
        """Family name. Shown to the user and to staff; null to others."""
        return row.last_name if _private(viewer, row) else None

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

    @computed("scopes")
    def scopes(row: models.Token) -> list[Scope]:
        """What it may be used for, at most."""
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


def may(capability: Capability, description: str) -> Any:
    """A field that tells whether the viewer may do something anywhere."""
    return derived(bool, description, lambda viewer: viewer.can(capability))


@strawberry.type(description="Who you are to this server, and what you may do.")
class Viewer:
    """Shows an `access.Viewer`."""

    user: Any = row_of(
        "User | None",
        "Your user; null for workers and the anonymous.",
        models.User,
        lambda viewer: viewer.user_id,
    )
    worker: Any = row_of(
        "Worker | None",
        "The worker that you are; null for people.",
        models.Worker,
        lambda viewer: viewer.worker_id,
    )
    tenant: Any = row_of(
        "Tenant | None",
        "Your tenant; null for the anonymous.",
        models.Tenant,
        lambda viewer: None if viewer.anonymous else viewer.tenant_id,
    )
    scopes: Any = derived(
        list[Scope],
        "What the token that you came with may be used for, at most.",
        lambda viewer: [] if viewer.anonymous else sorted(viewer.scopes, key=lambda scope: scope.value),
    )
    can_create_workspaces: Any = may(Capability.CREATE_WORKSPACE, "True when you may make workspaces.")
    can_administer_workers: Any = may(
        Capability.ADMINISTER_WORKERS, "True when you may enable, disable and describe workers."
    )
    can_administer_users: Any = may(
        Capability.ADMINISTER_USERS, "True when you may make and change users and teams."
    )
    can_read_audit_log: Any = may(
        Capability.READ_AUDIT_LOG, "True when you may read what administrators did."
    )
