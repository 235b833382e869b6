"""Traces: a task's message carries the trace of whoever sent it, and its run is a span of that trace."""

from contextlib import AbstractContextManager
from typing import Any

from opentelemetry import trace
from opentelemetry.trace import ProxyTracerProvider, Span, SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from app.tasks.running import RunningTask

CARRIED = ("traceparent", "tracestate")

_format = TraceContextTextMapPropagator()
_tracer = trace.get_tracer("workyard.tasks")


def carried() -> dict[str, str] | None:
    """What a message must carry to belong to the trace of this code; None: it belongs to none."""
    if not trace.get_current_span().get_span_context().is_valid:
        return None
    carrier: dict[str, str] = {}
    _format.inject(carrier)
    return carrier


def recording() -> bool:
    """True when something collects spans."""
    return not isinstance(trace.get_tracer_provider(), ProxyTracerProvider)


def span_of(task: RunningTask, options: dict[str, Any]) -> AbstractContextManager[Span]:
    """The span round one run of a task, in the trace that its message carries."""
    context = _format.extract({name: options[name] for name in CARRIED if name in options})
    return _tracer.start_as_current_span(
        f"{task.actor_name} process",
        context=context,
        kind=SpanKind.CONSUMER,
        attributes={
            "messaging.system": "workyard",
            "messaging.operation.type": "process",
            "messaging.destination.name": task.queue_name,
            "messaging.message.id": str(task.message_id),
            "workyard.task.id": task.id,
            "workyard.task.attempt": task.attempt,
        },
    )
