"""How many requests that do nothing can be claimed, started and completed in a second."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import asyncpg

from app.actions.work.running import _CLAIM, _COMPLETE
from app.client import Client
from app.graphql.ids import decode_id
from app.worker.verbs import ACQUIRE, COMPLETE, INBOX
from bench.http import Connection
from bench.place import SERVERS, Place, Server, on, place
from bench.table import ratio, show, spread

BURST, BURSTS = 100, 4
WORKERS = 8
UNMATCHED = 2000

ACTIVATE = "mutation { createActivationToken(input: {minutes: 60}) { key userErrors { code message } } }"
REGISTER = """mutation ($in: RegisterWorkerInput!) { registerWorker(input: $in) {
  worker { id } key userErrors { code message } } }"""
DESCRIBE = """mutation { updateWorkerDynamicMetadata(input: {metadata: {tags: ["task:noop"]}}) {
  worker { id } userErrors { code message } } }"""

FILL = """
INSERT INTO work_request (workspace_id, created_by_id, task_name, tag_set_id, required_tags, priority_base, created_at)
SELECT (SELECT min(id) FROM workspace), (SELECT min(id) FROM "user"), 'noop', tag_set.id, tag_set.tags, $3, clock_timestamp()
FROM generate_series(1, $1), tag_set WHERE tag_set.tags = $2
"""


async def measure(rounds: int) -> None:
    """Print the tables."""
    async with place() as here, AsyncExitStack() as stack:
        queues = [
            await stack.enter_async_context(queue(here, "long", 20_000, UNMATCHED)),
            await stack.enter_async_context(queue(here, "matched", 20_000, 0)),
            await stack.enter_async_context(queue(here, "short", 150, 0)),
        ]
        long, matched, short = queues
        for workers in (1, WORKERS):
            samples: dict[Any, list[float]] = defaultdict(list)
            for _ in range(1 + rounds):
                for each in queues:
                    for way in (each.through_the_api, each.straight_to_the_database):
                        samples[way].append(await per_second(each, way, workers))
            for taken in samples.values():
                del taken[0]  # to warm up
            base = samples[long.through_the_api]
            rows = []
            for name, each in (
                ("20,000 waiting, the first 2,000 of them for nobody here", long),
                ("20,000 waiting, all for these workers", matched),
                ("from 150 down to 50 waiting", short),
            ):
                api, sql = samples[each.through_the_api], samples[each.straight_to_the_database]
                rows.append([name, spread(api), ratio(api, base), spread(sql), ratio(api, sql)])
            columns = (
                "queue",
                "API, requests/s",
                "to the first row",
                "the same SQL alone, requests/s",
                "API to SQL",
            )
            show(f"Claimed, started and completed with {workers} worker{'s' * (workers > 1)}", columns, rows)
        counts = [[str(workers), *await statements(long, workers)] for workers in (1, WORKERS)]
        show("What one request costs", ("workers", "SQL statements", "server, ms", "which"), counts)


async def per_second(queue: "Queue", way: "Way", workers: int) -> float:
    """Requests per second, over some bursts, each with the queue full again."""
    seconds = 0.0
    for _ in range(BURSTS):
        await queue.fill_up()
        began = perf_counter()
        await way(BURST, workers)
        seconds += perf_counter() - began
    return BURST * BURSTS / seconds


async def statements(queue: "Queue", workers: int) -> tuple[str, str, str]:
    """How many statements the server sends for one request, and its processor time."""
    await queue.fill_up()
    await queue.control.execute("SELECT pg_stat_statements_reset()")
    began = queue.server.processor_seconds()
    await queue.through_the_api(10 * BURST, workers)
    used = queue.server.processor_seconds() - began
    rows = await queue.control.fetch(
        """SELECT calls / $1::float AS calls, left(regexp_replace(query, '\\s+', ' ', 'g'), 40) AS query
        FROM pg_stat_statements WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND query NOT LIKE '%pg_stat_statements%' AND calls >= $1 / 100 ORDER BY calls DESC""",
        10.0 * BURST,
    )
    which = ", ".join(f"{row['calls']:.2f} `{row['query']}`" for row in rows)
    return f"{sum(row['calls'] for row in rows):.2f}", f"{used * 1000 / (10 * BURST):.2f}", which


Way = Callable[[int, int], Awaitable[None]]


@dataclass
class Queue:
    """A database with work waiting, its server, and workers that are connected."""

    server: Server
    control: "asyncpg.Connection[Any]"
    waiting: int
    unmatched: int
    worker_ids: Sequence[int]
    http: Sequence[Connection]
    sql: "Sequence[asyncpg.Connection[Any]]"

    async def fill_up(self) -> None:
        """Let as many wait as belong here."""
        there = await self.control.fetchval("SELECT count(*) FROM work_request WHERE status = 'pending'")
        await self.control.execute(FILL, self.waiting - there, ["task:noop"], 0)

    async def through_the_api(self, requests: int, workers: int) -> None:
        """Claim and complete so many, over HTTP."""
        left = iter(range(requests))

        async def work(connection: Connection) -> None:
            for _ in left:
                acquired = await connection.execute(ACQUIRE, {"input": {"leaseSeconds": 60}})
                request = acquired["acquireWorkRequest"]["workRequest"]
                report = {"id": request["id"], "attempt": request["attempt"], "result": "SUCCESS"}
                completed = await connection.execute(COMPLETE, {"input": report})
                assert completed["completeWorkRequest"]["workRequest"]["status"] == "COMPLETED"

        await asyncio.gather(*map(work, self.http[:workers]))

    async def straight_to_the_database(self, requests: int, workers: int) -> None:
        """The two statements that do the same, from where the server would send them."""
        left = iter(range(requests))

        async def work(worker_id: int, connection: "asyncpg.Connection[Any]") -> None:
            for _ in left:
                (request,) = await connection.fetch(_CLAIM, worker_id, 60)
                report = (request["id"], worker_id, request["attempt"], "success", None, "[]")
                (completed,) = await connection.fetch(_COMPLETE, *report)
                assert completed["status"] == "completed"

        with on(SERVERS):
            await asyncio.gather(
                *[work(*each) for each in list(zip(self.worker_ids, self.sql, strict=True))[:workers]]
            )


@asynccontextmanager
async def queue(here: Place, name: str, waiting: int, unmatched: int) -> AsyncIterator[Queue]:
    """A server with so many requests waiting, of which the first cannot be run by its workers."""
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(here.server(name))
        control = await server.connect()
        stack.push_async_callback(control.close)
        await control.execute("CREATE EXTENSION pg_stat_statements")
        sets = [["task:noop"], *(["task:noop", f"zone:{number:02}"] for number in range(20))]
        await control.executemany(
            "INSERT INTO tag_set (tags) VALUES ($1) ON CONFLICT DO NOTHING", [[each] for each in sets]
        )
        for tags in sets[1:]:
            await control.execute(FILL, unmatched // 20, tags, 10)
        await control.execute(FILL, waiting - unmatched, sets[0], 0)
        await control.execute("VACUUM ANALYZE")
        workers = [await connected_worker(stack, server, number) for number in range(WORKERS)]
        http = [await Connection(server.port, key).open() for _, key in workers]
        for connection in http:
            stack.callback(connection.close)
        sql = [await server.connect() for _ in workers]
        for each in sql:
            stack.push_async_callback(each.close)
        yield Queue(server, control, waiting, unmatched, [id for id, _ in workers], http, sql)


async def connected_worker(stack: AsyncExitStack, server: Server, number: int) -> tuple[int, str]:
    """The id and the key of a worker that holds a connection as long as the stack lasts."""
    activation = (await server.admin.mutate(ACTIVATE))["key"]
    async with Client(server.url) as stranger:
        given = {"fqdn": f"worker-{number}.lan", "activationToken": activation, "concurrency": 2}
        made = await stranger.mutate(REGISTER, {"in": given})
    key = made["key"]
    client = await stack.enter_async_context(Client(server.url, key))
    await client.mutate(DESCRIBE)
    inbox = await stack.enter_async_context(aclosing(client.subscribe(INBOX)))
    await anext(inbox)
    return decode_id(made["worker"]["id"])[1], key
