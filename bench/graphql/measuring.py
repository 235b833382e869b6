"""Asks every server the same in turns, and compares."""

import asyncio
import shutil
import signal
import tempfile
from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from statistics import median

import asyncpg
import httpx
import orjson
import psutil

from app.database.address import Credentials
from app.database.embedded import Cluster
from bench.graphql import following
from bench.graphql.asking import CONNECTIONS, Asked, Asker
from bench.graphql.contenders import CONTENDERS, FOLLOWED, Contender
from bench.graphql.data import Known, copy, fill
from bench.graphql.documents import CREATE, DOCUMENTS, ONE, TITLES, comparable, difference
from bench.graphql.environment import Environment, prepare
from bench.graphql.serving import NotStarted, Server, database_used, python, serve
from bench.graphql.wanted import compare
from bench.place import OTHERS, Place, on
from bench.table import show

SERVERS = [*CONTENDERS, *(each for each in FOLLOWED if each not in CONTENDERS)]
NAMES = (*(each.name for each in SERVERS), *DOCUMENTS, following.NAME)

WARM = {"node": 2}
"""Seconds of the first time, else one: Node compiles what it has seen often."""

LONGEST = 12
"""Seconds of a sample, where few requests are answered."""

AT_REST = 0.1
"""Of a processor: less all servers use together, and PostgreSQL, when nothing is left to do."""
LOOK_EVERY, LONGEST_REST = 0.25, 20.0  # seconds

OPTIONS = {
    "max_connections": "400",
    "shared_buffers": "2GB",
    "synchronous_commit": "off",  # for all alike: what is measured is no disk
    "max_wal_size": "8GB",
    "checkpoint_timeout": "1h",
    "autovacuum": "off",
}


@dataclass(frozen=True)
class Entry:
    """A contender that runs."""

    contender: Contender
    server: Server
    known: Known
    database: Credentials

    def bodies(self, name: str) -> list[bytes]:
        question = self.contender.questions[name]
        return [
            orjson.dumps({"query": question.document, "variables": variables})
            for variables in question.variables(self.known)
        ]


@dataclass(frozen=True)
class Sample:
    """One server, one document, some seconds."""

    asked: Asked
    server_us: float
    database_us: float


async def measure(rounds: int, seconds: int = 3, only: Sequence[str] = (), share: float = 1.0) -> None:
    """Print a table for each document, one for each size of audience, and what is to be reached."""
    _end_when_told()
    names = _named([*DOCUMENTS, following.NAME], only)
    chosen = _named([each.name for each in SERVERS], only)
    asked = [each for each in CONTENDERS if each.name in chosen and set(names) & set(DOCUMENTS)]
    followed = [each for each in FOLLOWED if each.name in chosen and following.NAME in names]
    environment = await prepare({each.needs for each in (*asked, *followed)})
    print(f"{await environment.versions()}; ours: {_ours()}\n", flush=True)
    async with _place() as (where, directory):
        known = await fill(where)
        print(f"{known.counts}\n")
        start = Start(environment, where, directory, known)
        if asked:
            asker = Asker(directory)
            print(
                f"Asked by {asker.words}, {CONNECTIONS} connections, {rounds} rounds of {seconds} s. It asks a server that"
                f" has one answer for everything {await _most(asker, directory):,.0f} times a second.\n"
            )
            async with AsyncExitStack() as stack:
                entries = await start.all(asked, stack)
                await _check(entries, known)
                samples = await _measure(
                    entries,
                    where,
                    asker,
                    [name for name in names if name in DOCUMENTS],
                    rounds,
                    seconds,
                )
            for name in DOCUMENTS:
                if measured := {who: taken[name] for who, taken in samples.items() if taken[name]}:
                    _show(name, measured)
            compare(samples)
        if followed:
            async with AsyncExitStack() as stack:
                entries = await start.all(followed, stack)
                servers = [(each.server, each.database) for each in entries]
                await following.follow(servers, known, rounds, share)


async def _most(asker: Asker, directory: Path) -> float:
    """Requests per second where there is nothing to do for them."""
    command = python("bench.graphql.peers.constant.serve")
    async with serve("constant", command, directory, environment={}, headers={}) as server:
        return (await asker.ask(server.url, {}, [b'{"query": "{ __typename }"}'], 2)).per_second


def _end_when_told() -> None:
    """On SIGTERM, too, everything that was started is stopped, as it is on Ctrl-C."""
    task = asyncio.current_task()
    assert task
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)


def _named(names: Collection[str], words: Sequence[str]) -> list[str]:
    """Those with one of the words in their name; all, when no word is of any of them."""
    return [name for name in names if any(word in name for word in words)] or list(names)


def _ours() -> str:
    names = (
        "strawberry-graphql",
        "graphql-core",
        "tortoise-orm",
        "asyncpg",
        "starlette",
        "uvicorn",
        "uvloop",
    )
    return ", ".join(f"{name} {version(name)}" for name in (*names, "httptools", "orjson"))


@asynccontextmanager
async def _place() -> AsyncIterator[tuple[Place, Path]]:
    """A PostgreSQL with its data in memory, on one processor with who asks; nothing of it is left."""
    memory = Path("/dev/shm").is_mount() and shutil.disk_usage("/dev/shm").free > 6 << 30
    directory = Path(tempfile.mkdtemp(prefix="workyard-bench-", dir="/dev/shm" if memory else "/var/tmp"))
    directory.chmod(0o755)  # PostgreSQL's user passes through
    try:
        with on(OTHERS):
            async with Cluster.at(directory / "postgresql", options=OPTIONS).use() as found:
                credentials: Credentials = {**found}
                yield Place(credentials), directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@dataclass
class Start:
    """Starts contenders, each on its copy of the data."""

    environment: Environment
    where: Place
    directory: Path
    known: Known
    databases: dict[str, Credentials] = field(default_factory=dict)

    async def all(self, chosen: Sequence[Contender], stack: AsyncExitStack) -> list[Entry]:
        """Those that can be had."""
        entries = []
        for each in chosen:
            if not self.environment.has(each.needs):
                print(f"{each.name}: left out, since what it needs is not to be had here.\n")
                continue
            database = await self._database(each)
            running = serve(
                each.name,
                each.command(self.environment),
                self.directory,
                environment=each.environment(database),
                headers=each.headers(self.known),
            )
            try:
                entries.append(Entry(each, await stack.enter_async_context(running), self.known, database))
                print(f"- {each.name}: {each.does}", flush=True)
            except NotStarted as error:
                print(f"- {each.name} did not start, and is left out: {error}", flush=True)
        print()
        return entries

    async def _database(self, contender: Contender) -> Credentials:
        name = (
            contender.name
            if contender.own
            else contender.prepare.parent.name
            if contender.prepare
            else "shared"
        )
        if name not in self.databases:
            prepare = contender.prepare.read_text() if contender.prepare else ""
            self.databases[name] = await copy(self.where, name, prepare)
        return self.databases[name]


async def _check(entries: Sequence[Entry], known: Known) -> None:
    """All answer alike, and show nobody what is not theirs, but for those that are said to."""
    first: dict[str, object] = {}
    for entry in entries:
        for name, question in entry.contender.questions.items():
            data, _ = await entry.server.ask(question.document, question.variables(known)[0])
            found = comparable(name, data)
            wanted = first.setdefault(name, found)
            if found != wanted:
                raise SystemExit(f"{entry.server.name} gives another {name}: {difference(found, wanted)}")
        hidden = entry.contender.one(known.hidden)
        data, _ = await entry.server.ask(entry.contender.questions[ONE].document, hidden)
        if (data["workRequest"] is None) != entry.contender.checks:
            raise SystemExit(f"{entry.server.name} answers {data} for what the viewer may not see")


async def _measure(
    entries: Sequence[Entry], where: Place, asker: Asker, names: Sequence[str], rounds: int, seconds: int
) -> Mapping[str, Mapping[str, list[Sample]]]:
    samples: dict[str, dict[str, list[Sample]]] = defaultdict(lambda: defaultdict(list))
    failed: set[tuple[str, str]] = set()
    connection = await asyncpg.connect(**where.credentials)
    try:
        postmaster = psutil.Process(connection.get_server_pid()).ppid()
        for number, name in _in_turns(names, rounds):
            for entry in [each for each in entries if name in each.contender.questions]:
                if (entry.server.name, name) in failed:
                    continue
                bodies = entry.bodies(name)
                try:
                    if number == 0:
                        warm = WARM.get(entry.contender.needs, 1)
                        await asker.ask(entry.server.url, entry.server.headers, bodies, warm)
                    await _rest(entries, postmaster)
                    taken = await _sample(entry, bodies, asker, seconds, postmaster)
                    samples[entry.server.name][name].append(taken)
                except (AssertionError, httpx.TransportError) as error:
                    failed.add((entry.server.name, name))
                    samples[entry.server.name][name].clear()
                    print(f"{entry.server.name}, {name}: left out, since {error!r}\n", flush=True)
    finally:
        await connection.close()
    return samples


def _in_turns(names: Sequence[str], rounds: int) -> Iterator[tuple[int, str]]:
    """Rounds of what reads, and only then of what writes: all rounds read the same data.

    After thousands of new requests, a statement that is planned once for all values would look through these first.
    """
    reads, writes = [name for name in names if name != CREATE], [name for name in names if name == CREATE]
    for part in (reads, writes):
        yield from ((number, name) for number in range(rounds) for name in part)


async def _rest(entries: Sequence[Entry], postmaster: int) -> None:
    """Wait until nobody does anything. Servers share a processor, and slow ones go on for seconds with what nobody waits for."""

    def used() -> float:
        return sum(each.server.processor_seconds() for each in entries)

    most = AT_REST * LOOK_EVERY
    for _ in range(int(LONGEST_REST / LOOK_EVERY)):
        before, database = used(), database_used(postmaster)
        await asyncio.sleep(LOOK_EVERY)
        if used() - before < most and _since(database, postmaster) < most:
            return
    print("Servers still had something to do when the next one was asked.", flush=True)


async def _sample(
    entry: Entry, bodies: Sequence[bytes], asker: Asker, seconds: int, postmaster: int
) -> Sample:
    """Ask, after the answer has been seen to be one; an answer that is much shorter than that is an error."""
    asked = orjson.loads(bodies[0])
    _, length = await entry.server.ask(asked["query"], asked["variables"])
    before, used = entry.server.processor_seconds(), database_used(postmaster)
    taken = await asker.ask(entry.server.url, entry.server.headers, bodies, seconds)
    server, database = entry.server.processor_seconds() - before, _since(used, postmaster)
    if taken.requests < CONNECTIONS and seconds < LONGEST:
        # So slow that those which had not ended would be missed.
        return await _sample(entry, bodies, asker, LONGEST, postmaster)
    assert taken.requests, f"nothing was answered within {seconds} s"
    if taken.bytes_each < length * 0.9:
        raise AssertionError(
            f"{entry.server.name} gave answers of {taken.bytes_each:.0f} bytes, not {length}"
        )
    return Sample(taken, server / taken.requests * 1e6, database / taken.requests * 1e6)


def _since(before: Mapping[int, float], postmaster: int) -> float:
    """Processor seconds of PostgreSQL's processes since then; those that ended meanwhile are missing."""
    return sum(used - before.get(pid, 0) for pid, used in database_used(postmaster).items())


def _show(name: str, samples: Mapping[str, Sequence[Sample]]) -> None:
    def rate(taken: Sequence[Sample]) -> str:
        rates = [each.asked.per_second for each in taken]
        return f"{median(rates):,.0f} ({min(rates):,.0f}-{max(rates):,.0f})"

    base = next(iter(samples.values()))
    rows = []
    for who, taken in samples.items():
        ratio = median(
            ours.asked.per_second / own.asked.per_second for ours, own in zip(base, taken, strict=True)
        )
        rows.append(
            [
                who,
                rate(taken),
                f"{ratio:.2f}",
                f"{median(each.asked.p50 for each in taken):.2f}",
                f"{median(each.asked.p99 for each in taken):.1f}",
                f"{median(each.server_us for each in taken):,.0f}",
                f"{median(each.database_us for each in taken):,.0f}",
            ]
        )
    columns = ("server", "requests/s", f"{next(iter(samples))} to it", "p50, ms", "p99, ms")
    show(TITLES[name], (*columns, "server, µs each", "PostgreSQL, µs each"), rows)
