"""Which stores there are for a workspace, and how they are opened. Opening asks nothing of the network or the disk."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from app.database import fetch
from app.models import FileStore
from app.settings import Settings
from app.stores import Key, Store, StoreFull, StoreSettings, open_store


class Stores:
    """The stores of a process, each opened when it is first used, and again when its row was changed."""

    def __init__(self, settings: Settings) -> None:
        self._settings = StoreSettings(
            default_directory=settings.files_directory / "store", timeout=settings.store_timeout_seconds
        )
        self._open: dict[int, tuple[int, Store]] = {}

    async def of(self, row: FileStore) -> Store:
        """The store of a row. Raises `Misconfigured`."""
        version, store = self._open.get(row.id, (0, None))
        if store is None or version != row.version:
            opened = self.open(row)
            self._open[row.id] = (row.version, opened)
            if store is not None:
                await store.close()
            return opened
        return store

    def open(self, row: FileStore) -> Store:
        """The same for one use, as of a row that is not stored yet: whoever asks closes it. Raises `Misconfigured`."""
        return open_store(row.backend, row.name, row.configuration, self._settings)

    async def close(self) -> None:
        """Let go of all of them."""
        while self._open:
            _, (_, store) = self._open.popitem()
            await store.close()


@asynccontextmanager
async def open_stores(settings: Settings) -> AsyncIterator[Stores]:
    """The stores, for as long as they are used: for tasks and commands."""
    stores = Stores(settings)
    try:
        yield stores
    finally:
        await stores.close()


async def store_for(workspace_id: int, key: Key) -> FileStore:
    """Where new content of a workspace goes: its default store, or another of its stores that has more room.

    Raises `StoreFull` when none takes it.
    """
    rows = await stores_of(workspace_id)
    writable = [row for row in rows if not row.read_only and _fits(row, key.size, row.max_size)]
    for row in writable:
        if _fits(row, key.size, row.soft_max_size):
            return row
    if not writable:
        raise StoreFull(f"None of the workspace's stores takes {key.size:,} bytes more.")
    return writable[0]


async def stores_of(workspace_id: int) -> list[FileStore]:
    """The stores of a workspace, its default one first, then the others by name."""
    ids = [row["id"] for row in await fetch(_STORES_OF, workspace_id)]
    found = {row.id: row for row in await FileStore.filter(id__in=ids)}
    return [found[id] for id in ids]


async def stores_with(workspace_id: int, file_id: int) -> list[FileStore]:
    """The stores of a workspace that have a file, its default one first."""
    having = {row["id"] for row in await fetch(_HAVING, file_id)}
    return [row for row in await stores_of(workspace_id) if row.id in having]


async def is_file_in_workspace(workspace_id: int, file_id: int) -> bool:
    """Whether a store of the workspace has the file: its default one, or another."""
    return (await are_in_workspaces([(workspace_id, file_id)]))[0]


async def are_in_workspaces(pairs: Sequence[tuple[int, int]]) -> list[bool]:
    """`is_file_in_workspace` of each pair of a workspace and a file, in one statement."""
    rows = await fetch(_IN_WORKSPACES, *(list(ids) for ids in zip(*pairs, strict=True)))
    there = {(row["workspace_id"], row["file_id"]) for row in rows}
    return [pair in there for pair in pairs]


def _fits(row: FileStore, size: int, limit: int | None) -> bool:
    return limit is None or row.total_size + size <= limit


_STORES_OF = """
SELECT file_store.id FROM workspace JOIN file_store ON file_store.id = workspace.default_file_store_id
    OR file_store.id IN (SELECT filestore_id FROM workspace_other_file_store WHERE workspace_id = workspace.id)
WHERE workspace.id = $1
ORDER BY file_store.id <> workspace.default_file_store_id, file_store.name
"""

_IN_WORKSPACES = """
SELECT workspace.id AS workspace_id, pair.file_id FROM unnest($1::bigint[], $2::bigint[]) AS pair(workspace_id, file_id)
JOIN workspace ON workspace.id = pair.workspace_id
WHERE EXISTS (SELECT FROM file_in_store WHERE file_in_store.file_id = pair.file_id AND (
    store_id = workspace.default_file_store_id
    OR store_id IN (SELECT filestore_id FROM workspace_other_file_store WHERE workspace_id = workspace.id)))
"""

_HAVING = "SELECT store_id AS id FROM file_in_store WHERE file_id = $1"
