"""One event to a thousand subscribers and to five: how soon it is at each, and how many messages a second there are."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from time import perf_counter

import asyncpg
import httpx

from app import events
from app.actions.outbox import insert_events
from app.daemons.log_reader import CHANNEL
from app.database.address import Credentials
from app.database.opening import SERVER_SETTINGS
from bench.graphql.contenders import FOLLOWED, GRAPHQL_WS, STRAWBERRY, WORKYARD
from bench.graphql.data import KEY, Known
from bench.graphql.documents import CREATE, DOCUMENTS
from bench.graphql.serving import Server
from bench.graphql.subscribers import Subscriber, all_have, open_all
from bench.table import percentile, show, spread

NAME = "subscribers"
NAMES = [each.name for each in FOLLOWED]
MANY = {1000: 100_000, 5000: 100_000}
"""Subscribers, and the messages of a flood to all of them together."""

FEWER = {STRAWBERRY: 0.1, GRAPHQL_WS: 0.5}
"""Of who takes longer for each message: so much of that."""

PACED, PAUSE = 10, 0.5
"""Events of one sample at rest, and the seconds between them."""

LONGEST = 120.0
"""Seconds that one sample may take, from the first connection to the last message. Who takes longer is left out."""

FIELDS = "cursor time type status workRequest { id status result attempt taskName priority createdAt }"
EXTRA = """'{"priority_adjustment": 0}'::jsonb"""
WRITE = f"""WITH changed AS (SELECT work_request.* FROM work_request, generate_series(1, $1)
    WHERE work_request.id = (SELECT max(id) FROM work_request))
{insert_events(events.WorkRequestPriorityChanged, "changed", EXTRA)}"""

Publish = Callable[[int], Awaitable[None]]


@dataclass(frozen=True)
class Sample:
    """What one audience met."""

    ages: list[float]
    per_second: float
    server_us: float
    memory: float

    def age(self, percent: int) -> float:
        """In milliseconds."""
        return percentile(self.ages, percent) * 1000


async def sample(server: Server, many: int, messages: int, known: Known, database: Credentials) -> Sample:
    """Connect them all, send at rest, send at full speed, and let them go."""
    ours = server.name == WORKYARD
    before = server.memory()
    subscribers = [Subscriber(server.port) for _ in range(many)]
    try:
        async with asyncio.timeout(LONGEST):
            if ours:
                after = (await server.ask("{ eventCursor }"))[0]["eventCursor"]
                query = (
                    f"subscription ($after: Cursor) {{ workRequestChanged(after: $after) {{ {FIELDS} }} }}"
                )
                await open_all(subscribers, {"token": KEY}, query, {"after": after})
            else:
                await open_all(subscribers, {}, f"subscription {{ workRequestChanged {{ {FIELDS} }} }}", {})
                while (await server.ask("{ subscribers }"))[0]["subscribers"] < many:
                    await asyncio.sleep(0.05)
            publish = _by_us(server, known, database) if ours else _by_peer(server)
            return await _watch(server, subscribers, messages, before, *publish)
    finally:
        for each in subscribers:
            each.close()


async def _watch(
    server: Server,
    subscribers: Sequence[Subscriber],
    messages: int,
    before: int,
    one: Publish,
    flood: Publish,
) -> Sample:
    sent = 0

    async def send(publish: Publish, count: int) -> None:
        nonlocal sent
        sent += count
        await publish(count)
        await all_have(subscribers, sent)

    await send(one, 1)  # until all of them follow; not counted
    for each in subscribers:
        each.timed = True
    for _ in range(PACED):
        await send(one, 1)
        await asyncio.sleep(PAUSE)
    for each in subscribers:
        each.timed = False
    memory = (server.memory() - before) / len(subscribers)
    count = max(messages // len(subscribers), 1)
    used, began = server.processor_seconds(), perf_counter()
    await send(flood, count)
    taken = perf_counter() - began
    used = server.processor_seconds() - used
    delivered = count * len(subscribers)
    ages = [age for each in subscribers for age in each.ages]
    return Sample(ages, delivered / taken, used / delivered * 1e6, memory)


def _by_us(server: Server, known: Known, database: Credentials) -> tuple[Publish, Publish]:
    """A mutation makes one event; many are written into the log at once, and the server is told."""
    question = DOCUMENTS[CREATE]

    async def one(count: int) -> None:
        await server.ask(question.document, question.variables(known)[0])

    async def flood(count: int) -> None:
        connection = await asyncpg.connect(**database, server_settings=SERVER_SETTINGS)
        try:
            await connection.execute(WRITE, count)
            await connection.execute(f"NOTIFY {CHANNEL}")
        finally:
            await connection.close()

    return one, flood


def _by_peer(server: Server) -> tuple[Publish, Publish]:
    """It publishes what it has in memory when it is told to."""

    async def publish(count: int) -> None:
        async with httpx.AsyncClient(timeout=60) as http:
            (await http.post(server.url.replace("/graphql", f"/publish?count={count}"))).raise_for_status()

    return publish, publish


async def follow(
    servers: Sequence[tuple[Server, Credentials]], known: Known, rounds: int, share: float
) -> None:
    """Print a table for each size of audience, and what is to be reached."""
    for many, messages in MANY.items():
        samples: dict[str, list[Sample]] = defaultdict(list)
        for _ in range(min(rounds, 2) if many == min(MANY) else 1):
            for server, database in servers:
                wanted, began = int(messages * share * FEWER.get(server.name, 1)), perf_counter()
                try:
                    taken = await sample(server, many, wanted, known, database)
                    samples[server.name].append(taken)
                except* (TimeoutError, AssertionError, OSError) as errors:
                    reason = f"{errors.exceptions[0]!r} after {perf_counter() - began:.0f} s"
                    print(
                        f"{server.name}, {many:,} subscribers: a sample is left out, since {reason}\n",
                        flush=True,
                    )
        _show(many, samples)
        if many == min(MANY) and WORKYARD in samples:
            _compare(samples)


def _show(many: int, samples: Mapping[str, Sequence[Sample]]) -> None:
    rows = [
        [
            name,
            *(f"{median(each.age(percent) for each in taken):.1f}" for percent in (50, 99)),
            spread([each.per_second for each in taken]),
            f"{median(each.server_us for each in taken):.1f}",
            f"{max(each.memory for each in taken) / 1024:.0f}",
        ]
        for name, taken in samples.items()
    ]
    columns = ("server", "p50, ms", "p99, ms", "messages/s", "server, µs/message", "KiB each")
    show(f"{many:,} subscribers: 2 events a second, then as many as will go", columns, rows)


def _rate(samples: Sequence[Sample]) -> float:
    return median(each.per_second for each in samples)


def _compare(samples: Mapping[str, Sequence[Sample]]) -> None:
    ours = samples[WORKYARD]
    rows = [
        [f"messages/s to {peer}", f"≥ {wanted:g}", f"{_rate(ours) / _rate(samples[peer]):.2f}"]
        for peer, wanted in ((STRAWBERRY, 10), (GRAPHQL_WS, 1.8))
        if peer in samples
    ]
    rows.append(["p99 at 2 events/s, ms", "≤ 50", f"{median(each.age(99) for each in ours):.1f}"])
    show("To reach with 1,000 subscribers", ("what", "wanted", "measured"), rows)
