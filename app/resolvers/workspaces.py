"""Workspaces: made, changed, shared."""

from typing import Annotated

import strawberry

from app import models
from app.access import Role
from app.actions import workspaces as actions
from app.context import Info
from app.graphql.connections import ConnectionOf, connection
from app.graphql.ids import maybe_row_id, row_id
from app.graphql.mutations import Payload, argument, changed, mutation
from app.schema.workspaces import Workspace, WorkspaceFilter, WorkspaceOrder


@strawberry.type
class Query:
    """Workspaces."""

    @strawberry.field(
        description="The workspace of that name; null when there is none or you may not see it.",
        graphql_type=Workspace | None,
    )
    @staticmethod
    async def workspace(
        info: Info, name: Annotated[str, strawberry.argument(description="Its name.")]
    ) -> models.Workspace | None:
        return await models.Workspace.find_visible(info.context.viewer, name)

    workspaces = connection(
        "Workspace",
        "The workspaces that you may see.",
        ConnectionOf(models.Workspace, filters=WorkspaceFilter, orders=WorkspaceOrder),
    )


@strawberry.input(description="A new workspace.")
class CreateWorkspaceInput:
    """For createWorkspace."""

    name: str = argument("A letter, then at most 254 letters, digits or + . _ -; unique in the tenant.")
    public: bool = argument("True: everybody may read what is in it.", False)
    idempotency_key: str | None = argument("A key of your choice: sent twice, it makes one workspace.", None)


@strawberry.input(description="Changes to a workspace. What is left out stays as it is.")
class UpdateWorkspaceInput:
    """For updateWorkspace."""

    id: strawberry.ID = argument("The workspace.")
    name: str | None = argument("New name.", None)
    public: bool | None = argument("Whether everybody may read it.", None)
    if_version: int | None = argument("Refuse unless the workspace still has this version.", None)


@strawberry.input(description="The role of a user or a team.")
class SetWorkspaceRoleInput:
    """For setWorkspaceRole."""

    workspace: strawberry.ID = argument("The workspace.")
    user: strawberry.ID | None = argument("The user; or name a team.", None)
    team: strawberry.ID | None = argument("The team; or name a user.", None)
    role: Role | None = argument("The role; null takes it away.", None)


@strawberry.type(description="What mutations of workspaces answer.")
class WorkspacePayload(Payload):
    """A workspace."""

    workspace: models.Workspace | None = changed("Workspace", "The workspace as it is now.")


@strawberry.type
class Mutation:
    """What can be done with workspaces."""

    @mutation(
        WorkspacePayload, "Make a workspace, with you as its owner. For staff. Emits workspace.created."
    )
    @staticmethod
    async def create_workspace(info: Info, input: CreateWorkspaceInput) -> WorkspacePayload:
        return WorkspacePayload(
            workspace=await actions.create_workspace(
                info.context.viewer,
                name=input.name,
                public=input.public,
                idempotency_key=input.idempotency_key,
            )
        )

    @mutation(
        WorkspacePayload,
        "Rename a workspace, or make it public or private. For its owners. Emits workspace.changed.",
    )
    @staticmethod
    async def update_workspace(info: Info, input: UpdateWorkspaceInput) -> WorkspacePayload:
        return WorkspacePayload(
            workspace=await actions.update_workspace(
                info.context.viewer,
                row_id(input.id, models.Workspace),
                name=input.name,
                public=input.public,
                if_version=input.if_version,
            )
        )

    @mutation(
        WorkspacePayload,
        "Give a user or a team a role in a workspace, or take it away. For its owners. Emits workspace.changed.",
    )
    @staticmethod
    async def set_workspace_role(info: Info, input: SetWorkspaceRoleInput) -> WorkspacePayload:
        return WorkspacePayload(
            workspace=await actions.set_workspace_role(
                info.context.viewer,
                row_id(input.workspace, models.Workspace, ("input", "workspace")),
                input.role,
                user_id=maybe_row_id(input.user, models.User, ("input", "user")),
                team_id=maybe_row_id(input.team, models.Team, ("input", "team")),
            )
        )
