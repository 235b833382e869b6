"""Reads, compiled and not: requests per second, and the server's processor time for each.

Two servers of the same database contents, one with COMPILED_READS=false, are asked in turns; all of the product's checks
are on.
"""

import asyncio
import os
from contextlib import AsyncExitStack
from statistics import median
from time import monotonic
from typing import Any

from app.models.global_ids import global_id
from bench.http import Connection
from bench.place import Place, Server, place
from bench.table import ratio, show, spread

ROWS = 20_000
CALLERS = 8
SECONDS = 2.0

FILL = """
INSERT INTO work_request (task_name, task_data, workspace_id, created_by_id, status, result, created_at, completed_at,
    tag_set_id, priority_base, priority_adjustment, available_at)
SELECT 'noop', '{"a": 1}', (SELECT min(id) FROM workspace), (SELECT min(id) FROM "user"), 'completed', 'success',
    now() - number * interval '1 s', now(), (SELECT min(id) FROM tag_set), 0, 0, now()
FROM generate_series(1, $1) AS number
"""
COLUMNS = "id taskName status result priorityBase createdAt completedAt attempt"
DOCUMENTS = {
    "one object, 8 fields": f"query($id: ID!) {{ workRequest(id: $id) {{ {COLUMNS} }} }}",
    "page of 50, 8 fields": f"query($id: ID) {{ workRequests(first: 50, orderBy: [{{field: CREATED_AT, direction: DESC}}], "
    f"filter: {{not: {{id: {{eq: $id}}}}}}) {{ nodes {{ {COLUMNS} }} pageInfo {{ hasNextPage endCursor }} }} }}",
    "page of 50, three relations, two nested lists": f"""query($id: ID) {{
        workRequests(first: 50, orderBy: [{{field: CREATED_AT, direction: DESC}}], filter: {{not: {{id: {{eq: $id}}}}}}) {{
            nodes {{ {COLUMNS} createdBy {{ username }} worker {{ name }} workspace {{ name }}
                artifacts(first: 5) {{ nodes {{ id category files(first: 5) {{ nodes {{ path file {{ size }} }} }} }} }} }}
            pageInfo {{ hasNextPage endCursor }} }} }}""",
}
MAKE = """
INSERT INTO artifact (category, workspace_id, complete, completed_at, created_by_work_request_id)
SELECT 'bench:any', workspace_id, true, now(), id FROM work_request, generate_series(1, 2)
WHERE id > (SELECT max(id) FROM work_request) - 2000 OR id < (SELECT min(id) FROM work_request) + 2000
"""
FILES = """
WITH content AS (INSERT INTO file (sha256, size) VALUES (sha256('bench'), 5) RETURNING id)
INSERT INTO file_in_artifact (artifact_id, path, file_id, complete)
SELECT artifact.id, 'file-' || number, content.id, true FROM artifact, content, generate_series(1, 3) AS number
"""


async def measure(rounds: int) -> None:
    """Both servers, every document, in turns."""
    async with place() as where, AsyncExitStack() as stack:
        servers = {
            "compiled": await stack.enter_async_context(_server(where, "compiled", "true")),
            "ordinary": await stack.enter_async_context(_server(where, "ordinary", "false")),
        }
        ids = {name: await _fill(server) for name, server in servers.items()}
        for title, document in DOCUMENTS.items():
            rates: dict[str, list[float]] = {name: [] for name in servers}
            costs: dict[str, list[float]] = {name: [] for name in servers}
            for _ in range(rounds):
                for name, server in servers.items():
                    rate, cost = await _sample(server, document, {"id": ids[name]})
                    rates[name].append(rate)
                    costs[name].append(cost)
            show(
                title,
                ("server", "requests/s", "µs of the server's processor each"),
                [(name, spread(rates[name]), f"{median(costs[name]):,.0f}") for name in servers]
                + [
                    (
                        "ratio",
                        ratio(rates["compiled"], rates["ordinary"]),
                        ratio(costs["ordinary"], costs["compiled"]),
                    )
                ],
            )


def _server(where: Place, name: str, compiled: str) -> Any:
    os.environ["COMPILED_READS"] = compiled
    return where.server(name)


async def _fill(server: Server) -> str:
    connection = await server.connect()
    try:
        await connection.execute("INSERT INTO tag_set (tags) VALUES ('{}') ON CONFLICT DO NOTHING")
        await connection.execute(FILL, ROWS)
        await connection.execute(MAKE)
        await connection.execute(FILES)
        await connection.execute("VACUUM ANALYZE")
        number = await connection.fetchval("SELECT max(id) FROM work_request")
    finally:
        await connection.close()
    return global_id("WorkRequest", number)


async def _sample(server: Server, document: str, variables: dict[str, Any]) -> tuple[float, float]:
    """Requests per second, and microseconds of the server's processor for each."""
    callers = [await Connection(server.port, server.key).open() for _ in range(CALLERS)]
    try:
        await _ask(callers, document, variables, SECONDS / 4)
        before, began = server.processor_seconds(), monotonic()
        done = await _ask(callers, document, variables, SECONDS)
        taken = server.processor_seconds() - before
        return done / (monotonic() - began), taken / done * 1e6
    finally:
        for caller in callers:
            caller.close()


async def _ask(callers: list[Connection], document: str, variables: dict[str, Any], seconds: float) -> int:
    until = monotonic() + seconds

    async def again(caller: Connection) -> int:
        done = 0
        while monotonic() < until:
            await caller.execute(document, variables)
            done += 1
        return done

    return sum(await asyncio.gather(*[again(caller) for caller in callers]))
