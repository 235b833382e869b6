"""How long expiry takes in a graph of 100,000 artifacts, and for how long it holds a lock at most."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import monotonic, perf_counter
from typing import Any

import asyncpg

from app import events
from app.actions.files.expiry import ExpiryReport, expire
from app.actions.files.marking import mark
from app.actions.outbox import insert_events
from app.clock import now
from app.database import open_database
from app.settings import Settings
from bench.place import Place, place
from bench.table import show

ARTIFACTS = 100_000
SHAPES = {
    "all expired, in clusters of 100": ("all", "clusters"),
    "half expired, in clusters of 100": ("half", "clusters"),
    "all expired, one chain": ("all", "chain"),
    "all expired, nearly all of them one cycle": ("all", "tangle"),
}

FILL = """
INSERT INTO artifact (category, workspace_id, complete, completed_at, expire_at)
SELECT 'bench:any', (SELECT min(id) FROM workspace), true, now(),
    CASE WHEN $2 = 'all' OR number / 100 % 2 = 0 THEN now() - interval '1 h' END
FROM generate_series(1, $1) AS number
"""
RELATE = {
    "clusters": """
        INSERT INTO artifact_relation (artifact_id, target_id, type)
        SELECT id, id - 1 - (hashint8(id * 3 + n)::bigint + 2147483648) % (number % 100), 'built-using'
        FROM (SELECT id, id - min(id) OVER () AS number FROM artifact) AS numbered, generate_series(1, 3) AS n
        WHERE number % 100 > 0 ON CONFLICT DO NOTHING""",
    "tangle": """
        INSERT INTO artifact_relation (artifact_id, target_id, type)
        SELECT source, target, 'relates-to' FROM (
            SELECT id AS source, first + (hashint8(id * 3 + n)::bigint + 2147483648) % count AS target
            FROM artifact, (SELECT min(id) AS first, count(*) AS count FROM artifact) AS known, generate_series(1, 3) AS n)
            AS drawn
        WHERE source <> target ON CONFLICT DO NOTHING""",
    "chain": """
        INSERT INTO artifact_relation (artifact_id, target_id, type)
        SELECT id, id - 1, 'extends' FROM artifact WHERE id > (SELECT min(id) FROM artifact)""",
}
EVENTS = insert_events(events.ArtifactCreated, "artifact")
FILES = """
WITH files AS (
    INSERT INTO file (sha256, size) SELECT sha256(number::text::bytea), 1000 FROM generate_series(1, 2 * $1) AS number
    RETURNING id),
named AS (
    INSERT INTO file_in_artifact (artifact_id, path, file_id, complete)
    SELECT artifact.id, 'file-' || files.half, files.id, true
    FROM (SELECT id, row_number() OVER (ORDER BY id) AS place FROM artifact) AS artifact
        JOIN (SELECT id, (row_number() OVER (ORDER BY id) - 1) % $1 + 1 AS place,
              (row_number() OVER (ORDER BY id) - 1) / $1 AS half FROM files) AS files USING (place))
INSERT INTO file_in_store (store_id, file_id) SELECT (SELECT id FROM file_store WHERE name = 'Default'), id FROM files
"""
HELD = """
SELECT extract(epoch FROM max(clock_timestamp() - xact_start))::float AS seconds
FROM pg_stat_activity JOIN pg_locks USING (pid)
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend' AND pg_locks.granted
    AND xact_start IS NOT NULL AND pg_locks.mode <> 'AccessShareLock'
    AND pg_locks.locktype = 'relation'
"""
WORST = """
SELECT DISTINCT mode FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend' AND locktype = 'relation'
"""


@dataclass
class Watch:
    """What was seen of locks from outside, every few milliseconds."""

    longest: float = 0.0
    samples: int = 0
    modes: set[str] = field(default_factory=set)

    async def look(self, connection: "asyncpg.Connection[Any]") -> None:
        while True:
            self.longest = max(self.longest, await connection.fetchval(HELD) or 0.0)
            self.modes |= {row["mode"] for row in await connection.fetch(WORST)}
            self.samples += 1
            await asyncio.sleep(0.002)


async def measure(rounds: int) -> None:
    """Print the table."""
    rows = []
    async with place() as here:
        for name, (expired, shape) in SHAPES.items():
            taken = [await one(here, expired, shape) for _ in range(rounds)]
            best = min(taken, key=lambda run: run.seconds)
            rows.append([name, *best.row(max(run.report.longest_lock for run in taken))])
    columns = (
        "graph of 100,000 artifacts with 200,000 files", "removed", "marked and put in order, s", "all of it, s",
        "longest batch, ms", "longest lock seen, ms", "locks of tables",
    )  # fmt: skip
    show("Expiry", columns, rows)


@dataclass
class Run:
    """One run of expiry."""

    marking: float
    seconds: float
    report: ExpiryReport
    watch: Watch

    def row(self, longest: float) -> list[str]:
        modes = ", ".join(sorted(mode.removesuffix("Lock") for mode in self.watch.modes))
        return [
            f"{self.report.counts.artifacts:,} artifacts, {self.report.counts.relations:,} relations, "
            f"{self.report.counts.files:,} files",
            f"{self.marking:.1f}",
            f"{self.seconds:.1f}",
            f"{longest * 1000:.0f}",
            f"{self.watch.longest * 1000:.0f}",
            modes,
        ]


async def one(here: Place, expired: str, shape: str) -> Run:
    """Fill a new database, and have it expired while locks are watched."""
    async with database(here) as control:
        await control.execute(FILL, ARTIFACTS, expired)
        await control.execute(RELATE[shape])
        await control.execute(FILES, ARTIFACTS)
        await control.execute(EVENTS)
        await control.execute("VACUUM ANALYZE")
        watch = Watch()
        began = perf_counter()
        await mark(now(), None)
        marking = perf_counter() - began
        watching = asyncio.create_task(watch.look(control))
        began = perf_counter()
        report = await expire(seconds=3600)
        seconds = perf_counter() - began
        watching.cancel()
        await asyncio.wait([watching])
    assert not report.more and report.counts.files, report
    return Run(marking, seconds, report, watch)


@asynccontextmanager
async def database(here: Place) -> AsyncIterator["asyncpg.Connection[Any]"]:
    """A new database that the models use, and a connection beside them."""
    name = f"expiry{int(monotonic() * 1000)}"
    credentials = await here.create(name)
    url = f"postgresql://{credentials['user']}@/{name}?host={credentials['host']}"
    async with open_database(Settings(database_url=url)):
        control = await asyncpg.connect(**credentials)
        try:
            yield control
        finally:
            await control.close()
    await here.drop(name)
