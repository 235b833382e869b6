"""Measures every engine in turns, each time in a fresh database of the same PostgreSQL, and compares with the targets."""

import asyncio
import json
import os
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any

import asyncpg

from app.database.address import Credentials
from app.database.opening import SERVER_SETTINGS
from bench.place import Place, place
from bench.table import percentile, show
from bench.tasks.environment import ROOT, peers, versions

OURS, PGQUEUER, PROCRASTINATE, DRAMATIQ = "workyard", "pgqueuer", "procrastinate", "dramatiq"
PRODUCERS = 32
BACKLOG, CLAIMED = 1_000_000, 100
SECONDS_IDLE = 610
EVERYWHERE = set(range(os.cpu_count() or 1))

Samples = dict[str, list[float]]


@dataclass(frozen=True)
class Way:
    """One way to measure an engine."""

    engine: str
    words: str
    jobs: int
    options: dict[str, Any] = field(default_factory=dict)
    kind: str = "noop"

    @property
    def name(self) -> str:
        return f"{self.engine}, {self.words}" if self.words else self.engine


DRAINS = [
    Way(OURS, "logs and events on", 20_000),
    Way(OURS, "lean", 40_000, kind="lean"),
    *(
        Way(PGQUEUER, f"batches of {batch}", jobs, {"batch": batch})
        for batch, jobs in ((10, 10_000), (100, 20_000), (500, 30_000), (1000, 30_000))
    ),
    *(Way(PROCRASTINATE, f"concurrency {n}", 3_000, {"concurrency": n}) for n in (1, 20)),
    *(Way(DRAMATIQ, f"{n} threads", 4_000, {"threads": n}) for n in (1, 8)),
]
WAITS = [
    Way(OURS, "", 10_000, {"task_concurrency": 1_000}),
    Way(PGQUEUER, "", 10_000, {"batch": 500, "concurrency": 1_000}),
    Way(PROCRASTINATE, "", 2_000, {"concurrency": 1_000}),
    Way(DRAMATIQ, "64 threads", 2_000, {"threads": 64}),
]
SINGLY = [
    Way(OURS, "", 4_000),
    Way(PGQUEUER, "", 4_000),
    Way(PROCRASTINATE, "", 2_000),
    Way(DRAMATIQ, "", 2_000),
]
BATCHED = [
    Way(OURS, "", 30_000),
    Way(OURS, "lean", 30_000, kind="lean"),
    Way(PGQUEUER, "", 50_000),
    Way(PROCRASTINATE, "", 10_000),
]
IDLE = [
    Way(OURS, "", 1),
    Way(PGQUEUER, "", 1),
    Way(PROCRASTINATE, "", 1, {"concurrency": 20}),
    Way(DRAMATIQ, "", 1),
]
BUSY = [
    Way(OURS, "", 20_000),
    Way(PGQUEUER, "", 20_000, {"concurrency": 200, "batch": 100}),
    Way(PROCRASTINATE, "", 5_000, {"concurrency": 100}),
    Way(DRAMATIQ, "", 5_000),
]


class Bench:
    """Engines with their tables in templates, and processes on fresh copies of those."""

    def __init__(self, here: Place, python: str, rounds: int, share: float) -> None:
        self._here, self._python, self.rounds, self._share = here, python, rounds, share
        self._numbers = count(1)
        self.missing: dict[str, str] = {}

    def jobs(self, way: Way) -> int:
        """How many: all, or the share that was asked for, in thousands where there are that many."""
        return max(int(way.jobs * self._share) // 1000 * 1000, min(way.jobs, 1000))

    @property
    def seconds_idle(self) -> float:
        """For how long it is counted what is done in idleness: all chores but the hourly ones are done meanwhile, or a share."""
        return max(20.0, SECONDS_IDLE * self._share)

    async def count_statements(self) -> None:
        """Have PostgreSQL show how often each was sent. It cannot be told so by several at the same time."""
        connection = await _connect({**self._here.credentials, "database": "postgres"})
        try:
            await connection.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        finally:
            await connection.close()

    async def install(self) -> None:
        for engine in (PGQUEUER, PROCRASTINATE, DRAMATIQ, OURS):
            database = await self._here.create(f"template_{engine}")
            await self.ask(Way(engine, "", 0), database, "install")

    @asynccontextmanager
    async def fresh(self, engine: str) -> AsyncIterator[Credentials]:
        name = f"{engine}_{next(self._numbers)}"
        database = await self._here.create(name, f"template_{engine}")
        try:
            yield database
        finally:
            await self._here.drop(name)

    async def start(
        self, way: Way, database: Credentials, command: str, **options: Any
    ) -> asyncio.subprocess.Process:
        """A process of the engine that does this."""
        python = sys.executable if way.engine == OURS else self._python
        return await asyncio.create_subprocess_exec(
            *(python, "-m", "bench.tasks", way.engine, command, json.dumps(options)),
            cwd=ROOT,
            env={**os.environ, **_variables(database)},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=1 << 24,
        )

    async def ask(self, way: Way, database: Credentials, command: str, **options: Any) -> Any:
        """What it answers."""
        process = await self.start(way, database, command, **options)
        try:
            assert process.stdin is not None
            said, _ = await process.communicate() if command != "work" else (b"", b"")
            if process.returncode:
                raise SystemExit(f"{way.name}: {command} {options} failed")
            return json.loads(said.split(b"\n")[-2])
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    @asynccontextmanager
    async def working(
        self, way: Way, database: Credentials
    ) -> AsyncIterator[Callable[[], Coroutine[Any, Any, Any]]]:
        """A worker that has entered its first job. Yields what stops it, and says what it measured."""
        process = await self.start(way, database, "work", **way.options)
        assert process.stdin is not None and process.stdout is not None
        try:
            if await process.stdout.readline() != b'"working"\n':
                raise SystemExit(f"{way.name} does not work")

            async def stop() -> Any:
                process.stdin.close()  # type: ignore[union-attr]
                return json.loads(await process.stdout.readline())  # type: ignore[union-attr]

            yield stop
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()

    async def fill(self, way: Way, database: Credentials, jobs: int, number: float = 0) -> None:
        size = 1 if way.engine == DRAMATIQ else min(1000, jobs)
        await self.ask(way, database, "enqueue", count=jobs, size=size, kind=way.kind, number=number)
        await _settle(database)


async def measure(rounds: int, parts: Sequence[str] = (), share: float = 1.0) -> None:
    """Print the tables."""
    python = await peers()
    async with place(EVERYWHERE) as here:
        bench = Bench(here, python, rounds, share)
        print(await versions(python))
        print(await _server(here))
        await bench.install()
        verdicts: list[Sequence[str]] = []
        for name, part in PARTS.items():
            if not parts or name in parts:
                print(f"load before: {os.getloadavg()[0]:.2f}\n")
                verdicts += await part(bench)
        show("Targets", ("what", "measured", "target", "verdict"), verdicts)


# --- 1


async def enqueueing(bench: Bench) -> list[Sequence[str]]:
    samples: dict[int, Samples] = {1: defaultdict(list), 1000: defaultdict(list)}
    for _ in range(bench.rounds):
        for size, ways in ((1, SINGLY), (1000, BATCHED)):
            for way in ways:
                async with bench.fresh(way.engine) as database:
                    rate = await bench.ask(
                        way, database, "enqueue", count=bench.jobs(way), size=size, kind=way.kind
                    )
                samples[size][way.name].append(rate)
    for size, title in ((1, "one at a time"), (1000, "in batches of 1,000")):
        _rates(f"Enqueue {title}, from one connection", samples[size], PGQUEUER)
    return [
        _at_least(
            "enqueue in batches of 1,000, against pgqueuer",
            _ratio(samples[1000][OURS], samples[1000][PGQUEUER]),
            1.0,
        )
    ]


# --- 2


async def draining(bench: Bench) -> list[Sequence[str]]:
    rates, theirs, servers = await _drained(bench, DRAINS)
    best = _best(rates, PGQUEUER)
    rows = [
        [
            name,
            _spread(taken),
            f"{median(taken) / median(rates[best]):.2f}",
            _micro(theirs[name]),
            _micro(servers[name]),
        ]
        for name, taken in rates.items()
    ]
    columns = ("no-ops, one process", "jobs/s", "to pgqueuer's best", "worker, µs/job", "PostgreSQL, µs/job")
    show("Drain of a full queue", columns, rows)
    full, lean = (rates[way.name] for way in DRAINS[:2])
    slowest = _best(rates, PROCRASTINATE)
    return [
        _at_least(f"drain with logs and events, against {best}", _ratio(full, rates[best]), 1.2),
        _at_least(f"drain with logs and events, against {slowest}", _ratio(full, rates[slowest]), 20),
        _at_least(f"lean drain, against {best}", _ratio(lean, rates[best]), 2.0),
    ]


async def waiting(bench: Bench) -> list[Sequence[str]]:
    rates, theirs, _ = await _drained(bench, WAITS, number=0.1, kind="wait")
    rows = [[name, _spread(taken), _micro(theirs[name])] for name, taken in rates.items()]
    show(
        "Actors that wait 100 ms, 1,000 at a time where it goes", ("engine", "jobs/s", "worker, µs/job"), rows
    )
    return []


async def _drained(
    bench: Bench, ways: Sequence[Way], number: float = 0, kind: str | None = None
) -> tuple[Samples, Samples, Samples]:
    """Jobs per second, and processor seconds per job of the worker and of PostgreSQL."""
    rates, workers, servers = (defaultdict[str, list[float]](list) for _ in range(3))
    for _ in range(bench.rounds):
        for way in ways:
            jobs = bench.jobs(way)
            filled = Way(way.engine, way.words, jobs, kind=kind or way.kind)
            async with bench.fresh(way.engine) as database:
                await bench.fill(filled, database, jobs, number)
                warm = jobs // 10
                got = await bench.ask(way, database, "drain", count=jobs, warm=warm, **way.options)
            rates[way.name].append(got["rate"])
            workers[way.name].append(got["worker"])
            servers[way.name].append(got["server"])
    return rates, workers, servers


# --- 3


async def waking(bench: Bench) -> list[Sequence[str]]:
    delays: Samples = defaultdict(list)
    p95s: Samples = defaultdict(list)
    warm, sent, pause = 20, 200, 0.025
    for _ in range(bench.rounds):
        for way in IDLE:
            async with bench.fresh(way.engine) as database:
                await bench.ask(way, database, "stamp", count=1, pause=0)
                async with bench.working(way, database) as stop:
                    await bench.ask(way, database, "stamp", count=warm + sent, pause=pause)
                    taken = [1000 * delay for delay in (await stop())[1 + warm :]]
            assert len(taken) == sent, f"{way.name}: {len(taken)} of {sent} came"
            delays[way.engine] += taken
            p95s[way.engine].append(percentile(taken, 95))
    rows = [
        [name, *(f"{percentile(taken, p):.1f}" for p in (50, 95, 99)), f"{max(taken):.1f}"]
        for name, taken in delays.items()
    ]
    columns = ("engine", "p50, ms", "p95, ms", "p99, ms", "longest, ms")
    show("From enqueue to the actor, with an idle worker; one job each 25 ms", columns, rows)
    return [_at_most("enqueue to start with an idle runner, p95, ms", median(p95s[OURS]), 10)]


# --- 4


async def producing(bench: Bench) -> list[Sequence[str]]:
    rates: Samples = defaultdict(list)
    for _ in range(bench.rounds):
        for way in BUSY:
            blocked = Way(way.engine, "", way.jobs, kind="wait")
            async with bench.fresh(way.engine) as database:
                await bench.fill(blocked, database, 500, number=600)
                async with bench.working(way, database):
                    await asyncio.sleep(1)  # until it has filled all its slots
                    rate = await bench.ask(
                        way, database, "produce", count=bench.jobs(way), producers=PRODUCERS
                    )
            rates[way.name].append(rate)
    _rates(
        f"{PRODUCERS} producers in one process, one job at a time, all slots of the worker taken",
        rates,
        PGQUEUER,
    )
    return [_at_least(f"{PRODUCERS} producers with busy runners, enqueues/s", median(rates[OURS]), 8_000)]


# --- 5


async def claiming(bench: Bench) -> list[Sequence[str]]:
    rows, ours = [], []
    for engine in (OURS, PGQUEUER):
        way = Way(engine, "", BACKLOG, kind="lean" if engine == OURS else "noop")
        async with bench.fresh(engine) as database:
            await bench.fill(way, database, BACKLOG)
            taken = [
                1000 * seconds
                for seconds in await bench.ask(way, database, "claim", limit=CLAIMED, times=100)
            ]
        ours = ours or taken
        rows.append(
            [engine, *(f"{value:.2f}" for value in (median(taken), percentile(taken, 95), max(taken)))]
        )
    columns = ("engine", "median, ms", "p95, ms", "longest, ms")
    show(f"Claim of {CLAIMED} with {BACKLOG:,} waiting", columns, rows)
    return [_at_most(f"claim of {CLAIMED} with {BACKLOG:,} waiting, median, ms", median(ours), 15)]


# --- 6


async def idling(bench: Bench) -> list[Sequence[str]]:
    """All at the same time, as they do nothing."""
    await bench.count_statements()
    made = dict(
        zip(
            [way.engine for way in IDLE],
            await asyncio.gather(*(_made_in_idleness(bench, way) for way in IDLE)),
            strict=True,
        )
    )
    rates = {engine: sum(calls.values()) / bench.seconds_idle for engine, calls in made.items()}
    rows = []
    for engine, calls in made.items():
        most = sorted(calls, key=lambda query: -calls[query])[:3]
        rows.append(
            [engine, f"{rates[engine]:.2f}", ", ".join(f"{calls[query]} `{query}`" for query in most)]
        )
    columns = ("engine", "statements/s", f"most often, in {bench.seconds_idle:.0f} s")
    show("A worker with nothing to do", columns, rows)
    return [_at_most("an idle runner, statements/s", rates[OURS], 2)]


async def _made_in_idleness(bench: Bench, way: Way) -> dict[str, int]:
    """How often which statement was sent."""
    async with bench.fresh(way.engine) as database:
        await bench.ask(way, database, "stamp", count=1, pause=0)
        async with bench.working(way, database):
            await asyncio.sleep(3)
            before = await _statements(database)
            await asyncio.sleep(bench.seconds_idle)
            after = await _statements(database)
    return {query: calls - before.get(query, 0) for query, calls in after.items()}


PARTS: dict[str, Callable[[Bench], Coroutine[Any, Any, list[Sequence[str]]]]] = {
    "enqueueing": enqueueing,
    "draining": draining,
    "waking": waking,
    "producing": producing,
    "claiming": claiming,
    "idling": idling,
    "waiting": waiting,
}


# --- what they share


def _variables(database: Credentials) -> dict[str, str]:
    """libpq's variables, which every driver reads, and ours with the settings that our connections have."""
    return {
        "PGHOST": str(database["host"]),
        "PGPORT": str(database["port"]),
        "PGUSER": database["user"],
        "PGDATABASE": database["database"],
        "LOG_LEVEL": "WARNING",
    }


async def _connect(database: Credentials) -> "asyncpg.Connection[Any]":
    return await asyncpg.connect(**database, server_settings=SERVER_SETTINGS)


async def _server(here: Place) -> str:
    connection = await _connect(here.credentials)
    try:
        version = await connection.fetchval("SHOW server_version")
        names = ("shared_buffers", "synchronous_commit", "fsync", "max_wal_size")
        settings = [f"{name} {await connection.fetchval(f'SHOW {name}')}" for name in names]
        directory = Path(await connection.fetchval("SHOW data_directory"))
        return f"PostgreSQL {version} in {directory.parents[2].parent}: {', '.join(settings)}"
    finally:
        await connection.close()


async def _settle(database: Credentials) -> None:
    """As autovacuum does sooner or later."""
    connection = await _connect(database)
    try:
        await connection.execute("VACUUM (ANALYZE)")
    finally:
        await connection.close()


async def _statements(database: Credentials) -> dict[str, int]:
    """How often each statement was sent to the database by others."""
    connection = await _connect({**database, "database": "postgres"})
    try:
        rows = await connection.fetch(
            """SELECT left(regexp_replace(query, '\\s+', ' ', 'g'), 60) AS query, sum(calls)::int AS calls
            FROM pg_stat_statements JOIN pg_database ON pg_database.oid = dbid WHERE datname = $1 GROUP BY 1""",
            database["database"],
        )
        return {row["query"]: row["calls"] for row in rows}
    finally:
        await connection.close()


def _rates(title: str, samples: Samples, base: str) -> None:
    rows = [
        [name, _spread(taken), f"{median(taken) / median(samples[base]):.2f}"]
        for name, taken in samples.items()
    ]
    show(title, ("engine", "jobs/s", f"to {base}"), rows)


def _best(samples: Samples, engine: str) -> str:
    return max((name for name in samples if name.startswith(engine)), key=lambda name: median(samples[name]))


def _ratio(samples: Sequence[float], to: Sequence[float]) -> float:
    return median(one / other for one, other in zip(samples, to, strict=True))


def _spread(samples: Sequence[float]) -> str:
    return f"{median(samples):,.0f} ({min(samples):,.0f}-{max(samples):,.0f})"


def _micro(seconds: Sequence[float]) -> str:
    return f"{median(seconds) * 1e6:,.0f}"


def _at_least(what: str, measured: float, target: float) -> Sequence[str]:
    return (what, f"{measured:,.2f}", f"≥ {target:,g}", "pass" if measured >= target else "short")


def _at_most(what: str, measured: float, target: float) -> Sequence[str]:
    return (what, f"{measured:,.2f}", f"≤ {target:,g}", "pass" if measured <= target else "short")
