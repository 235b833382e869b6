"""Workspaces: made, changed, shared."""

from datetime import timedelta

import strawberry
from strawberry.types.unset import UNSET

from app import models
from app.access import Role
from app.actions import workspaces as actions
from app.context import Info
from app.graphql.connections import ConnectionOf, connection
from app.graphql.ids import maybe_row_id, row_id, row_ids
from app.graphql.mutations import Payload, argument, changed, mutation
from app.graphql.roots import one_by_name
from app.schema.workspaces import WorkspaceFilter, WorkspaceOrder


@strawberry.type
class Query:
    """Workspaces."""

    workspace = one_by_name(
        "Workspace",
        models.Workspace,
        "The workspace of that name; null when there is none or you may not see it.",
    )

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
    default_expiration_delay: timedelta | None = strawberry.field(
        default=UNSET,
        description="How long artifacts made here are kept unless said otherwise, at most 100 years; null: for ever.",
    )
    free_categories: bool | None = argument(
        "Whether artifacts may be of categories that nobody registered.", None
    )
    default_file_store: strawberry.ID | None = argument("For staff: where the bytes of new files go.", None)
    other_file_stores: list[strawberry.ID] | None = argument(
        "For staff: all other stores that may have its files, at most 20.", None
    )
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
        "Rename a workspace, make it public or private, say which artifacts it takes and for how long. For its owners; where "
        "its files are kept, for those of them who are staff. Emits workspace.changed.",
    )
    @staticmethod
    async def update_workspace(info: Info, input: UpdateWorkspaceInput) -> WorkspacePayload:
        return WorkspacePayload(
            workspace=await actions.update_workspace(
                info.context.viewer,
                row_id(input.id, models.Workspace),
                _changes(input),
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


def _changes(input: UpdateWorkspaceInput) -> actions.WorkspaceChanges:
    delay = input.default_expiration_delay
    others = input.other_file_stores
    return actions.WorkspaceChanges(
        name=input.name,
        public=input.public,
        default_expiration_delay=actions.UNCHANGED if delay is UNSET else delay,
        free_categories=input.free_categories,
        default_file_store_id=maybe_row_id(
            input.default_file_store, models.FileStore, ("input", "defaultFileStore")
        ),
        other_file_store_ids=None
        if others is None
        else row_ids(list(others), models.FileStore, ("input", "otherFileStores")),
    )
