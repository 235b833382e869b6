"""Which expired artifacts may go: all that nothing kept leads to, and that no unfinished work takes.

What is kept is every artifact that is not expired, every input of an unfinished work request, and all that can be reached
from these along relations, from artifact to target. Cycles are no trouble.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from app.database import fetch, in_transaction, transaction
from app.models.work import TRANSITIONS

LARGEST = 500
"""So many artifacts go in one batch, at most."""
FINISHED = ", ".join(sorted(f"'{status.value}'" for status, others in TRANSITIONS.items() if not others))


class Spared(StrEnum):
    """Why an expired artifact stays."""

    USED = "used"
    RELATED = "related"
    BUSY = "busy"


@dataclass
class Stored:
    """How much of a store goes."""

    files: int = 0
    bytes: int = 0


@dataclass
class Counts:
    """What goes, and what is spared though it is expired."""

    artifacts: int = 0
    relations: int = 0
    uploads: int = 0
    files: int = 0
    stores: dict[str, Stored] = field(default_factory=lambda: defaultdict(Stored))
    spared: dict[Spared, int] = field(default_factory=lambda: defaultdict(int))


@dataclass(frozen=True)
class Doomed:
    """Artifacts that may go, in groups. A group holds those that lead to each other; all that lead to it come before it.

    Larger cycles than a batch may be are several groups: `cycle` tells of each artifact in one in which it is. Relations
    within it are not looked at again when it is removed piece by piece.
    """

    groups: list[list[int]]
    spared: dict[Spared, int]
    cycle: dict[int, int] = field(default_factory=dict)

    @property
    def ids(self) -> list[int]:
        return [id for group in self.groups for id in group]


async def mark(at: datetime, tenant_id: int | None) -> Doomed:
    """What may go of that tenant, or of all. Nothing is locked."""
    async with _snapshot():
        return await _mark(at, tenant_id)


async def foresee(at: datetime, tenant_id: int | None) -> Counts:
    """What expiry would remove, were it done now."""
    async with _snapshot():
        doomed = await _mark(at, tenant_id)
        [row] = await fetch(_COUNT, doomed.ids)
        counts = Counts(len(doomed.ids), row["relations"], row["uploads"])
        counts.spared.update(doomed.spared)
        [files] = await fetch(_COUNT_FILES, doomed.ids, tenant_id is None)
        counts.files = files["files"]
        for store in await fetch(_COUNT_STORED, doomed.ids, tenant_id is None):
            counts.stores[store["name"]] = Stored(store["files"], store["bytes"])
        return counts


@asynccontextmanager
async def _snapshot() -> AsyncIterator[None]:
    """A transaction that sees one state and cannot write, unless it is part of one that others began."""
    outermost = not in_transaction()
    async with transaction():
        if outermost:
            await fetch("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


async def _mark(at: datetime, tenant_id: int | None) -> Doomed:
    rows = await fetch(_MARK, at, tenant_id)
    doomed = [row["id"] for row in rows if row["spared"] is None]
    spared: dict[Spared, int] = defaultdict(int)
    for row in rows:
        if row["spared"] is not None:
            spared[Spared(row["spared"])] += 1
    relations = await fetch(_AMONG, doomed)
    return _split(in_order(doomed, ((row["artifact_id"], row["target_id"]) for row in relations)), spared)


def _split(groups: list[list[int]], spared: dict[Spared, int]) -> Doomed:
    """Cut cycles that are too large for one batch."""
    doomed = Doomed([], spared)
    for number, group in enumerate(groups):
        if len(group) > LARGEST:
            doomed.cycle.update(dict.fromkeys(group, number))
        doomed.groups.extend(group[start : start + LARGEST] for start in range(0, len(group), LARGEST))
    return doomed


def in_order(ids: list[int], relations: Iterable[tuple[int, int]]) -> list[list[int]]:
    """The ids in groups, sources before targets; those of a cycle are one group. Tarjan's algorithm, without recursion."""
    targets: dict[int, list[int]] = defaultdict(list)
    for source, target in relations:
        targets[source].append(target)
    reached: dict[int, int] = {}
    lowest: dict[int, int] = {}
    stack: list[int] = []
    groups: list[list[int]] = []
    for start in ids:
        if start in reached:
            continue
        reached[start] = lowest[start] = len(reached)
        stack.append(start)
        path = [(start, iter(targets[start]))]
        while path:
            id, rest = path[-1]
            for target in rest:
                if target not in reached:
                    reached[target] = lowest[target] = len(reached)
                    stack.append(target)
                    path.append((target, iter(targets[target])))
                    break
                if lowest[target] >= 0:  # still on the stack
                    lowest[id] = min(lowest[id], reached[target])
            else:
                path.pop()
                if path:
                    lowest[path[-1][0]] = min(lowest[path[-1][0]], lowest[id])
                if lowest[id] == reached[id]:
                    groups.append(_take_group(stack, id, lowest))
    return groups[::-1]  # they end with the targets first


def _take_group(stack: list[int], first: int, lowest: dict[int, int]) -> list[int]:
    at = len(stack) - 1
    while stack[at] != first:
        at -= 1
    group = stack[at:]
    del stack[at:]
    for id in group:
        lowest[id] = -1
    return group


USED = f"""EXISTS (
    SELECT FROM work_request_input JOIN work_request ON work_request.id = work_request_input.work_request_id
    WHERE work_request_input.artifact_id = artifact.id AND work_request.status NOT IN ({FINISHED}))"""
"""That an unfinished work request takes the artifact."""

# Only what is expired is walked through: what something unexpired leads to by way of others that are not expired is led to
# by the last of these. LATERAL with OFFSET 0 keeps the planner to the indexes, however long the chains are.
_MARK = f"""
WITH RECURSIVE expired AS MATERIALIZED (
    SELECT artifact.id, {USED} AS used, EXISTS (
        SELECT FROM artifact_relation JOIN artifact AS source ON source.id = artifact_relation.artifact_id
        WHERE artifact_relation.target_id = artifact.id AND (source.expire_at IS NULL OR source.expire_at > $1)) AS related
    FROM artifact JOIN workspace ON workspace.id = artifact.workspace_id
    WHERE artifact.expire_at <= $1 AND ($2::bigint IS NULL OR workspace.tenant_id = $2)),
kept AS (
    SELECT id FROM expired WHERE used OR related
    UNION
    SELECT reached.id FROM kept CROSS JOIN LATERAL (
        SELECT target.id FROM artifact_relation JOIN artifact AS target ON target.id = artifact_relation.target_id
        WHERE artifact_relation.artifact_id = kept.id AND target.expire_at <= $1 OFFSET 0) AS reached)
SELECT expired.id, CASE WHEN expired.used THEN 'used' WHEN kept.id IS NOT NULL THEN 'related' END AS spared
FROM expired LEFT JOIN kept ON kept.id = expired.id ORDER BY expired.id
"""

_AMONG = """
SELECT artifact_relation.artifact_id, artifact_relation.target_id
FROM unnest($1::bigint[]) AS doomed (id) JOIN artifact_relation ON artifact_relation.target_id = doomed.id
"""

_COUNT = """
WITH doomed AS MATERIALIZED (SELECT unnest($1::bigint[]) AS id)
SELECT (SELECT count(*) FROM artifact_relation
        WHERE artifact_id IN (SELECT id FROM doomed) OR target_id IN (SELECT id FROM doomed)) AS relations,
    (SELECT count(*) FROM file_upload JOIN file_in_artifact ON file_in_artifact.id = file_upload.file_in_artifact_id
        JOIN doomed ON doomed.id = file_in_artifact.artifact_id) AS uploads
"""

_GONE = """
WITH doomed AS MATERIALIZED (SELECT unnest($1::bigint[]) AS id),
staying AS MATERIALIZED (SELECT DISTINCT file_id FROM file_in_artifact WHERE NOT EXISTS (
    SELECT FROM doomed WHERE doomed.id = file_in_artifact.artifact_id)),
gone AS MATERIALIZED (
    SELECT file.id, file.size FROM file
    WHERE NOT EXISTS (SELECT FROM staying WHERE staying.file_id = file.id) AND ($2 OR EXISTS (
        SELECT FROM file_in_artifact JOIN doomed ON doomed.id = file_in_artifact.artifact_id
        WHERE file_in_artifact.file_id = file.id)))
"""
_COUNT_FILES = f"{_GONE} SELECT count(*) AS files FROM gone"
_COUNT_STORED = f"""{_GONE}
SELECT file_store.name, count(*) AS files, sum(gone.size)::bigint AS bytes
FROM gone JOIN file_in_store ON file_in_store.file_id = gone.id JOIN file_store ON file_store.id = file_in_store.store_id
GROUP BY file_store.name
"""
