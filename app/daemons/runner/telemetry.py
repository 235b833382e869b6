"""What a runner counts of the tasks that it runs, for Prometheus. Plain numbers until somebody asks: it is done per task."""

from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate

from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from app.models.tasks import TaskState

LABELS = ("queue_name", "actor_name")
MILLISECONDS = (
    1,
    2.5,
    5,
    10,
    25,
    50,
    100,
    250,
    500,
    1000,
    2500,
    5000,
    10_000,
    30_000,
    60_000,
    300_000,
    600_000,
)
BOUNDS = (*(f"{float(limit)}" for limit in MILLISECONDS), "+Inf")


class ActorFigures:
    """What is counted of one actor in one queue."""

    __slots__ = (
        "delayed",
        "durations",
        "ended",
        "errors",
        "in_progress",
        "milliseconds",
        "rejected",
        "retries",
    )

    def __init__(self) -> None:
        self.ended = self.errors = self.retries = self.rejected = self.in_progress = self.delayed = 0
        self.milliseconds = 0.0
        self.durations = [0] * (len(MILLISECONDS) + 1)

    def start(self, *, delayed: bool) -> None:
        """A runner begins to run a task; `delayed`: one that was to wait for a time."""
        self.in_progress += 1
        self.delayed += delayed

    def end(self, state: TaskState, seconds: float, *, delayed: bool, failed: bool) -> None:
        """It has ended so. `failed`: its actor raised an error."""
        milliseconds = seconds * 1000
        self.in_progress -= 1
        self.delayed -= delayed
        self.ended += 1
        self.errors += failed
        self.retries += failed and state is TaskState.QUEUED
        self.rejected += state is TaskState.REJECTED
        self.milliseconds += milliseconds
        self.durations[bisect_left(MILLISECONDS, milliseconds)] += 1


class TaskFigures(Collector):
    """What is counted of all actors that have run in this process."""

    def __init__(self) -> None:
        self._of: dict[tuple[str, str], ActorFigures] = {}

    def of(self, queue_name: str, actor_name: str) -> ActorFigures:
        """The figures of an actor in a queue."""
        key = (queue_name, actor_name)
        figures = self._of.get(key)
        if figures is None:
            figures = self._of[key] = ActorFigures()
        return figures

    def collect(self) -> Iterator[Metric]:
        """As Prometheus wants them. In whatever thread it asks."""
        found = list(self._of.items())
        yield from (_counter(name, text, field, found) for name, text, field in _COUNTERS)
        yield from (_gauge(name, text, field, found) for name, text, field in _GAUGES)
        duration = HistogramMetricFamily(
            "workyard_tasks_duration_milliseconds", "How long actors ran, by attempt.", labels=LABELS
        )
        for labels, figures in found:
            buckets = list(zip(BOUNDS, accumulate(figures.durations), strict=True))
            duration.add_metric(labels, buckets, figures.milliseconds)
        yield duration


Found = list[tuple[tuple[str, str], ActorFigures]]

_COUNTERS = (
    ("workyard_tasks", "Attempts that have ended.", "ended"),
    ("workyard_tasks_errors", "Attempts whose actor raised an error.", "errors"),
    ("workyard_tasks_retries", "Attempts after which the task is tried again.", "retries"),
    ("workyard_tasks_rejected", "Tasks that ended without having been done.", "rejected"),
)
_GAUGES = (
    ("workyard_tasks_in_progress", "Tasks whose actor runs now.", "in_progress"),
    (
        "workyard_tasks_delayed_in_progress",
        "Tasks whose actor runs now and that were to wait for a time.",
        "delayed",
    ),
)


def _counter(name: str, text: str, field: str, found: Found) -> Metric:
    family = CounterMetricFamily(name, text, labels=LABELS)
    for labels, figures in found:
        family.add_metric(labels, getattr(figures, field))
    return family


def _gauge(name: str, text: str, field: str, found: Found) -> Metric:
    family = GaugeMetricFamily(name, text, labels=LABELS)
    for labels, figures in found:
        family.add_metric(labels, getattr(figures, field))
    return family


def register(registry: CollectorRegistry = REGISTRY) -> TaskFigures:
    """Figures that /metrics shows."""
    figures = TaskFigures()
    registry.register(figures)
    return figures


FIGURES = register()
"""Of this process."""
