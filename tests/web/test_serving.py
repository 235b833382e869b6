"""The server as a whole: health, metrics, the schema, other origins, and how it stops."""

import asyncio
import json
import re
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta

import httpx
import pytest
from graphql import build_schema
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from app.clock import now
from app.database import Database
from app.graphql.draining import Connections
from app.settings import Settings
from app.web.asgi import create_app
from app.web.health import health_routes
from app.web.metrics import metrics_routes
from app.web.task_metrics import TaskMetrics
from tests.database.cluster import Databases
from tests.live import LiveServer, start_server
from tests.task_rows import runner, task

PROTOCOL = Subprotocol("graphql-transport-ws")
FOLLOW = "subscription { workRequestChanged { cursor } }"


@pytest.fixture
async def http(live_server: LiveServer) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the server."""
    async with httpx.AsyncClient(verify=False, base_url=live_server.url, timeout=30) as client:
        yield client


async def test_a_server_that_serves_is_live_and_ready(http: httpx.AsyncClient) -> None:
    live, ready = await http.get("/health/live"), await http.get("/health/ready")

    assert (live.status_code, live.json()) == (200, {"status": "live"})
    assert (ready.status_code, ready.json()["status"]) == (200, "ready")
    assert set(ready.json()["checks"].values()) == {"ok"}
    assert ready.headers["cache-control"] == "no-store"


async def ready_with(check: Callable[[], Awaitable[str | None]], connections: Connections) -> httpx.Response:
    app = Starlette(routes=health_routes({"part": check}, connections))
    async with httpx.AsyncClient(
        verify=False, transport=httpx.ASGITransport(app), base_url="http://test"
    ) as http:
        return await http.get("/health/ready")


async def test_a_part_that_does_not_work_makes_the_server_not_ready_and_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("app.web.health.SECONDS", 0.01)

    async def well() -> str | None:
        return None

    async def broken() -> str | None:
        return "it is broken"

    async def silent() -> str | None:
        await asyncio.Event().wait()
        return None

    for check, status, told in [
        (well, 200, "ok"),
        (broken, 503, "it is broken"),
        (silent, 503, "no answer within"),
    ]:
        response = await ready_with(check, Connections())
        assert response.status_code == status
        assert response.json()["checks"]["part"].startswith(told)


async def test_a_server_that_stops_is_not_ready() -> None:
    async def well() -> str | None:
        return None

    connections = Connections()
    await connections.drain()

    response = await ready_with(well, connections)

    assert response.status_code == 503
    assert response.json()["checks"]["shutdown"] == "the server is stopping"


async def test_metrics_count_operations(live_server: LiveServer, http: httpx.AsyncClient) -> None:
    async def count() -> float:
        text = (await http.get("/metrics")).text
        found = re.search(
            r'^workyard_graphql_operations_total\{outcome="data",type="query"\} (\S+)$', text, re.M
        )
        return float(found[1]) if found else 0

    before = await count()
    await live_server.execute("{ __typename }")

    assert await count() == before + 1


async def test_metrics_say_how_much_waits_and_for_whom(db: Database) -> None:
    await runner(queues=("mail",))
    await task(queue_name="mail", mtime=now() - timedelta(seconds=60))
    app = Starlette(routes=metrics_routes(TaskMetrics(), CollectorRegistry()))

    async with httpx.AsyncClient(
        verify=False, transport=httpx.ASGITransport(app), base_url="http://yard"
    ) as client:
        text = (await client.get("/metrics")).text

    found = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert found['workyard_tasks_queued{queue_name="mail"}'] == "1.0"
    assert found['workyard_tasks_delayed{queue_name="mail"}'] == "0.0"
    assert found['workyard_tasks_queue_runners{queue_name="mail"}'] == "1.0"
    assert float(found['workyard_tasks_oldest_ready_seconds{queue_name="mail"}']) == pytest.approx(60, abs=5)
    assert found['workyard_tasks_workers{version="1",version_matched="false"}'] == "1.0"


async def test_a_server_without_task_runners_is_ready_and_says_so(http: httpx.AsyncClient) -> None:
    ready = await http.get("/health/ready")

    assert ready.status_code == 200
    assert ready.json()["notes"] == {"tasks": "no task runner lives: tasks wait"}


async def test_the_schema_is_published_with_an_etag(http: httpx.AsyncClient) -> None:
    response = await http.get("/schema.graphql")
    again = await http.get("/schema.graphql", headers={"If-None-Match": response.headers["etag"]})

    assert build_schema(response.text).query_type is not None
    assert (again.status_code, again.text) == (304, "")


async def test_the_root_leads_to_graphiql(http: httpx.AsyncClient) -> None:
    response = await http.get("/")

    assert response.is_redirect
    assert response.headers["location"] == "/graphiql"


async def test_pages_of_other_origins_may_call_only_if_the_operator_says_so(http: httpx.AsyncClient) -> None:
    preflight = {
        "Origin": "https://front.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    closed = await http.options("/graphql", headers=preflight)
    app = create_app(Settings(allowed_origins=("https://front.example",)))
    async with httpx.AsyncClient(
        verify=False, transport=httpx.ASGITransport(app), base_url="http://test"
    ) as other:
        opened = await other.options("/graphql", headers=preflight)
        foreign = await other.options("/graphql", headers={**preflight, "Origin": "https://evil.example"})

    assert "access-control-allow-origin" not in closed.headers
    assert opened.headers["access-control-allow-origin"] == "https://front.example"
    assert "access-control-allow-credentials" not in opened.headers
    assert "access-control-allow-origin" not in foreign.headers


async def test_sigterm_tells_sockets_and_streams_to_come_back_and_ends_within_5_seconds(
    databases: Databases,
) -> None:
    async with start_server(databases) as server:
        key = await server.sign_in()
        headers = {"Authorization": f"Bearer {key}", "Accept": "text/event-stream"}
        async with (
            connect(server.websocket, subprotocols=[PROTOCOL]) as socket,
            httpx.AsyncClient(verify=False, timeout=30) as http,
            http.stream("POST", server.graphql, json={"query": FOLLOW}, headers=headers) as stream,
        ):
            await socket.send(json.dumps({"type": "connection_init", "payload": {"token": key}}))
            assert json.loads(await socket.recv()) == {"type": "connection_ack"}
            await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": {"query": FOLLOW}}))
            chunks = stream.aiter_text()
            assert await anext(chunks) == ":\n\n"

            server.process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(5):
                last = "".join([chunk async for chunk in chunks])
                with pytest.raises(ConnectionClosed) as closed:
                    await socket.recv()
                code = await server.process.wait()

    assert code == -signal.SIGTERM  # uvicorn raises the signal again once everything is closed
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (
        1012,
        "Service restart: reconnect from your cursor",
    )
    assert "Service restart: reconnect from your cursor" in last
    assert last.endswith("event: complete\ndata:\n\n")
