"""Holding a store to its rows: which bytes are missing, which are of the wrong size or content, and which nobody knows."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta

from app.actions.files.places import Stores
from app.actions.files.saying import Say, seldom
from app.clock import now
from app.database import fetch
from app.models import FileStore
from app.stores import Corrupt, Key, Listed, Missing, Store, verify

YOUNG = timedelta(days=1)
"""Bytes that nobody knows may belong to an upload that has not ended: so long they are nobody's business."""
PAGE = 1000
NAMED = 20
"""So many of each kind are named; all are counted."""


@dataclass
class Found:
    """How many there are of one kind, and the first of them by name."""

    count: int = 0
    names: list[str] = field(default_factory=list)

    def add(self, name: str) -> None:
        self.count += 1
        if len(self.names) < NAMED:
            self.names.append(name)


@dataclass
class CheckReport:
    """What was found in one store."""

    store: str
    files: int = 0
    bytes: int = 0
    missing: Found = field(default_factory=Found)
    """Files that the store should have and has not: their bytes are lost, unless another store has them."""
    corrupt: Found = field(default_factory=Found)
    """Files of the wrong size, or, where all was read, of the wrong content."""
    unknown: Found = field(default_factory=Found)
    """Bytes that no row names, older than a day."""
    foreign: Found = field(default_factory=Found)
    """What is not called as our files are. It is never removed."""
    handed_over: int = 0
    """How many of the unknown are to be removed within the hour."""
    interrupted: int = 0
    """What puts left that were interrupted; it was removed."""

    @property
    def well(self) -> bool:
        """Nothing is lost or wrong."""
        return not self.missing.count and not self.corrupt.count


async def check_store(
    stores: Stores, row: FileStore, *, read_all: bool = False, remove: bool = False, say: Say = lambda _: None
) -> CheckReport:
    """Compare what lies in a store with the rows. With `read_all` every file is read and held to its hash.

    Nothing is changed unless `remove`: then unknown bytes are handed to those who remove bytes, who wait an hour for uploads
    that store the same, and leftovers of interrupted puts go. Raises what the store raises when it cannot be listed.
    """
    report = CheckReport(row.name)
    store = await stores.of(row)
    say = seldom(say)
    seen = await _look_at_what_lies_there(store, row, report, remove and not row.read_only, say)
    await _look_for_what_should(store, row, report, seen, read_all, say)
    if remove and not row.read_only:
        report.interrupted = await store.sweep(YOUNG)
    return report


async def _look_at_what_lies_there(
    store: Store, row: FileStore, report: CheckReport, remove: bool, say: Say
) -> set[int]:
    """Walk through the store; the ids of the rows whose files were seen, and are as long as they should be."""
    seen: set[int] = set()
    old = now() - YOUNG
    async for page in _pages(store.list()):
        keyed = [(each.key, each) for each in page if each.key is not None]
        for each in page:
            if each.key is None and each.modified_at < old:
                report.foreign.add(each.path)
        digests, sizes = [bytes.fromhex(key.sha256) for key, _ in keyed], [key.size for key, _ in keyed]
        known = {
            Key.of_digest(bytes(found["sha256"]), found["size"]): found["id"]
            for found in await fetch(_KNOWN, row.id, digests, sizes)
        }
        unknown: list[Key] = []
        for key, each in keyed:
            if key in known:
                report.files += 1
                report.bytes += each.size
                if each.size == key.size:
                    seen.add(known[key])
            elif each.modified_at < old:
                unknown.append(key)
        await _note_unknown(row, unknown, report, remove)
        say(f"Looked at {report.files:,} files that lie in {row.name}.")
    return seen


async def _note_unknown(row: FileStore, keys: list[Key], report: CheckReport, remove: bool) -> None:
    digests, sizes = [bytes.fromhex(key.sha256) for key in keys], [key.size for key in keys]
    waiting = {
        Key.of_digest(bytes(found["sha256"]), found["size"])
        for found in await fetch(_TO_BE_REMOVED, row.id, digests, sizes)
    }
    for key in keys:
        if key not in waiting:
            report.unknown.add(key.path)
    if remove:
        report.handed_over += len(await fetch(_HAND_OVER, row.id, digests, sizes))


async def _look_for_what_should(
    store: Store, row: FileStore, report: CheckReport, seen: set[int], read_all: bool, say: Say
) -> None:
    """Walk through the rows: what was not seen is looked for once more, for the store changed meanwhile."""
    after = 0
    looked = 0
    while rows := await fetch(_SHOULD, row.id, after, PAGE):
        for each in rows:
            if each["id"] not in seen or read_all:
                key = Key.of_digest(bytes(each["sha256"]), each["size"])
                await _look_at(store, key, each["id"], report, read_all)
            looked += 1
            say(f"Looked for {looked:,} files that should be in {row.name}.")
        after = rows[-1]["id"]


async def _look_at(store: Store, key: Key, id: int, report: CheckReport, read_all: bool) -> None:
    try:
        if read_all:
            await verify(store, key)
        elif (there := await store.stat(key)).size != key.size:
            report.corrupt.add(f"{key.path}: it has {there.size} bytes")
    except Missing:
        if await fetch("SELECT 1 FROM file_in_store WHERE id = $1", id):  # unless it was let go of meanwhile
            report.missing.add(key.path)
    except Corrupt as error:
        report.corrupt.add(f"{key.path}: {error}")


async def _pages(listed: AsyncIterator[Listed]) -> AsyncIterator[list[Listed]]:
    page: list[Listed] = []
    async for each in listed:
        page.append(each)
        if len(page) == PAGE:
            yield page
            page = []
    if page:
        yield page


_KNOWN = """
SELECT file_in_store.id, file.sha256, file.size
FROM unnest($2::bytea[], $3::bigint[]) AS given (sha256, size)
    JOIN file ON file.sha256 = given.sha256 AND file.size = given.size
    JOIN file_in_store ON file_in_store.file_id = file.id AND file_in_store.store_id = $1
"""

_TO_BE_REMOVED = """
SELECT file_to_remove.sha256, file_to_remove.size FROM unnest($2::bytea[], $3::bigint[]) AS given (sha256, size)
    JOIN file_to_remove ON file_to_remove.sha256 = given.sha256 AND file_to_remove.size = given.size
        AND file_to_remove.store_id = $1
"""

_HAND_OVER = """
INSERT INTO file_to_remove (store_id, sha256, size)
SELECT $1, given.sha256, given.size FROM unnest($2::bytea[], $3::bigint[]) AS given (sha256, size)
WHERE NOT EXISTS (
    SELECT FROM file JOIN file_in_store ON file_in_store.file_id = file.id AND file_in_store.store_id = $1
    WHERE file.sha256 = given.sha256 AND file.size = given.size)
ON CONFLICT DO NOTHING RETURNING id
"""

_SHOULD = """
SELECT file_in_store.id, file.sha256, file.size FROM file_in_store JOIN file ON file.id = file_in_store.file_id
WHERE file_in_store.store_id = $1 AND file_in_store.id > $2 ORDER BY file_in_store.id LIMIT $3
"""
