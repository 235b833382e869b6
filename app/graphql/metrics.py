"""What the engine room counts. /metrics shows it."""

from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate

from prometheus_client import REGISTRY, Counter, Gauge
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector


class Count(Collector):
    """A counter that only the event loop's thread counts with: prometheus_client's own takes a lock each time."""

    def __init__(self, name: str, description: str) -> None:
        self._name, self._description = name, description
        self._value = 0
        REGISTRY.register(self)

    def inc(self, by: int = 1) -> None:
        """Count so many more."""
        self._value += by

    def collect(self) -> Iterator[Metric]:
        yield CounterMetricFamily(self._name, self._description, value=self._value)


class Operations(Collector):
    """How many operations were executed, by type and outcome, and how long they took, by type."""

    LIMITS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, str], int] = {}
        self._within: dict[str, list[int]] = {}
        self._seconds: dict[str, float] = {}
        REGISTRY.register(self)

    def count(self, type: str, outcome: str, seconds: float) -> None:
        """One ended."""
        self._numbers[type, outcome] = self._numbers.get((type, outcome), 0) + 1
        within = self._within.get(type)
        if within is None:
            within = self._within[type] = [0] * (len(self.LIMITS) + 1)
        within[bisect_left(self.LIMITS, seconds)] += 1
        self._seconds[type] = self._seconds.get(type, 0.0) + seconds

    def collect(self) -> Iterator[Metric]:
        numbers = CounterMetricFamily(
            "workyard_graphql_operations",
            "Operations executed, by type and by how they ended.",
            labels=("type", "outcome"),
        )
        for labels, number in self._numbers.items():
            numbers.add_metric(labels, number)
        yield numbers
        times = HistogramMetricFamily(
            "workyard_graphql_operation_seconds",
            "Time from a request's arrival at the engine to its result; subscriptions are not in it.",
            labels=("type",),
        )
        limits = [*map(str, self.LIMITS), "+Inf"]
        for type, within in self._within.items():
            times.add_metric((type,), list(zip(limits, accumulate(within), strict=True)), self._seconds[type])
        yield times


OPERATIONS = Operations()
REFUSED = Counter(
    "workyard_graphql_refused", "Requests that were refused, by the code of their error.", ["code"]
)
DOCUMENTS_FOUND = Count("workyard_graphql_documents_found", "Requests whose document was prepared already.")
DOCUMENTS_PREPARED = Count("workyard_graphql_documents_prepared", "Documents parsed, measured and validated.")
COMPILED_FIELDS = Count(
    "workyard_graphql_compiled_fields", "Root fields of queries that a compiled read answered."
)
DECLINED_FIELDS = Count(
    "workyard_graphql_declined_fields",
    "Root fields of queries beside compiled ones that ran in the executor.",
)
COMPILED_PAYLOADS = Count(
    "workyard_graphql_compiled_payloads",
    "Rows in payloads of mutations and subscriptions that a compiled read answered.",
)
SOCKETS = Gauge("workyard_graphql_sockets", "Open WebSockets.")
STREAMS = Gauge("workyard_graphql_streams", "Open streams over HTTP.", ["transport"])
SUBSCRIPTIONS = Gauge("workyard_graphql_subscriptions", "Running subscriptions, on all transports.")
EVENTS_SENT = Count("workyard_graphql_events_sent", "Subscription events handed to subscribers.")
EVENTS_RENDERED = Count(
    "workyard_graphql_events_rendered", "Subscription events rendered; equal ones are rendered once for all."
)


def count_operation(type: str, outcome: str, seconds: float) -> None:
    """An operation ended."""
    OPERATIONS.count(type, outcome, seconds)
