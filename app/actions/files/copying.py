"""Copying files from one store to another, and moving them: file by file, so that it can be ended at any time and begun again.

Before bytes are put into the target a row of file_to_remove says that they may have to go again, and is kept young while they
come; with the commit that names them in the target it is taken away. So what a killed process leaves is removed by itself,
and nothing is named that was removed in between.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from app.actions.files.places import Stores
from app.actions.files.saying import Say, seldom
from app.database import atomic, fetch
from app.errors import InvalidState
from app.models import FileStore, Workspace
from app.stores import Corrupt, Key, Missing, StoreFull, StoreUnavailable, copy

PAGE, AT_ONCE = 500, 4
KEEP_YOUNG_SECONDS = 600.0
NAMED = 20
PATIENCE_SECONDS = 60.0


@dataclass
class Copied:
    """What was done, and what could not be."""

    files: int = 0
    bytes: int = 0
    there: int = 0
    """Files that the target had already."""
    removed: int = 0
    """Of a move: files that the source is rid of. Their bytes go within the hour."""
    needed: int = 0
    """Of a move: files that stay in the source too, because a workspace that has them does not use the target."""
    needed_by: set[str] = field(default_factory=set)
    lost: list[str] = field(default_factory=list)
    """Files that the source does not have, or that are not what they should be: the first of them."""
    failed: int = 0

    def sentence(self) -> str:
        """What came of it, for people."""
        said = f"Copied {self.files:,} files with {self.bytes:,} bytes; {self.there:,} were there."
        if self.removed:
            said += f" The source let go of {self.removed:,}."
        if self.needed:
            names = ", ".join(sorted(self.needed_by))
            said += (
                f" {self.needed:,} stay there too: workspaces need them that do not use the target: {names}."
            )
        if self.failed:
            said += f" {self.failed:,} could not be copied: they are missing or wrong."
        return said


async def copy_files(
    stores: Stores,
    source: FileStore,
    target: FileStore,
    *,
    workspace: Workspace | None = None,
    move: bool = False,
    say: Say = lambda _: None,
) -> Copied:
    """Copy all files of a store, or those of one workspace's artifacts, to another; `move` them: the source lets go of them.

    What the target has is not copied again, so that an interrupted run is gone on with by another. A file that a workspace
    needs which does not use the target stays in the source. Raises `InvalidState`, `StoreFull` and `StoreUnavailable`.
    """
    _check(source, target, move)
    copied = Copied()
    say, after = seldom(say), 0
    total = (
        await fetch(
            f"SELECT count(*) AS count FROM ({_FILES}) AS files", *_arguments(source, workspace, 0, None)
        )
    )[0]
    while rows := await fetch(_FILES, *_arguments(source, workspace, after, PAGE)):
        after = rows[-1]["id"]

        async def work(rows: list[dict[str, Any]] = rows) -> None:
            while rows:
                await _one(stores, source, target, rows.pop(), move, copied)
                done = copied.files + copied.there + copied.failed
                say(f"{done:,} of {total['count']:,} files, {copied.bytes:,} bytes copied.")

        await _all([work() for _ in range(AT_ONCE)])
    return copied


async def _all(jobs: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Wait for all; when one fails, end the others and raise its error."""
    tasks = [asyncio.create_task(job) for job in jobs]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


def _check(source: FileStore, target: FileStore, move: bool) -> None:
    if source.id == target.id:
        raise InvalidState("A store is not copied to itself.", current_state="the same store")
    if target.read_only:
        raise InvalidState(f"The store {target.name} is read-only.", current_state="read-only")
    if move and source.read_only:
        raise InvalidState(
            f"The store {source.name} is read-only: copy its files instead of moving them.",
            current_state="read-only",
        )


def _arguments(
    source: FileStore, workspace: Workspace | None, after: int, limit: int | None
) -> tuple[Any, ...]:
    return source.id, None if workspace is None else workspace.id, after, limit


async def _one(
    stores: Stores, source: FileStore, target: FileStore, row: dict[str, Any], move: bool, copied: Copied
) -> None:
    key = Key.of_digest(bytes(row["sha256"]), row["size"])
    try:
        if await _bring(stores, source, target, row["id"], key):
            copied.files += 1
            copied.bytes += key.size
        else:
            copied.there += 1
    except (Missing, Corrupt) as error:
        copied.failed += 1
        if len(copied.lost) < NAMED:
            copied.lost.append(str(error))
        return
    if move:
        needed_by = await _let_go(source.id, target.id, row["id"])
        if needed_by is None:
            copied.removed += 1
        elif needed_by:
            copied.needed += 1
            copied.needed_by.update(needed_by)


async def _bring(stores: Stores, source: FileStore, target: FileStore, file_id: int, key: Key) -> bool:
    """Have a file in the target too; False when it was there, or is no more. Raises what the stores raise."""
    until = monotonic() + PATIENCE_SECONDS
    while monotonic() < until:
        announced = await _announce(target.id, file_id, key)
        if announced is None:
            return False
        if announced:
            async with _kept_young(target.id, key):
                await copy(await stores.of(source), await stores.of(target), key)
            if await _name(target.id, file_id, key):
                return True
        await asyncio.sleep(0.5)  # older bytes of it were, or are, being removed
    raise StoreUnavailable(f"The store {target.name} has not yet removed older bytes of {key}; try again.")


@atomic()
async def _announce(store_id: int, file_id: int, key: Key) -> bool | None:
    """Say that bytes may come that nobody names. None: there is no need; False: older ones are being removed just now."""
    if await fetch("SELECT 1 FROM file_in_store WHERE store_id = $1 AND file_id = $2", store_id, file_id):
        return None
    [size] = await fetch(_ROOM, store_id, key.size)
    if not size["fits"]:
        raise StoreFull(f"The store {size['name']} takes no {key.size:,} bytes more.")
    return bool(await fetch(_ANNOUNCE, store_id, bytes.fromhex(key.sha256), key.size))


@atomic()
async def _name(store_id: int, file_id: int, key: Key) -> bool:
    """Name the bytes in the target. False when they may have been removed meanwhile; what nobody needs stays announced."""
    if not await fetch(_TAKE_BACK, store_id, bytes.fromhex(key.sha256), key.size):
        return False
    if await fetch("SELECT 1 FROM file WHERE id = $1 FOR KEY SHARE", file_id):
        await fetch(_NAME, store_id, file_id)
    else:
        await fetch(_ANNOUNCE, store_id, bytes.fromhex(key.sha256), key.size)
    return True


@asynccontextmanager
async def _kept_young(store_id: int, key: Key) -> AsyncIterator[None]:
    """Nobody removes what was announced, however long it takes to come."""

    async def keep() -> None:
        while True:
            await asyncio.sleep(KEEP_YOUNG_SECONDS)
            await fetch(_ANNOUNCE, store_id, bytes.fromhex(key.sha256), key.size)

    keeping = asyncio.create_task(keep())
    try:
        yield
    finally:
        keeping.cancel()
        await asyncio.wait([keeping])


@atomic()
async def _let_go(source_id: int, target_id: int, file_id: int) -> list[str] | None:
    """Have the source rid of a file that the target has. Else the names of the workspaces that need it there.

    The file is locked, so that no artifact is made meanwhile that finds it in the source.
    """
    await fetch("SELECT 1 FROM file WHERE id = $1 FOR UPDATE", file_id)
    needed = await fetch(_NEEDED_BY, source_id, file_id)
    if needed:
        return [row["name"] for row in needed]
    removed = await fetch(_LET_GO, source_id, target_id, file_id)
    return None if removed else []


_FILES = """
SELECT file.id, file.sha256, file.size FROM file_in_store JOIN file ON file.id = file_in_store.file_id
WHERE file_in_store.store_id = $1 AND file.id > $3 AND ($2::bigint IS NULL OR EXISTS (
    SELECT FROM file_in_artifact JOIN artifact ON artifact.id = file_in_artifact.artifact_id
    WHERE file_in_artifact.file_id = file.id AND artifact.workspace_id = $2))
ORDER BY file.id LIMIT $4::bigint
"""

_ROOM = "SELECT name, max_size IS NULL OR total_size + $2::bigint <= max_size AS fits FROM file_store WHERE id = $1"

_ANNOUNCE = """
INSERT INTO file_to_remove (store_id, sha256, size) VALUES ($1, $2, $3)
ON CONFLICT ON CONSTRAINT file_to_remove_once DO UPDATE SET created_at = now() WHERE file_to_remove.removing_at IS NULL
RETURNING id
"""

_TAKE_BACK = """
DELETE FROM file_to_remove WHERE store_id = $1 AND sha256 = $2 AND size = $3 AND removing_at IS NULL RETURNING id
"""

_NAME = "INSERT INTO file_in_store (store_id, file_id) VALUES ($1, $2) ON CONFLICT DO NOTHING"

_NEEDED_BY = """
SELECT DISTINCT workspace.name FROM file_in_artifact
    JOIN artifact ON artifact.id = file_in_artifact.artifact_id
    JOIN workspace ON workspace.id = artifact.workspace_id
WHERE file_in_artifact.file_id = $2 AND file_in_artifact.complete
    AND NOT EXISTS (
        SELECT FROM file_in_store WHERE file_in_store.file_id = $2 AND file_in_store.store_id <> $1
            AND (file_in_store.store_id = workspace.default_file_store_id OR file_in_store.store_id IN (
                SELECT filestore_id FROM workspace_other_file_store WHERE workspace_id = workspace.id)))
    AND (workspace.default_file_store_id = $1 OR $1 IN (
        SELECT filestore_id FROM workspace_other_file_store WHERE workspace_id = workspace.id))
ORDER BY workspace.name LIMIT 20
"""

_LET_GO = """
WITH gone AS (
    DELETE FROM file_in_store WHERE store_id = $1 AND file_id = $3 AND EXISTS (
        SELECT FROM file_in_store AS other WHERE other.store_id = $2 AND other.file_id = $3)
    RETURNING store_id, file_id)
INSERT INTO file_to_remove (store_id, sha256, size)
SELECT gone.store_id, file.sha256, file.size FROM gone JOIN file ON file.id = gone.file_id
ON CONFLICT ON CONSTRAINT file_to_remove_once DO UPDATE SET created_at = now()
RETURNING id
"""
