"""How soon after its commit an event is at those who follow, and how many messages a second reach them."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from statistics import median
from time import perf_counter

from app import events
from app.actions.outbox import insert_events
from app.daemons.log_reader import CHANNEL
from bench.place import Server, place
from bench.sockets import Subscriber
from bench.table import percentile, ratio, show, spread

PACED, PAUSE = 10, 0.5
"""Events of one sample at rest, and the seconds between them: what a person who watches would see."""

FLOOD, ANEW = 100_000, 5_000
"""Messages of one sample at full speed, all subscribers together; so few where each of them is rendered by itself."""

CONNECT_AT_ONCE = 50
LIMIT = 120.0

CREATE = """mutation { createWorkRequest(input: {taskName: "noop"}) {
  workRequest { id } userErrors { code message } } }"""
FIELDS = "cursor time type status workRequest { id status result attempt taskName priority createdAt }"

CURSOR = "{ eventCursor }"
EXTRA = """'{"priority_adjustment": 0}'::jsonb"""
WRITE = f"""WITH changed AS (SELECT work_request.* FROM work_request, generate_series(1, $1)
    WHERE work_request.id = (SELECT max(id) FROM work_request))
{insert_events(events.WorkRequestPriorityChanged, "changed", EXTRA)}"""


@dataclass(frozen=True)
class Audience:
    """How many follow, whether all of them select the same, and whether the server makes use of that."""

    name: str
    server: Server
    many: int
    alike: bool = True
    shared: bool = True

    def query(self, number: int) -> str:
        alias = "" if self.alike else f"a{number}: "
        return f"subscription ($after: Cursor) {{ workRequestChanged(after: $after) {{ {FIELDS} {alias}type }} }}"


@dataclass
class Sample:
    """What one audience met."""

    ages: list[float]
    per_second: float
    server_us: float


async def measure(rounds: int) -> None:
    """Print the table."""
    async with (
        place() as here,
        here.server("shared") as server,
        here.server("unshared", "-m", "bench.unshared") as naive,
    ):
        audiences = [
            Audience("1 subscriber", server, 1),
            Audience("100, all alike", server, 100),
            Audience("1,000, all alike", server, 1000),
            Audience("100, each with a selection of its own", server, 100, alike=False),
            Audience("100, all alike, rendered for each anew", naive, 100, shared=False),
            Audience("1,000, all alike, rendered for each anew", naive, 1000, shared=False),
        ]
        samples: dict[str, list[Sample]] = defaultdict(list)
        for _ in range(rounds):
            for audience in audiences:
                samples[audience.name].append(await sample(audience))
    thousand = [each.per_second for each in samples["1,000, all alike"]]
    rows = [row(name, taken, thousand) for name, taken in samples.items()]
    columns = ("subscribers", "p50, ms", "p99, ms", "messages/s", "to 1,000 alike", "server, us/message")
    show("From the commit to the client: 2 events a second, then as many as will go", columns, rows)


def row(name: str, taken: Sequence[Sample], thousand: Sequence[float]) -> list[str]:
    speeds = [each.per_second for each in taken]
    return [
        name,
        *(f"{median(percentile(each.ages, percent) for each in taken) * 1000:.1f}" for percent in (50, 99)),
        spread(speeds),
        ratio(speeds, thousand),
        f"{median(each.server_us for each in taken):.1f}",
    ]


async def sample(audience: Audience) -> Sample:
    """Connect them all, write at rest, write at full speed, and let them go."""
    async with AsyncExitStack() as stack:
        subscribers = await connected(stack, audience)
        await paced(audience, subscribers, 1)  # until all of them follow; not counted
        for each in subscribers:
            each.timed = True
        await paced(audience, subscribers, PACED)
        for each in subscribers:
            each.timed = False
        began = audience.server.processor_seconds()
        per_second, messages = await flood(audience, subscribers)
        used = audience.server.processor_seconds() - began
    ages = [age for each in subscribers for age in each.ages]
    return Sample(ages, per_second, used / messages * 1e6)


async def connected(stack: AsyncExitStack, audience: Audience) -> list[Subscriber]:
    room = asyncio.Semaphore(CONNECT_AT_ONCE)
    variables = {"after": (await audience.server.admin.execute(CURSOR))["eventCursor"]}

    async def connect(number: int) -> Subscriber:
        async with room:
            subscriber = Subscriber(audience.server.port)
            await subscriber.open(audience.server.key, audience.query(number), variables)
            stack.callback(subscriber.close)
            return subscriber

    return await asyncio.gather(*map(connect, range(audience.many)))


async def paced(audience: Audience, subscribers: Sequence[Subscriber], many: int) -> None:
    for _ in range(many):
        wanted = [each.received + 1 for each in subscribers]
        await audience.server.admin.mutate(CREATE)
        await all_have(subscribers, wanted)
        await asyncio.sleep(PAUSE)


async def flood(audience: Audience, subscribers: Sequence[Subscriber]) -> tuple[float, int]:
    """Messages per second, and how many there were."""
    shared = audience.alike and audience.shared and audience.many > 1
    many = (FLOOD if shared else ANEW) // audience.many
    wanted = [each.received + many for each in subscribers]
    connection = await audience.server.connect()
    try:
        await connection.execute(WRITE, many)
        began = perf_counter()
        await connection.execute(f"NOTIFY {CHANNEL}")
    finally:
        await connection.close()
    await all_have(subscribers, wanted)
    return many * len(subscribers) / (perf_counter() - began), many * len(subscribers)


async def all_have(subscribers: Sequence[Subscriber], wanted: Sequence[int]) -> None:
    async with asyncio.timeout(LIMIT):
        while any(each.received < many for each, many in zip(subscribers, wanted, strict=True)):
            await asyncio.sleep(0.002)
