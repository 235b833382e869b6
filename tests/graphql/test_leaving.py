"""A client that leaves takes its statement with it."""

import asyncio
import gc
import weakref
from typing import Any

import asyncpg
import orjson

from app.database import Database, fetch
from app.graphql.presence import Presence
from tests.api import Api, gid
from tests.cast import Cast

LIMIT = 30.0
WAITING = (
    "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%\"work_request\"%'"
)


async def test_the_statement_of_a_client_that_left_is_cancelled_at_the_server(
    api: Api, cast: Cast, db: Database
) -> None:
    request = await cast.request()
    document = f'{{ workRequest(id: "{gid(request)}") {{ id status }} }}'
    left = asyncio.Event()
    blocker = await asyncpg.connect(**db.credentials)
    watcher = await asyncpg.connect(**db.credentials)
    try:
        async with blocker.transaction():
            await blocker.execute("LOCK TABLE work_request IN ACCESS EXCLUSIVE MODE")
            asking = asyncio.create_task(ask(api, cast.bob.key, document, left))
            await until(watcher, 1)

            left.set()
            await until(watcher, 0)

            assert await asyncio.wait_for(asking, LIMIT) == []
    finally:
        await blocker.close()
        await watcher.close()
    assert [row["n"] for row in await fetch("SELECT count(*) AS n FROM work_request")] == [1]


async def test_a_request_that_was_watched_leaves_nothing_to_the_garbage_collector() -> None:
    async def watched() -> "weakref.ref[Any]":
        never = asyncio.Event()

        async def receive() -> dict[str, Any]:
            await never.wait()
            return {}

        with Presence(receive) as presence:
            presence.watch()
            await asyncio.sleep(0)  # it waits for the client to leave
        return weakref.ref(receive)

    gc.disable()
    try:
        receive = await watched()
        for _ in range(10):
            await asyncio.sleep(0)  # it ends
        assert receive() is None
    finally:
        gc.enable()


async def until(watcher: "asyncpg.Connection[Any]", number: int) -> None:
    """Wait until so many statements wait for the table."""
    async with asyncio.timeout(LIMIT):
        while await watcher.fetchval(WAITING) != number:
            await asyncio.sleep(0.01)


async def ask(api: Api, key: str, document: str, left: asyncio.Event) -> list[Any]:
    """Send a request over HTTP; what was answered."""
    body = orjson.dumps({"query": document})
    answered: list[Any] = []
    messages: list[dict[str, Any]] = [{"type": "http.request", "body": body}]

    async def receive() -> dict[str, Any]:
        if messages:
            return messages.pop()
        await left.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        answered.append(message)

    headers = [(b"authorization", f"Bearer {key}".encode()), (b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": "/graphql", "headers": headers, "query_string": b""}
    await api.server.app(scope, receive, send)
    return answered
