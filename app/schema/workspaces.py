"""Where work lives."""

from datetime import datetime
from typing import TYPE_CHECKING

import strawberry

from app import models
from app.access import Role
from app.context import Info
from app.graphql.connections import ConnectionOf, to_many
from app.graphql.entity import Node, entity, to_one
from app.graphql.filters import filter_of, order_of
from app.schema.tasks import TaskFilter, TaskOrder, tasks_of
from app.schema.work import WorkRequestFilter, WorkRequestOrder

if TYPE_CHECKING:
    from app.graphql.connections import Connection
    from app.schema.accounts import Team, User
    from app.schema.tasks import Task
    from app.schema.work import WorkRequest

WorkspaceFilter = filter_of(models.Workspace, "id", "name", "public", "created_at")
WorkspaceOrder = order_of(models.Workspace, "name", "created_at")


@entity(models.WorkspaceMembership)
class WorkspaceMembership(Node):
    """The role of one user or one team in a workspace."""

    role: Role
    user: "User | None" = to_one("The user; null when it is a team.")
    team: "Team | None" = to_one("The team; null when it is a user.")


@entity(models.Workspace)
class Workspace(Node):
    """A place for work with its own members. A public one may be read by everybody, members or not."""

    name: str
    public: bool
    created_at: datetime
    version: int

    @strawberry.field(description="Your role here; null when you have none.")
    @staticmethod
    def viewer_role(row: strawberry.Parent[models.Workspace], info: Info) -> Role | None:
        viewer = info.context.viewer
        return Role.OWNER if viewer.is_superuser else viewer.roles.get(row.id)

    memberships: "Connection[WorkspaceMembership]" = to_many(
        "Who has a role here.", ConnectionOf(models.WorkspaceMembership, "workspace_id")
    )
    work_requests: "Connection[WorkRequest]" = to_many(
        "The work here, oldest first unless ordered otherwise.",
        ConnectionOf(
            models.WorkRequest, "workspace_id", WorkRequestFilter, WorkRequestOrder, (("created_at", False),)
        ),
    )
    tasks: "Connection[Task]" = tasks_of("workspaces", "workspace")
    member_tasks: "Connection[Task]" = to_many(
        "The tasks that its members may see, the newest first unless ordered otherwise.",
        ConnectionOf(models.Task, "workspace_id", TaskFilter, TaskOrder, (("created_at", True),)),
    )
