"""A trace goes from a client through the server into the runner."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.util._once import Once

from app.database import Database
from app.settings import SettingsError
from app.tracing import configure_tracing, tracing
from tests.api import Api
from tests.cast import Cast
from tests.machine import until
from tests.tasks_yard import start_runner

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE}-{PARENT}-01"
SEND = """mutation Send {
  enqueueTask(input: {actorName: "tests.task_actors.noop", args: [7]}) { task { id } userErrors { message } }
}"""

exporter = InMemorySpanExporter()
provider = TracerProvider(shutdown_on_exit=False)
provider.add_span_processor(SimpleSpanProcessor(exporter))


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    """What is collected, for this test alone: a process has one provider for ever, unless one looks inside."""
    trace.set_tracer_provider(provider)
    yield exporter
    trace._TRACER_PROVIDER, trace._TRACER_PROVIDER_SET_ONCE = None, Once()
    exporter.clear()


def ids(span: ReadableSpan) -> tuple[str, str]:
    """The trace, and the span that this one is within."""
    assert span.context
    return f"{span.context.trace_id:032x}", f"{span.parent.span_id:016x}" if span.parent else ""


async def post(api: Api, cast: Cast, **more: Any) -> dict[str, Any]:
    """Send a task over HTTP as staff."""
    transport = httpx.ASGITransport(api.server.app)
    headers = {"Authorization": f"Bearer {cast.sam.key}", **more.pop("headers", {})}
    async with httpx.AsyncClient(verify=False, transport=transport, base_url="http://yard") as client:
        response = await client.post("/graphql", json={"query": SEND, **more}, headers=headers)
    body: dict[str, Any] = response.json()
    assert body["data"]["enqueueTask"]["userErrors"] == []
    return body


async def test_a_task_runs_in_the_trace_of_the_client_that_had_it_sent(
    db: Database, api: Api, cast: Cast, spans: InMemorySpanExporter
) -> None:
    async with start_runner(db):
        await post(api, cast, headers={"traceparent": TRACEPARENT})
        await until(lambda: len(spans.get_finished_spans()) == 2)

    operation, run = spans.get_finished_spans()
    assert operation.name == "mutation Send"
    assert ids(operation) == (TRACE, PARENT)
    assert operation.context
    assert ids(run) == (TRACE, f"{operation.context.span_id:016x}")
    assert run.name.startswith("tests.task_actors.noop")


async def test_a_client_that_can_set_no_header_names_its_trace_in_extensions(
    api: Api, cast: Cast, spans: InMemorySpanExporter
) -> None:
    await post(api, cast, extensions={"traceparent": TRACEPARENT})

    [operation] = spans.get_finished_spans()
    assert ids(operation) == (TRACE, PARENT)


async def test_a_client_without_a_trace_begins_one(api: Api, cast: Cast, spans: InMemorySpanExporter) -> None:
    await post(api, cast, headers={"traceparent": "nonsense"})

    [operation] = spans.get_finished_spans()
    assert ids(operation)[1] == ""


async def test_a_subscription_has_a_span_for_its_beginning(
    api: Api, cast: Cast, spans: InMemorySpanExporter
) -> None:
    async with api.subscribe(cast.sam, "subscription Watch { taskUpdated { cursor } }"):
        [operation] = spans.get_finished_spans()

    assert operation.name == "subscription Watch"


async def test_what_can_be_put_off_is_in_a_span_too(
    api: Api, cast: Cast, spans: InMemorySpanExporter
) -> None:
    query = "query Look { viewer { user { username } } ... @defer { taskQueues { name } } }"
    transport = httpx.ASGITransport(api.server.app)
    headers = {
        "Authorization": f"Bearer {cast.sam.key}",
        "Accept": "multipart/mixed",
        "traceparent": TRACEPARENT,
    }
    async with httpx.AsyncClient(verify=False, transport=transport, base_url="http://yard") as client:
        response = await client.post("/graphql", json={"query": query}, headers=headers)

    [operation] = spans.get_finished_spans()
    assert response.headers["content-type"].startswith("multipart/mixed")
    assert ids(operation) == (TRACE, PARENT)


async def test_nothing_is_traced_that_nobody_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)

    configure_tracing("server")

    assert not tracing()


async def test_an_exporter_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "zipkin")

    with pytest.raises(SettingsError, match="no exporter of traces called 'zipkin'"):
        configure_tracing("server")

    assert not tracing()
