"""Removing the bytes of files that no row names any more: after the commit that let go of them, and until it is done.

A row of file_to_remove says that a store may have bytes that nobody needs. It is taken by setting `removing_at`, in a
transaction that sees that nobody has stored the content again and nobody is about to; from then on nobody stores it there
until the row is gone, which is when the store has said that the bytes are.
"""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic

from app.actions.files.places import Stores
from app.database import atomic, fetch
from app.models import FileStore, FileToRemove
from app.stores import Key, Store, StoreError

GRACE = timedelta(hours=1)
"""Bytes stay for so long after they were let go of, so that who reads them can go on."""
LEASE = timedelta(minutes=15)
"""After so long another may remove what somebody has begun to remove, and who began has long given up."""
DELETE_SECONDS = 60.0
BATCH, AT_ONCE = 80, 8
LONGEST = 300.0


@dataclass
class Removal:
    """What was removed from stores, and what could not be."""

    files: int = 0
    bytes: int = 0
    failed: int = 0
    troubles: dict[str, str] = field(default_factory=dict)
    """The name of a store → why it does not remove."""
    more: bool = False


async def remove_bytes(
    stores: Stores, *, grace: timedelta = GRACE, batch: int = BATCH, seconds: float = LONGEST
) -> Removal:
    """Remove what was let go of longer than `grace` ago. A store that fails is left alone for the rest of this run, and what
    it was to remove waits for the next."""
    removal = Removal()
    until = monotonic() + seconds
    failing: list[int] = []
    while taken := await _take(grace, failing, batch):
        by_store: dict[int, list[FileToRemove]] = defaultdict(list)
        for row in taken:
            by_store[row.store_id].append(row)
        for store_id, rows in by_store.items():
            if not await _remove_from(stores, store_id, rows, removal):
                failing.append(store_id)
        if monotonic() > until:
            removal.more = True
            break
    return removal


async def _remove_from(stores: Stores, store_id: int, rows: Sequence[FileToRemove], removal: Removal) -> bool:
    """Remove files from one store. False when it fails; what it has not removed may be taken again at once."""
    row = await FileStore.get(id=store_id)
    waiting, done = list(rows), []

    async def work(store: Store) -> None:
        while waiting and row.name not in removal.troubles:
            each = waiting.pop()
            try:
                async with asyncio.timeout(DELETE_SECONDS):
                    await store.delete(Key.of_digest(bytes(each.sha256), each.size))
                done.append(each)
            except (StoreError, TimeoutError) as error:
                removal.troubles[row.name] = str(error) or f"No answer within {DELETE_SECONDS:.0f} seconds."

    try:
        store = await stores.of(row)
        await asyncio.gather(*[work(store) for _ in range(AT_ONCE)])
    except StoreError as error:
        removal.troubles[row.name] = str(error)
    await fetch(_DONE, [each.id for each in done])
    removal.files += len(done)
    removal.bytes += sum(each.size for each in done)
    left = {each.id for each in rows} - {each.id for each in done}
    await fetch(_GIVE_BACK, list(left), LEASE)
    removal.failed += len(left)
    return not left


@atomic()
async def _take(grace: timedelta, failing: Sequence[int], batch: int) -> list[FileToRemove]:
    """Rows that are ours for LEASE. What was stored again, or is just being stored, is not among them."""
    locked = [row["id"] for row in await fetch(_LOCK, grace, LEASE, failing, batch)]
    await fetch(_FORGET_WHAT_IS_STORED, locked)
    ids = [row["id"] for row in await fetch(_TAKE, locked)]
    return await FileToRemove.filter(id__in=ids)


_LOCK = """
SELECT file_to_remove.id FROM file_to_remove JOIN file_store ON file_store.id = file_to_remove.store_id
WHERE file_to_remove.created_at <= now() - $1::interval AND NOT file_store.read_only
    AND (file_to_remove.removing_at IS NULL OR file_to_remove.removing_at <= now() - $2::interval)
    AND file_to_remove.store_id <> ALL($3::bigint[])
    AND NOT EXISTS (
        SELECT FROM file JOIN file_in_artifact ON file_in_artifact.file_id = file.id
            JOIN file_upload ON file_upload.file_in_artifact_id = file_in_artifact.id
        WHERE file.sha256 = file_to_remove.sha256 AND file.size = file_to_remove.size AND file_upload.verified)
ORDER BY file_to_remove.created_at LIMIT $4 FOR UPDATE OF file_to_remove SKIP LOCKED
"""

_FORGET_WHAT_IS_STORED = """
DELETE FROM file_to_remove USING file, file_in_store
WHERE file_to_remove.id = ANY($1::bigint[])
    AND file.sha256 = file_to_remove.sha256 AND file.size = file_to_remove.size
    AND file_in_store.file_id = file.id AND file_in_store.store_id = file_to_remove.store_id
"""

# The rows are locked by now, and this statement sees what was committed before they were: an upload that is about to store
# the content either has said so by then, or will find the row taken.
_TAKE = """
UPDATE file_to_remove SET removing_at = now()
WHERE id = ANY($1::bigint[]) AND NOT EXISTS (
    SELECT FROM file JOIN file_in_artifact ON file_in_artifact.file_id = file.id
        JOIN file_upload ON file_upload.file_in_artifact_id = file_in_artifact.id
    WHERE file.sha256 = file_to_remove.sha256 AND file.size = file_to_remove.size AND file_upload.verified)
RETURNING id
"""

_DONE = "DELETE FROM file_to_remove WHERE id = ANY($1::bigint[])"

_GIVE_BACK = "UPDATE file_to_remove SET removing_at = now() - $2::interval WHERE id = ANY($1::bigint[])"
