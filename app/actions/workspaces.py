"""Workspaces: made, changed, and shared by roles."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Any

from tortoise.exceptions import IntegrityError

from app import events
from app.access import Capability, Role, Viewer
from app.actions.audit import note
from app.actions.idempotency import made_before, remember
from app.actions.outbox import record
from app.database import atomic, fetch
from app.errors import Invalid, NotFound
from app.models import FileStore, LogAction, Team, User, Workspace, WorkspaceMembership

DEFAULT_WORKSPACE = "System"
LONGEST_DELAY = timedelta(days=36_525)
MAX_STORES = 20
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9+._-]{0,254}")


class Unchanged(Enum):
    """Says that something stays as it is, where None says something else."""

    UNCHANGED = None


UNCHANGED = Unchanged.UNCHANGED


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


@dataclass(frozen=True)
class WorkspaceChanges:
    """What is to be changed of a workspace; what is UNCHANGED stays."""

    name: str | None = None
    public: bool | None = None
    default_expiration_delay: timedelta | Unchanged | None = UNCHANGED
    free_categories: bool | None = None
    default_file_store_id: int | None = None
    other_file_store_ids: Sequence[int] | None = None

    @property
    def of_stores(self) -> bool:
        """Whether it is said anew where its files are kept."""
        return self.default_file_store_id is not None or self.other_file_store_ids is not None

    @property
    def of_stores_alone(self) -> bool:
        """Whether nothing else is said."""
        others = (self.name, self.public, self.free_categories)
        return self.of_stores and self.default_expiration_delay is UNCHANGED and others == (None, None, None)


@atomic()
async def update_workspace(
    viewer: Viewer, id: int, changes: WorkspaceChanges, *, if_version: int | None = None
) -> Workspace:
    """Rename a workspace, make it public or private, say what artifacts it takes and for how long; staff: where files go."""
    workspace = await Workspace.lock_visible(viewer, id, if_version=if_version)
    if changes.of_stores:
        viewer.require(Capability.ADMINISTER_FILES)
    if not changes.of_stores_alone:
        viewer.require(Capability.EDIT_WORKSPACE, workspace.id)
    change = _changed(changes)
    workspace.update_from_dict(change)
    stores = await _changed_stores(viewer, workspace, changes)
    try:
        await workspace.save_changes(
            *change, *(["default_file_store_id"] if "default_file_store" in stores else [])
        )
    except IntegrityError:
        raise Invalid.field(
            "name", f"There is a workspace called '{changes.name}' already.", "TAKEN"
        ) from None
    await record(events.WorkspaceChanged, workspace.id)
    await note(viewer, LogAction.CHANGE, workspace, workspace.name, **_noted(change), **stores)
    return workspace


def _changed(changes: WorkspaceChanges) -> dict[str, Any]:
    """Columns and their new values, checked."""
    change: dict[str, Any] = {
        name: value
        for name in ("name", "public", "free_categories")
        if (value := getattr(changes, name)) is not None
    }
    if changes.name is not None:
        _check_name(changes.name)
    if not isinstance(changes.default_expiration_delay, Unchanged):
        _check_delay(changes.default_expiration_delay)
        change["default_expiration_delay"] = changes.default_expiration_delay
    return change


async def _changed_stores(viewer: Viewer, workspace: Workspace, changes: WorkspaceChanges) -> dict[str, Any]:
    """Give the workspace other stores: what the book says of it."""
    noted: dict[str, Any] = {}
    if changes.default_file_store_id is not None:
        store = await _store(viewer, changes.default_file_store_id, "defaultFileStore")
        workspace.default_file_store_id, noted["default_file_store"] = store.id, store.name
    if changes.other_file_store_ids is not None:
        if len(changes.other_file_store_ids) > MAX_STORES:
            raise Invalid.field("otherFileStores", f"There may be at most {MAX_STORES} other stores.")
        others = [await _store(viewer, each, "otherFileStores") for each in changes.other_file_store_ids]
        await fetch(_OTHER_STORES, workspace.id, [each.id for each in others])
        noted["other_file_stores"] = sorted(each.name for each in others)
    return noted


_OTHER_STORES = """
WITH given AS (SELECT DISTINCT id FROM unnest($2::bigint[]) AS id),
gone AS (DELETE FROM workspace_other_file_store WHERE workspace_id = $1 AND filestore_id NOT IN (SELECT id FROM given))
INSERT INTO workspace_other_file_store (workspace_id, filestore_id) SELECT $1, id FROM given ON CONFLICT DO NOTHING
"""


async def _store(viewer: Viewer, id: int, field: str) -> FileStore:
    """The store, which cannot be deleted before the end of the transaction."""
    await fetch("SELECT FROM file_store WHERE id = $1 FOR KEY SHARE", id)
    store = await FileStore.visible_to(viewer).get_or_none(id=id)
    if store is None:
        raise NotFound("There is no such file store.", path=("input", field))
    return store


def _noted(change: dict[str, Any]) -> dict[str, Any]:
    return {name: str(value) if isinstance(value, timedelta) else value for name, value in change.items()}


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
    default = await Workspace.find_visible(viewer, DEFAULT_WORKSPACE)
    if default is None:
        raise NotFound(
            "You are no member of the default workspace: name one of yours.", path=("input", "workspace")
        )
    return default


def _check_delay(delay: timedelta | None) -> None:
    if delay is not None and not timedelta(seconds=1) <= delay <= LONGEST_DELAY:
        raise Invalid.field(
            "defaultExpirationDelay",
            "Artifacts are kept from one second to 100 years, or, with null, for ever.",
        )


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise Invalid.field(
            "name", "A workspace's name is a letter, then at most 254 letters, digits or + . _ -"
        )
