"""Workspaces: made, changed, and shared by roles."""

import re

from tortoise.exceptions import IntegrityError

from app import events
from app.access import Capability, Role, Viewer
from app.actions.audit import note
from app.actions.idempotency import made_before, remember
from app.actions.outbox import record
from app.database import atomic
from app.errors import Invalid, NotFound
from app.models import FileStore, LogAction, Team, User, Workspace, WorkspaceMembership

DEFAULT_WORKSPACE = "System"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9+._-]{0,254}")


@atomic()
async def create_workspace(
    viewer: Viewer, *, name: str, public: bool = False, idempotency_key: str | None = None
) -> Workspace:
    """A new workspace of the viewer's tenant, with the viewer as its owner."""
    viewer.require(Capability.CREATE_WORKSPACE)
    _check_name(name)
    if before := await made_before(
        viewer, idempotency_key, "createWorkspace", {"name": name, "public": public}
    ):
        return await Workspace.get(id=before)
    try:
        workspace = await Workspace.create(
            tenant_id=viewer.tenant_id,
            name=name,
            public=public,
            default_file_store_id=await default_file_store_id(),
        )
    except IntegrityError:
        raise Invalid.field("name", f"There is a workspace called '{name}' already.", "TAKEN") from None
    if viewer.user_id is not None:
        await WorkspaceMembership.create(workspace_id=workspace.id, user_id=viewer.user_id, role=Role.OWNER)
    await remember(viewer, idempotency_key, workspace.id)
    await record(events.WorkspaceCreated, workspace.id)
    await note(viewer, LogAction.ADDITION, workspace, name, public=public)
    return workspace


@atomic()
async def update_workspace(
    viewer: Viewer,
    id: int,
    *,
    name: str | None = None,
    public: bool | None = None,
    if_version: int | None = None,
) -> Workspace:
    """Rename a workspace, or make it public or private."""
    workspace = await Workspace.lock_visible(viewer, id, if_version=if_version)
    viewer.require(Capability.EDIT_WORKSPACE, workspace.id)
    change: dict[str, object] = {}
    if name is not None:
        _check_name(name)
        workspace.name = change["name"] = name
    if public is not None:
        workspace.public = change["public"] = public
    try:
        await workspace.save_changes(*change)
    except IntegrityError:
        raise Invalid.field("name", f"There is a workspace called '{name}' already.", "TAKEN") from None
    await record(events.WorkspaceChanged, workspace.id)
    await note(viewer, LogAction.CHANGE, workspace, workspace.name, **change)
    return workspace


@atomic()
async def set_workspace_role(
    viewer: Viewer,
    id: int,
    role: Role | None,
    *,
    user_id: int | None = None,
    team_id: int | None = None,
) -> Workspace:
    """Give a user or a team a role in a workspace; None takes it away."""
    workspace = await Workspace.lock_visible(viewer, id)
    viewer.require(Capability.EDIT_WORKSPACE, workspace.id)
    if (user_id is None) == (team_id is None):
        raise Invalid.field("user", "Name either a user or a team.")
    member: User | Team = await (
        User.get_visible(viewer, user_id) if user_id is not None else Team.get_visible(viewer, team_id or 0)
    )
    await WorkspaceMembership.filter(workspace_id=id, user_id=user_id, team_id=team_id).delete()
    if role is not None:
        await WorkspaceMembership.create(workspace_id=id, user_id=user_id, team_id=team_id, role=role)
    await workspace.save_changes()
    await record(events.WorkspaceChanged, workspace.id)
    await note(
        viewer,
        LogAction.CHANGE,
        workspace,
        workspace.name,
        member=str(member.id),
        kind=type(member).__name__,
        role=role.name if role else None,
    )
    return workspace


async def default_file_store_id() -> int:
    """The store of a new workspace: the one called Default, which is there from installation."""
    return (await FileStore.get(name=FileStore.DEFAULT)).id  # type: ignore[no-any-return]


async def workspace_or_default(viewer: Viewer, id: int | None) -> Workspace:
    """The workspace, or the one called System when none is named. NotFound when the viewer may not see it."""
    if id is not None:
        return await Workspace.get_visible(viewer, id)
    default = await Workspace.visible_to(viewer).get_or_none(name=DEFAULT_WORKSPACE)
    if default is None:
        raise NotFound(
            "You are no member of the default workspace: name one of yours.", path=("input", "workspace")
        )
    return default


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise Invalid.field(
            "name", "A workspace's name is a letter, then at most 254 letters, digits or + . _ -"
        )
