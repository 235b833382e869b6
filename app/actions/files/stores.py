"""The rows of file stores: added, changed and removed by the operator of the server's machine, whose directories and buckets
they name. Every tenant's staff is told."""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from app import events
from app.access import Viewer
from app.actions.audit import note
from app.actions.files.places import Stores
from app.actions.outbox import record
from app.database import atomic
from app.errors import Conflict, Forbidden, Invalid, InvalidState, NotFound
from app.events import EventType
from app.models import File, FileInStore, FileStore, FileToRemove, LogAction, Tenant, Workspace
from app.stores import Key, Misconfigured, StoreError, check_configuration

CHANGEABLE = ("configuration", "soft_max_size", "max_size", "read_only")


async def add_store(
    viewer: Viewer,
    stores: Stores,
    *,
    name: str,
    backend: str,
    configuration: Mapping[str, Any],
    soft_max_size: int | None = None,
    max_size: int | None = None,
    read_only: bool = False,
) -> FileStore:
    """A new store. Unless it is read-only, bytes are put there, read and removed first: it is made only if that works.

    Raises `Invalid`, and what the store raises.
    """
    _require_operator(viewer)
    _check(name, backend, configuration, soft_max_size, max_size)
    row = FileStore(
        name=name,
        backend=backend,
        configuration=dict(configuration),
        soft_max_size=soft_max_size,
        max_size=max_size,
        read_only=read_only,
    )
    if await FileStore.exists(name=name):
        raise Invalid.field("name", f"There is a file store called '{name}' already.", "TAKEN")
    await probe(stores, row)
    return await _add(viewer, row)


@atomic()
async def _add(viewer: Viewer, row: FileStore) -> FileStore:
    await row.save()
    await _tell(events.FileStoreCreated, row)
    await note(viewer, LogAction.ADDITION, row, row.name, backend=str(row.backend))
    return row


async def change_store(viewer: Viewer, stores: Stores, name: str, **changes: Any) -> FileStore:
    """Change a store: `configuration`, `soft_max_size`, `max_size`, `read_only`. Where its bytes are is tried out as for a
    new one; moving them there is the operator's."""
    _require_operator(viewer)
    row = await store_named(name)
    before = row.version
    for column, value in changes.items():
        assert column in CHANGEABLE, column
        setattr(row, column, value)
    _check(name, row.backend, row.configuration, row.soft_max_size, row.max_size)
    if "configuration" in changes or (changes.get("read_only") is False):
        await probe(stores, row)
    return await _change(viewer, row, before, changes)


@atomic()
async def _change(viewer: Viewer, row: FileStore, before: int, changes: Mapping[str, Any]) -> FileStore:
    current = await FileStore.filter(id=row.id).select_for_update(no_key=True).first()
    if current is None or current.version != before:
        raise Conflict(f"The file store '{row.name}' was changed meanwhile: look at it first.")
    await row.save_changes(*changes)
    await _tell(events.FileStoreChanged, row)
    await note(viewer, LogAction.CHANGE, row, row.name, **changes)
    return row


@atomic()
async def remove_store(viewer: Viewer, name: str) -> None:
    """Forget a store that no workspace uses and that has nothing."""
    _require_operator(viewer)
    row = await FileStore.filter(name=name).select_for_update().first()
    if row is None:
        raise _no_store(name)
    if row.name == FileStore.DEFAULT:
        raise Forbidden("The store called Default stays: new workspaces begin with it.")
    for query, what in (
        (Workspace.filter(default_file_store_id=row.id), "workspaces put new files there"),
        (Workspace.filter(other_file_stores=row.id), "workspaces have it as another store"),
        (FileInStore.filter(store_id=row.id), "files are in it"),
        (FileToRemove.filter(store_id=row.id), "files are still to be removed from it"),
    ):
        if count := await query.count():
            raise InvalidState(
                f"The file store '{name}' is in use: {count:,} {what}.", current_state="in use"
            )
    await note(viewer, LogAction.DELETION, row, row.name)
    await _tell(events.FileStoreDeleted, row)
    await row.delete()


async def store_named(name: str) -> FileStore:
    """The store of that name, for the operator. Raises `NotFound`."""
    row = await FileStore.get_or_none(name=name)
    if row is None:
        raise _no_store(name)
    return row


async def probe(stores: Stores, row: FileStore) -> None:
    """Put bytes into the store, read them, and remove them; of a read-only one, look for what is not there.

    Raises `Invalid` when the configuration cannot work, else what the store raises.
    """
    content = uuid4().bytes
    key = Key.of_digest(File.calculate_hash(content), len(content))
    try:
        store = stores.open(row)
    except Misconfigured as error:
        raise Invalid.field("configuration", str(error)) from None
    try:
        if row.read_only:
            await store.exists(key)
            return
        try:
            await store.put(key, _once(content))
            async with store.get(key) as blocks:
                if b"".join([block async for block in blocks]) != content:
                    raise StoreError(f"The store {row.name} gives other bytes than it was given.")
        finally:
            await store.delete(key)
    finally:
        await store.close()


async def _once(content: bytes) -> Any:
    yield content


def _check(
    name: str, backend: str, configuration: Mapping[str, Any], soft_max_size: int | None, max_size: int | None
) -> None:
    try:
        check_configuration(str(backend), name, configuration)
    except Misconfigured as error:
        raise Invalid.field("configuration", str(error)) from None
    if min(soft_max_size or 0, max_size or 0) < 0:
        raise Invalid.field("maxSize", "A limit is not below nothing.")
    if max_size is not None and soft_max_size is not None and soft_max_size > max_size:
        raise Invalid.field("softMaxSize", "The soft limit is not above the limit.")


async def _tell(event: EventType, row: FileStore) -> None:
    """The staff of every tenant: stores belong to the installation."""
    for tenant in await Tenant.all().order_by("id"):
        await record(event, row.id, tenant_id=tenant.id)


def _require_operator(viewer: Viewer) -> None:
    if not viewer.system:
        raise Forbidden("Only the operator of the server changes file stores, by `python -m app stores`.")


def _no_store(name: str) -> NotFound:
    return NotFound(f"There is no file store called '{name}'.")
