"""Removing artifacts, and files that no artifact names any more: in batches that lock rows for a moment, never a table.

What is about to be removed is locked first, passing over what others have locked, and looked at again in a statement that
comes after: a relation or a use that was committed meanwhile is seen and wins; one that comes later waits for the lock, and
finds no artifact to refer to. So no artifact ever loses one that it needs.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic
from typing import Any

import asyncpg

from app import events
from app.actions.files.marking import LARGEST, USED, Counts, Doomed, Spared
from app.actions.outbox import record
from app.database import atomic, fetch

SMALLEST = 30
"""Smaller batches do not hold their locks for less: what a busy machine lets wait is each statement, not each row."""
AIM = 0.025
"""Seconds for which a batch is to hold its locks: the size of the next one is chosen by the time that this one took. It is
far from the tenth of a second that we promise, for some batches take several times as long as those before."""
PATIENCE_MS = 30
"""For so long a batch waits for what others have locked; then all of it is put off, so that nobody waits for both."""
WINDOW = 20_000
"""So many files are looked through at once for those without an artifact."""


@dataclass
class Pace:
    """How large batches are, and for how long the slowest of them held its locks."""

    size: int = SMALLEST
    longest: float = 0.0

    def note(self, count: int, seconds: float) -> None:
        """Choose the next size by what a batch took. It at most doubles: the next one may be made of heavier rows."""
        self.longest = max(self.longest, seconds)
        wanted = max(SMALLEST, int(count * AIM / max(seconds, 1e-6)))
        self.size = min(LARGEST, wanted, 2 * self.size)

    def put_off(self) -> None:
        """Somebody held something that a batch needed."""
        self.size = max(1, self.size // 4)


@dataclass
class Sweep:
    """What is being removed, and until when: `until` is a time of the monotonic clock."""

    at: datetime
    until: float
    counts: Counts = field(default_factory=Counts)
    pace: Pace = field(default_factory=Pace)
    files: list[int] = field(default_factory=list)
    """Files that removed artifacts named."""
    paths: list[str] = field(default_factory=list)
    """Temporary files of uploads that went with them."""
    more: bool = False
    """True: time was up before all was done."""

    def has_time(self) -> bool:
        self.more = self.more or monotonic() > self.until
        return not self.more

    def gone(self, removed: "Removed") -> None:
        """Count what a transaction that has committed removed."""
        self.counts.artifacts += removed.artifacts
        self.counts.relations += removed.relations
        self.counts.uploads += len(removed.paths)
        self.files += removed.files
        self.paths += removed.paths


@dataclass(frozen=True)
class Removed:
    """What one transaction removed."""

    artifacts: int = 0
    relations: int = 0
    paths: Sequence[str] = ()
    files: Sequence[int] = ()


async def sweep_artifacts(sweep: Sweep, doomed: Doomed) -> None:
    """Remove them, sources before targets."""
    waiting = doomed.groups[::-1]
    while waiting and sweep.has_time():
        batch = _next_batch(waiting, sweep.pace.size, doomed.cycle)
        began = monotonic()
        try:
            removed, spared = await _remove_batch(batch, doomed.cycle, sweep.at)
        except asyncpg.LockNotAvailableError:
            if len(batch) == 1:
                sweep.counts.spared[Spared.BUSY] += 1
            else:
                sweep.pace.put_off()
                waiting += _pieces(batch, max(1, len(batch) // 4))
            continue
        sweep.pace.note(len(batch), monotonic() - began)
        sweep.gone(removed)
        for reason, number in spared.items():
            sweep.counts.spared[reason] += number


def _next_batch(waiting: list[list[int]], size: int, cycle: Mapping[int, int]) -> list[int]:
    """Groups, until there are `size` artifacts: what leads to them was removed, or is among them."""
    group = waiting.pop()
    if len(group) > size and group[0] in cycle:
        waiting.append(group[size:])
        return group[:size]
    while waiting and len(group) + len(waiting[-1]) <= size:
        group = group + waiting.pop()
    return group


def _pieces(batch: list[int], size: int) -> list[list[int]]:
    return [batch[start : start + size] for start in range(0, len(batch), size)][::-1]


@atomic()
async def _remove_batch(
    batch: Sequence[int], cycle: Mapping[int, int], at: datetime
) -> tuple[Removed, Counter[Spared]]:
    """Remove what may still go. Raises `LockNotAvailableError` when what goes with an artifact is in others' hands."""
    await fetch(_HURRY, f"{PATIENCE_MS}ms")
    locked = [row["id"] for row in await fetch(_LOCK, batch, at)]
    [look] = await fetch(_LOOK, locked)
    spared = _spared(locked, look["used"], zip(look["sources"], look["targets"], strict=True), cycle)
    counted = Counter(spared.values())
    if len(locked) < len(batch):
        [still] = await fetch(_COUNT_EXPIRED, batch, at)
        if busy := still["count"] - len(locked):
            counted[Spared.BUSY] = busy
    going = [id for id in locked if id not in spared]
    return await remove_artifacts(going, being_stored=look["being_stored"]), counted


def _spared(
    locked: Sequence[int], used: Iterable[int], relations: Iterable[tuple[int, int]], cycle: Mapping[int, int]
) -> dict[int, Spared]:
    """Which of the locked stay: the used, those that something else leads to, and those that these lead to."""
    going = set(locked)
    spared = dict.fromkeys(used, Spared.USED)
    targets: dict[int, list[int]] = defaultdict(list)
    for source, target in relations:
        if source in going:
            targets[source].append(target)
        elif source not in cycle or cycle[source] != cycle.get(target):
            spared.setdefault(target, Spared.RELATED)
    reached = list(spared)
    while reached:
        for target in targets[reached.pop()]:
            if target not in spared:
                spared[target] = Spared.RELATED
                reached.append(target)
    return spared


async def remove_artifacts(ids: list[int], *, being_stored: bool = True) -> Removed:
    """Remove artifacts that the caller's transaction has locked, with all that belongs to them. Not `being_stored`: none of
    them has an upload whose bytes are on their way into a store."""
    if not ids:
        return Removed()
    await record(events.ArtifactDeleted, *ids)
    if being_stored:
        await fetch(_NOTE_WHAT_IS_BEING_STORED, ids)
    [row] = await fetch(_REMOVE, ids)
    return Removed(row["artifacts"], row["relations"], row["paths"], row["files"])


async def sweep_files(sweep: Sweep, ids: Iterable[int]) -> None:
    """Let go of those of these files that no artifact names."""
    waiting = sorted(set(ids), reverse=True)
    while waiting and sweep.has_time():
        batch = waiting[-sweep.pace.size :]
        del waiting[-sweep.pace.size :]
        began = monotonic()
        try:
            files, stored = await _let_go(sorted(batch))
        except asyncpg.LockNotAvailableError:
            if len(batch) > 1:
                sweep.pace.put_off()
                waiting += batch
            continue
        sweep.pace.note(len(batch), monotonic() - began)
        sweep.counts.files += files
        for row in stored:
            store = sweep.counts.stores[row["name"]]
            store.files += row["files"]
            store.bytes += row["bytes"]


async def sweep_unnamed_files(sweep: Sweep) -> None:
    """Let go of all files that no artifact names."""
    after: int | None = 0
    while after is not None and sweep.has_time():
        [window] = await fetch(_UNNAMED, after, WINDOW)
        await sweep_files(sweep, window["ids"])
        after = window["last"]


@atomic()
async def _let_go(ids: Sequence[int]) -> tuple[int, list[dict[str, Any]]]:
    """Forget files, and note what stores have of them as to be removed. Who creates an artifact holds the rows of its files."""
    await fetch(_HURRY, f"{PATIENCE_MS}ms")
    locked = [row["id"] for row in await fetch(_LOCK_FILES, ids)]
    going = [row["id"] for row in await fetch(_STILL_UNNAMED, locked)]
    if not going:
        return 0, []
    stored = await fetch(_FORGET_STORED, going)
    return len(await fetch("DELETE FROM file WHERE id = ANY($1::bigint[]) RETURNING id", going)), stored


_HURRY = "SELECT set_config('lock_timeout', $1, true)"

_LOCK = """
SELECT id FROM artifact WHERE id = ANY($1::bigint[]) AND expire_at <= $2 ORDER BY id FOR UPDATE SKIP LOCKED
"""

_COUNT_EXPIRED = "SELECT count(*) AS count FROM artifact WHERE id = ANY($1::bigint[]) AND expire_at <= $2"

_LOOK = f"""
WITH locked AS MATERIALIZED (SELECT artifact.id FROM artifact WHERE artifact.id = ANY($1::bigint[])),
relation AS MATERIALIZED (SELECT artifact_id, target_id FROM artifact_relation WHERE target_id = ANY($1::bigint[]))
SELECT ARRAY(SELECT artifact.id FROM locked AS artifact WHERE {USED}) AS used,
    EXISTS (
        SELECT FROM file_in_artifact JOIN file_upload ON file_upload.file_in_artifact_id = file_in_artifact.id
        WHERE file_in_artifact.artifact_id = ANY($1::bigint[]) AND NOT file_in_artifact.complete
            AND file_upload.verified) AS being_stored,
    ARRAY(SELECT artifact_id FROM relation ORDER BY artifact_id, target_id) AS sources,
    ARRAY(SELECT target_id FROM relation ORDER BY artifact_id, target_id) AS targets
"""

# An upload whose bytes were right may be putting them into a store just now, and will find that nobody wants them.
_NOTE_WHAT_IS_BEING_STORED = """
INSERT INTO file_to_remove (store_id, sha256, size)
SELECT DISTINCT file_store.id, file.sha256, file.size
FROM file_in_artifact
    JOIN file_upload ON file_upload.file_in_artifact_id = file_in_artifact.id AND file_upload.verified
    JOIN file ON file.id = file_in_artifact.file_id
    JOIN artifact ON artifact.id = file_in_artifact.artifact_id
    JOIN workspace ON workspace.id = artifact.workspace_id
    JOIN file_store ON file_store.id = workspace.default_file_store_id OR file_store.id IN (
        SELECT filestore_id FROM workspace_other_file_store WHERE workspace_id = workspace.id)
WHERE file_in_artifact.artifact_id = ANY($1::bigint[]) AND NOT EXISTS (
    SELECT FROM file_in_store WHERE file_in_store.store_id = file_store.id AND file_in_store.file_id = file.id)
ON CONFLICT DO NOTHING
"""

_REMOVE = """
WITH uploads AS (
    DELETE FROM file_upload USING file_in_artifact
    WHERE file_in_artifact.id = file_upload.file_in_artifact_id AND file_in_artifact.artifact_id = ANY($1::bigint[])
    RETURNING file_upload.path),
entries AS (DELETE FROM file_in_artifact WHERE artifact_id = ANY($1::bigint[]) RETURNING file_id),
relations AS (
    DELETE FROM artifact_relation WHERE artifact_id = ANY($1::bigint[]) OR target_id = ANY($1::bigint[]) RETURNING 1),
inputs AS (DELETE FROM work_request_input WHERE artifact_id = ANY($1::bigint[])),
gone AS (DELETE FROM artifact WHERE id = ANY($1::bigint[]) RETURNING 1)
SELECT (SELECT count(*) FROM gone) AS artifacts, (SELECT count(*) FROM relations) AS relations,
    ARRAY(SELECT path FROM uploads) AS paths, ARRAY(SELECT DISTINCT file_id FROM entries) AS files
"""

_UNNAMED = """
WITH looked_at AS MATERIALIZED (SELECT id FROM file WHERE id > $1 ORDER BY id LIMIT $2)
SELECT (SELECT max(id) FROM looked_at) AS last, ARRAY(
    SELECT id FROM looked_at WHERE NOT EXISTS (SELECT FROM file_in_artifact WHERE file_id = looked_at.id)) AS ids
"""

_LOCK_FILES = "SELECT id FROM file WHERE id = ANY($1::bigint[]) ORDER BY id FOR UPDATE SKIP LOCKED"

_STILL_UNNAMED = """
SELECT id FROM file WHERE id = ANY($1::bigint[])
    AND NOT EXISTS (SELECT FROM file_in_artifact WHERE file_id = file.id)
"""

# The stores' rows, which count what is in them, are locked from here on: this comes last but for the files themselves.
_FORGET_STORED = """
WITH forgotten AS (DELETE FROM file_in_store WHERE file_id = ANY($1::bigint[]) RETURNING store_id, file_id),
noted AS (
    INSERT INTO file_to_remove (store_id, sha256, size)
    SELECT forgotten.store_id, file.sha256, file.size FROM forgotten JOIN file ON file.id = forgotten.file_id
    ORDER BY forgotten.store_id, file.sha256, file.size
    ON CONFLICT ON CONSTRAINT file_to_remove_once DO UPDATE SET created_at = now())
SELECT file_store.name, count(*) AS files, sum(file.size)::bigint AS bytes
FROM forgotten JOIN file ON file.id = forgotten.file_id JOIN file_store ON file_store.id = forgotten.store_id
GROUP BY file_store.name
"""
