"""The trace of whoever sends goes with the message."""

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from app.models.tasks import TaskState
from app.tasks import decode, new_task, tracing
from tests.tasks.place import Place, place

__all__ = ["place"]


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(tracing, "_tracer", provider.get_tracer("tests"))
    return exporter


async def test_a_run_is_a_span_of_the_senders_trace_and_so_is_what_it_sends(
    place: Place, spans: InMemorySpanExporter
) -> None:
    async def second() -> None: ...

    async def first() -> None:
        sent.send()

    sent, actor = place.actor(second), place.actor(first)
    with tracing._tracer.start_as_current_span("request") as request:
        message = decode(new_task(actor.message(), broker=place.broker).message)
    outcome = await place.run(message)
    await place.run(decode(outcome.effects[0].message))

    own, first_run, second_run = spans.get_finished_spans()
    assert own.name == "request"
    assert first_run.name == f"{__name__}.first process" and first_run.kind is SpanKind.CONSUMER
    assert first_run.parent is not None and first_run.parent.span_id == request.get_span_context().span_id
    assert second_run.parent is not None and first_run.context is not None
    assert second_run.parent.span_id == first_run.context.span_id
    assert first_run.attributes is not None
    assert first_run.attributes["messaging.message.id"] == message.message_id


async def test_a_failed_run_is_a_failed_span_and_its_retry_is_in_the_same_trace(
    place: Place, spans: InMemorySpanExporter
) -> None:
    async def fails() -> None:
        raise RuntimeError("no")

    with tracing._tracer.start_as_current_span("request"):
        message = decode(new_task(place.actor(fails).message(), broker=place.broker).message)
    outcome = await place.run(message)
    await place.again(outcome)

    own, *runs = spans.get_finished_spans()
    assert outcome.state is TaskState.QUEUED
    assert [run.status.status_code for run in runs] == [StatusCode.ERROR] * 2
    assert {run.context.trace_id for run in runs if run.context} == {own.context.trace_id}


async def test_without_a_trace_nothing_is_carried(place: Place, spans: InMemorySpanExporter) -> None:
    async def runs() -> None:
        assert not trace.get_current_span().get_span_context().is_valid

    message = decode(new_task(place.actor(runs).message(), broker=place.broker).message)
    outcome = await place.run(message)

    assert message.options == {}
    assert outcome.state is TaskState.DONE
    assert spans.get_finished_spans() == ()
