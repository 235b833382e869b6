"""What the engine room counts. /metrics shows it."""

from functools import cache

from prometheus_client import Counter, Gauge, Histogram

OPERATIONS = Counter(
    "workyard_graphql_operations", "Operations executed, by type and by how they ended.", ["type", "outcome"]
)
SECONDS = Histogram(
    "workyard_graphql_operation_seconds",
    "Time from a request's arrival at the engine to its result; subscriptions are not in it.",
    ["type"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
REFUSED = Counter(
    "workyard_graphql_refused", "Requests that were refused, by the code of their error.", ["code"]
)
DOCUMENTS_FOUND = Counter("workyard_graphql_documents_found", "Requests whose document was prepared already.")
DOCUMENTS_PREPARED = Counter(
    "workyard_graphql_documents_prepared", "Documents parsed, measured and validated."
)
COMPILED_FIELDS = Counter(
    "workyard_graphql_compiled_fields", "Root fields of queries that a compiled read answered."
)
DECLINED_FIELDS = Counter(
    "workyard_graphql_declined_fields",
    "Root fields of queries beside compiled ones that ran in the executor.",
)
COMPILED_PAYLOADS = Counter(
    "workyard_graphql_compiled_payloads",
    "Rows in payloads of mutations and subscriptions that a compiled read answered.",
)
SOCKETS = Gauge("workyard_graphql_sockets", "Open WebSockets.")
STREAMS = Gauge("workyard_graphql_streams", "Open streams over HTTP.", ["transport"])
SUBSCRIPTIONS = Gauge("workyard_graphql_subscriptions", "Running subscriptions, on all transports.")
EVENTS_SENT = Counter("workyard_graphql_events_sent", "Subscription events handed to subscribers.")
EVENTS_RENDERED = Counter(
    "workyard_graphql_events_rendered", "Subscription events rendered; equal ones are rendered once for all."
)


@cache
def _operations(type: str, outcome: str) -> Counter:
    return OPERATIONS.labels(type, outcome)


@cache
def _seconds(type: str) -> Histogram:
    return SECONDS.labels(type)


def count_operation(type: str, outcome: str, seconds: float) -> None:
    """An operation ended. (Looking up labels costs more than counting, so that is done once.)"""
    _operations(type, outcome).inc()
    _seconds(type).observe(seconds)
