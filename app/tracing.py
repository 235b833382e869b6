"""OpenTelemetry: traces for whoever asks for them by the standard OTEL_* variables. Nothing is collected otherwise.

A GraphQL operation is a span, in the trace of the client if it sent a `traceparent`; what it sends to task runners carries
that on (see `app.tasks.tracing`).
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import EntryPoint, entry_points

from opentelemetry import trace
from opentelemetry.trace import ProxyTracerProvider, Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from app import __version__
from app.settings import SettingsError

CARRIERS = ("traceparent", "tracestate")
ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
OTLP = {"http/protobuf": "otlp_proto_http", "grpc": "otlp_proto_grpc"}
GROUP = "opentelemetry_traces_exporter"

_NAMED = "OTEL_PYTHON_TRACER_PROVIDER" in os.environ
_format = TraceContextTextMapPropagator()
_tracer = trace.get_tracer("workyard.graphql", __version__)


def configure_tracing(part: str) -> None:
    """Send spans where OTEL_TRACES_EXPORTER or OTEL_EXPORTER_OTLP_ENDPOINT say; do nothing when neither is set.

    The service is `workyard`, or what OTEL_SERVICE_NAME says; `part` becomes `workyard.part`. Raises `SettingsError`
    when the exporter is not installed.
    """
    exporters = [_load(name) for name in _wanted(os.environ)]
    if not exporters:
        return
    from opentelemetry.sdk.resources import Resource  # takes a tenth of a second, which few want to spend
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    attributes = {"service.version": __version__, "workyard.part": part}
    if not os.environ.get("OTEL_SERVICE_NAME"):
        attributes["service.name"] = "workyard"
    provider = TracerProvider(resource=Resource.create(attributes))
    for exporter in exporters:
        provider.add_span_processor(BatchSpanProcessor(exporter.load()()))
    trace.set_tracer_provider(provider)


def tracing() -> bool:
    """True when spans are collected."""
    if trace._TRACER_PROVIDER is None and not _NAMED:
        return False  # what get_tracer_provider() finds out more slowly, for each request
    return not isinstance(trace.get_tracer_provider(), ProxyTracerProvider)


@contextmanager
def operation_span(kind: str, name: str | None, carrier: Mapping[str, str]) -> Iterator[Span]:
    """The span round an operation: a child of the one that `carrier` names, if it names one."""
    attributes = {"graphql.operation.type": kind} | ({"graphql.operation.name": name} if name else {})
    with _tracer.start_as_current_span(
        f"{kind} {name}" if name else kind,
        context=_format.extract(carrier) if carrier else None,
        kind=SpanKind.SERVER,
        attributes=attributes,
    ) as span:
        yield span


def mark_failed(span: Span, why: str) -> None:
    """The operation ended with errors."""
    span.set_status(Status(StatusCode.ERROR, why))


def _wanted(environment: Mapping[str, str]) -> list[str]:
    """The names of the exporters that are asked for, as entry points have them."""
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return []
    named = environment.get("OTEL_TRACES_EXPORTER", "").strip()
    if not named:
        named = "otlp" if any(environment.get(name) for name in ENDPOINTS) else "none"
    protocol = environment.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") or environment.get(
        "OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"
    )
    words = [word.strip() for word in named.split(",")]
    return [OTLP.get(protocol, protocol) if word == "otlp" else word for word in words if word != "none"]


def _load(name: str) -> EntryPoint:
    for found in entry_points(group=GROUP, name=name):
        return found
    package = {
        "otlp_proto_http": "opentelemetry-exporter-otlp-proto-http",
        "otlp_proto_grpc": "opentelemetry-exporter-otlp-proto-grpc",
    }.get(name)
    what = f"install {package}" if package else "install the package that has it, or set OTEL_TRACES_EXPORTER"
    raise SettingsError(f"there is no exporter of traces called {name!r} here: {what}")
