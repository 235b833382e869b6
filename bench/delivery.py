"""How soon after its commit an event is at those who follow, and how many messages a second reach them."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from time import time

from app import events
from app.actions.outbox import insert_events
from app.daemons.log_reader import CHANNEL
from bench.place import Server, place
from bench.sockets import Crowd, crowd
from bench.table import percentile, ratio, show, spread

PACED, PAUSE = 10, 0.5
"""Events of one sample at rest, and the seconds between them: what a person who watches would see."""

FLOOD, ANEW = 200_000, 5_000
"""Messages of one sample at full speed, all subscribers together; so few where each of them is rendered by itself."""

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
    at_rest_us: float
    client_us: float
    kilobytes: float


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
            Audience("5,000, all alike", server, 5000),
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
    columns = (
        *("subscribers", "p50, ms", "p99, ms", "at rest, us/message", "messages/s", "to 1,000 alike"),
        *("us/message", "client, us/message", "KB/subscriber"),
    )
    show("From the commit to the client: 2 events a second, then as many as will go", columns, rows)


def row(name: str, taken: Sequence[Sample], thousand: Sequence[float]) -> list[str]:
    speeds = [each.per_second for each in taken]
    return [
        name,
        *(f"{median(percentile(each.ages, percent) for each in taken) * 1000:.1f}" for percent in (50, 99)),
        f"{median(each.at_rest_us for each in taken):.1f}",
        spread(speeds),
        ratio(speeds, thousand),
        f"{median(each.server_us for each in taken):.1f}",
        f"{median(each.client_us for each in taken):.1f}",
        f"{median(each.kilobytes for each in taken):.1f}",
    ]


async def sample(audience: Audience) -> Sample:
    """Connect them all, write at rest, write at full speed, and let them go."""
    server = audience.server
    async with crowd() as subscribers:
        before = server.process.memory_info().rss
        variables = {"after": (await server.admin.execute(CURSOR))["eventCursor"]}
        await subscribers.connect(
            server.port, server.key, [audience.query(each) for each in range(audience.many)], variables
        )
        await paced(audience, subscribers, 1, 1)  # until all of them follow; not counted
        memory = server.process.memory_info().rss - before
        began = server.processor_seconds()
        await paced(audience, subscribers, 2, PACED)
        at_rest = (server.processor_seconds() - began) / (PACED * audience.many) * 1e6
        ages = await subscribers.ages()
        began, client_began = server.processor_seconds(), await subscribers.processor_seconds()
        per_second, messages = await flood(audience, subscribers, 1 + PACED)
        used = (server.processor_seconds() - began) / messages * 1e6
        client = (await subscribers.processor_seconds() - client_began) / messages * 1e6
    return Sample(ages, per_second, used, at_rest, client, memory / audience.many / 1000)


async def paced(audience: Audience, subscribers: Crowd, first: int, many: int) -> None:
    for number in range(first, first + many):
        waiting = asyncio.create_task(subscribers.has(number, timed=first > 1))
        await asyncio.sleep(PAUSE)
        await audience.server.admin.mutate(CREATE)
        await waiting


async def flood(audience: Audience, subscribers: Crowd, before: int) -> tuple[float, int]:
    """Messages per second, and how many there were."""
    shared = audience.alike and audience.shared and audience.many > 1
    many = (FLOOD if shared else ANEW) // audience.many
    connection = await audience.server.connect()
    try:
        await connection.execute(WRITE, many)
        waiting = asyncio.create_task(subscribers.has(before + many))
        began = time()
        await connection.execute(f"NOTIFY {CHANNEL}")
    finally:
        await connection.close()
    return many * audience.many / (await waiting - began), many * audience.many
