"""Who asks, and what they may do.

A `Viewer` is made from a token for each operation and never changes; `GRANTS` is the only place that says who may use a
capability. What a viewer may *see* is said by each model (`visible_to`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import IntEnum, StrEnum
from functools import cached_property

from app.errors import Forbidden, Unauthenticated


class Role(IntEnum):
    """What a user or a team is in a workspace. A higher role may do all that a lower one may."""

    VIEWER = 1
    CONTRIBUTOR = 2
    OWNER = 3


class Scope(StrEnum):
    """What a token may be used for, at most. Scopes narrow; they never add to what its owner may do."""

    READ = "read"
    WORK = "work"
    ADMIN = "admin"


class Capability(StrEnum):
    """Everything that can be allowed or refused. A permission of the same codename grants it to a user or group."""

    CREATE_WORK = "create_work"
    RETRY_WORK = "retry_work"
    ABORT_WORK = "abort_work"
    LOWER_PRIORITY = "lower_priority"
    RAISE_PRIORITY = "raise_priority"
    RUN_WORK = "run_work"
    EDIT_WORKSPACE = "edit_workspace"
    CREATE_WORKSPACE = "create_workspace"
    MANAGE_OWN_TOKENS = "manage_own_tokens"
    ADMINISTER_TOKENS = "administer_tokens"
    ADMINISTER_WORKERS = "administer_workers"
    ADMINISTER_USERS = "administer_users"
    READ_AUDIT_LOG = "read_audit_log"
    ENQUEUE_TASK = "enqueue_task"
    RETRY_TASK = "retry_task"
    CANCEL_TASK = "cancel_task"
    PURGE_TASKS = "purge_tasks"
    CHANGE_SCHEDULE = "change_schedule"
    SEND_SCHEDULE = "send_schedule"
    VIEW_SYSTEM_INFO = "view_system_info"
    CREATE_ARTIFACT = "create_artifact"
    EDIT_ARTIFACT = "edit_artifact"
    ADMINISTER_FILES = "administer_files"
    ADMINISTER_NOTIFICATIONS = "administer_notifications"


@dataclass(frozen=True)
class Grant:
    """Who has a capability: a role in the workspace, staff, a worker, or any of these; and the scope that a token needs."""

    scope: Scope
    role: Role | None = None
    staff: bool = False
    worker: bool = False
    signed_in: bool = False

    @property
    def only_workers(self) -> bool:
        """True when no user has it, not even a superuser."""
        return self.worker and self.role is None and not self.staff and not self.signed_in


GRANTS: Mapping[Capability, Grant] = {
    Capability.CREATE_WORK: Grant(Scope.WORK, role=Role.CONTRIBUTOR),
    Capability.RETRY_WORK: Grant(Scope.WORK, role=Role.CONTRIBUTOR),
    Capability.LOWER_PRIORITY: Grant(Scope.WORK, role=Role.CONTRIBUTOR),
    Capability.RAISE_PRIORITY: Grant(Scope.ADMIN, staff=True),
    Capability.ABORT_WORK: Grant(Scope.WORK, role=Role.OWNER),
    Capability.RUN_WORK: Grant(Scope.WORK, worker=True),
    Capability.EDIT_WORKSPACE: Grant(Scope.ADMIN, role=Role.OWNER),
    Capability.CREATE_WORKSPACE: Grant(Scope.ADMIN, staff=True),
    Capability.MANAGE_OWN_TOKENS: Grant(Scope.ADMIN, signed_in=True),
    Capability.ADMINISTER_TOKENS: Grant(Scope.ADMIN, staff=True),
    Capability.ADMINISTER_WORKERS: Grant(Scope.ADMIN, staff=True),
    Capability.ADMINISTER_USERS: Grant(Scope.ADMIN, staff=True),
    Capability.READ_AUDIT_LOG: Grant(Scope.READ, staff=True),
    Capability.ENQUEUE_TASK: Grant(Scope.WORK, role=Role.CONTRIBUTOR, staff=True),
    Capability.RETRY_TASK: Grant(Scope.WORK, role=Role.CONTRIBUTOR, staff=True),
    Capability.CANCEL_TASK: Grant(Scope.WORK, role=Role.CONTRIBUTOR, staff=True),
    Capability.PURGE_TASKS: Grant(Scope.ADMIN, staff=True),
    Capability.CHANGE_SCHEDULE: Grant(Scope.ADMIN, staff=True),
    Capability.SEND_SCHEDULE: Grant(Scope.WORK, staff=True),
    Capability.VIEW_SYSTEM_INFO: Grant(Scope.READ, staff=True),
    Capability.CREATE_ARTIFACT: Grant(Scope.WORK, role=Role.CONTRIBUTOR, worker=True),
    Capability.EDIT_ARTIFACT: Grant(Scope.WORK, role=Role.OWNER),
    Capability.ADMINISTER_FILES: Grant(Scope.ADMIN, staff=True),
    Capability.ADMINISTER_NOTIFICATIONS: Grant(Scope.ADMIN, staff=True),
}


@dataclass(frozen=True)
class Viewer:
    """Who asks. Exactly one of `user_id` and `worker_id` is set, or neither for the anonymous.

    `roles` maps workspace id → role, the teams' roles included. `tenant_id` bounds everything: nothing crosses tenants.
    `workspaces` are those that it might see when its token was looked up; None where they are too many, or hang on its work.
    """

    tenant_id: int
    user_id: int | None = None
    worker_id: int | None = None
    token_id: int | None = None
    is_staff: bool = False
    is_superuser: bool = False
    scopes: frozenset[Scope] = frozenset(Scope)
    roles: Mapping[int, Role] = field(default_factory=dict)
    permissions: frozenset[str] = frozenset()
    expire_at: datetime | None = None
    system: bool = False
    workspaces: tuple[int, ...] | None = None
    settled: bool = False
    """True: it sees what is in these workspaces, and nobody looks whether it still may (docs/decisions/0023)."""

    @classmethod
    def operator(cls, tenant_id: int) -> "Viewer":
        """Whoever runs commands on the server's machine: may do everything in the tenant."""
        return cls(tenant_id=tenant_id, is_superuser=True, is_staff=True, system=True)

    @property
    def anonymous(self) -> bool:
        return self.user_id is None and self.worker_id is None and not self.system

    @property
    def reads_all(self) -> bool:
        """A superuser sees everything in the tenant; the scope of the token does not narrow what may be read."""
        return self.is_superuser

    @cached_property
    def settled_if_known(self) -> "Viewer":
        """The same for a query, whose workspaces are those of when the token was looked up."""
        return self if self.workspaces is None else replace(self, settled=True)

    @cached_property  # asked for with every event
    def sharing_key(self) -> tuple[object, ...]:
        """Two viewers with an equal key see every object alike, so what is rendered for one may be shown to the other."""
        return (
            self.tenant_id,
            self.user_id,
            self.worker_id,
            self.scopes,
            self.is_staff,
            self.is_superuser,
            self.permissions,
            tuple(sorted(self.roles.items())),
            self.workspaces if self.settled else None,
        )

    @cached_property
    def sight(self) -> str:
        """All that what a viewer may see can depend on: statements written for one are good for whoever has an equal one.

        It is text, since statements are looked for by it all the time: text knows its hash.
        """
        return repr((self.sharing_key, self.token_id, self.system))

    def can(self, capability: Capability, workspace_id: int | None = None) -> bool:
        """True when this viewer may use the capability, in that workspace where it is about one."""
        grant = GRANTS[capability]
        if self.anonymous or grant.scope not in self.scopes:
            return False
        if self.worker_id is not None:
            return grant.worker
        if grant.only_workers:
            return False
        if self.is_superuser or capability.value in self.permissions:
            return True
        if grant.signed_in or (grant.staff and self.is_staff):
            return True
        role = self.roles.get(workspace_id) if workspace_id is not None else None
        return role is not None and grant.role is not None and role >= grant.role

    def require(self, capability: Capability, workspace_id: int | None = None) -> None:
        """Raise `Forbidden` (or `Unauthenticated`) unless the viewer may. For things that the viewer sees."""
        if self.anonymous:
            raise Unauthenticated()
        if not self.can(capability, workspace_id):
            raise Forbidden(
                f"This needs {_who(GRANTS[capability])}, and a token with the scope "
                f"'{GRANTS[capability].scope.value}'."
            )


def _who(grant: Grant) -> str:
    if grant.only_workers:
        return "a worker's token"
    if grant.role is not None:
        role = f"the role {grant.role.name} in the workspace"
        others = [
            word
            for word, may in (
                (", or a member of staff", grant.staff),
                (", or a worker's token", grant.worker),
            )
            if may
        ]
        return role + "".join(others)
    return "a signed-in user" if grant.signed_in else "a member of staff"
