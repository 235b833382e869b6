"""Where work lives."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import strawberry

from app import models
from app.access import Role, Viewer
from app.actions.files.places import are_in_workspaces
from app.graphql.connections import ConnectionOf, ListOf, listed, to_many
from app.graphql.entity import Node, batched, computed, entity, to_one
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

    @computed()
    def viewer_role(row: models.Workspace, viewer: Viewer) -> Role | None:
        """Your role here; null when you have none."""
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

    @batched()
    async def is_file_in_workspace(
        rows: Sequence[models.Workspace],
        viewer: Viewer,
        file: Annotated[strawberry.ID, strawberry.argument(description="The file.")],
    ) -> Mapping[int, bool]:
        """True when one of its stores has the file. False of a file that you may not see."""
        id = row_id(file, models.File, ("file",))
        if not await models.File.visible_to(viewer).filter(id=id).exists():
            return {row.id: False for row in rows}
        found = await are_in_workspaces([(row.id, id) for row in rows])
        return {row.id: has for row, has in zip(rows, found, strict=True)}

    artifacts: "Connection[Artifact]" = artifacts_of("The artifacts here.", "workspace_id")
    tasks: "Connection[Task]" = tasks_of("workspaces", "workspace")
    member_tasks: "Connection[Task]" = to_many(
        "The tasks that its members may see, the newest first unless ordered otherwise.",
        ConnectionOf(models.Task, "workspace_id", TaskFilter, TaskOrder, (("created_at", True),)),
    )
