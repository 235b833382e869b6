"""Where work lives."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import strawberry

from app import models
from app.access import Role
from app.actions.files.places import are_in_workspaces
from app.context import Info
from app.graphql.connections import ConnectionOf, ListOf, listed, to_many
from app.graphql.entity import Node, entity, to_one
from app.graphql.filters import filter_of, order_of
from app.graphql.ids import row_id
from app.schema.artifacts import artifacts_of
from app.schema.tasks import TaskFilter, TaskOrder, tasks_of
from app.schema.work import WorkRequestFilter, WorkRequestOrder

if TYPE_CHECKING:
    from app.graphql.connections import Connection
    from app.schema.accounts import Team, User
    from app.schema.artifacts import Artifact
    from app.schema.files import FileStore
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
    default_expiration_delay: timedelta | None
    free_categories: bool
    version: int
    default_file_store: "FileStore | None" = to_one(
        "Where the bytes of its new files go; shown to the signed-in."
    )
    other_file_stores: "list[FileStore]" = listed(
        "Other stores that may have its files, by name; shown to the signed-in.",
        ListOf(models.FileStore, "other_workspaces__id", (("name", False),), 100),
    )

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

    @strawberry.field(
        description="True when one of its stores has the file. False of a file that you may not see."
    )
    @staticmethod
    async def is_file_in_workspace(
        row: strawberry.Parent[models.Workspace],
        info: Info,
        file: Annotated[strawberry.ID, strawberry.argument(description="The file.")],
    ) -> bool:
        found = await info.context.one(models.File, row_id(file, models.File, ("file",)))
        return found is not None and await info.context.loader("files in workspaces", are_in_workspaces).load(
            (row.id, found.id)
        )

    artifacts: "Connection[Artifact]" = artifacts_of("The artifacts here.", "workspace_id")
    tasks: "Connection[Task]" = tasks_of("workspaces", "workspace")
    member_tasks: "Connection[Task]" = to_many(
        "The tasks that its members may see, the newest first unless ordered otherwise.",
        ConnectionOf(models.Task, "workspace_id", TaskFilter, TaskOrder, (("created_at", True),)),
    )
