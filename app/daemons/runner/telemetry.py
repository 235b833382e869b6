"""What a runner counts of the tasks that it runs, for Prometheus. Plain numbers until somebody asks: it is done per task."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from itertools import accumulate
from time import monotonic
from typing import TYPE_CHECKING

from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from app.daemons.runner.held import Held
from app.models.tasks import TaskState
from app.tasks.outcomes import Outcome

if TYPE_CHECKING:
    from app.daemons.runner.runner import Runner

Labels = tuple[str, str]

DONE = TaskState.DONE
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

    __slots__ = ("durations", "ended", "errors", "milliseconds", "rejected", "retries")

    def __init__(self) -> None:
        self.ended = self.errors = self.retries = self.rejected = 0
        self.milliseconds = 0.0
        self.durations = [0] * (len(MILLISECONDS) + 1)

    def count(self, outcome: Outcome, seconds: float, *, cancelled: bool) -> None:
        """An attempt has ended, after so many seconds."""
        milliseconds = seconds * 1000
        self.ended += 1
        self.milliseconds += milliseconds
        self.durations[bisect_left(MILLISECONDS, milliseconds)] += 1
        if outcome.state is not DONE:
            retried = outcome.reason == "retry"
            rejected = outcome.state is TaskState.REJECTED
            self.retries += retried
            self.rejected += rejected
            self.errors += retried or (rejected and not cancelled)


class TaskFigures(Collector):
    """What is counted of all actors that have run in this process."""

    def __init__(self) -> None:
        self._of: dict[Labels, ActorFigures] = {}
        self._runners: list[Runner] = []

    def watch(self, runner: "Runner") -> None:
        """Count what this runner runs."""
        self._runners.append(runner)
        runner.observers.append(self._count)

    def unwatch(self, runner: "Runner") -> None:
        """Count no more of it."""
        if runner in self._runners:
            self._runners.remove(runner)
            runner.observers.remove(self._count)

    def _count(self, held: Held, outcome: Outcome) -> None:
        claimed = held.claimed
        key = (claimed.queue_name, claimed.actor_name)
        figures = self._of.get(key)
        if figures is None:
            figures = self._of[key] = ActorFigures()
        cancelled = held.task is not None and held.task.cancelled
        figures.count(outcome, monotonic() - held.started_at, cancelled=cancelled)

    def _in_progress(self, *, delayed: bool) -> Counter[Labels]:
        claimed = [held.claimed for runner in self._runners for held in runner.in_progress()]
        return Counter((each.queue_name, each.actor_name) for each in claimed if each.eta or not delayed)

    def collect(self) -> Iterator[Metric]:
        """As Prometheus wants them. In whatever thread it asks."""
        found = list(self._of.items())
        yield from (_counter(name, text, field, found) for name, text, field in _COUNTERS)
        yield _gauge(
            "workyard_tasks_in_progress", "Tasks that are run now.", self._in_progress(delayed=False)
        )
        yield _gauge(
            "workyard_tasks_delayed_in_progress",
            "Tasks that are run now and were to wait for a time.",
            self._in_progress(delayed=True),
        )
        duration = HistogramMetricFamily(
            "workyard_tasks_duration_milliseconds", "How long actors ran, by attempt.", labels=LABELS
        )
        for labels, figures in found:
            buckets = list(zip(BOUNDS, accumulate(figures.durations), strict=True))
            duration.add_metric(labels, buckets, figures.milliseconds)
        yield duration


_COUNTERS = (
    ("workyard_tasks", "Attempts that have ended.", "ended"),
    ("workyard_tasks_errors", "Attempts whose actor raised an error.", "errors"),
    ("workyard_tasks_retries", "Attempts after which the task is tried again.", "retries"),
    ("workyard_tasks_rejected", "Tasks that ended without having been done.", "rejected"),
)
Found = list[tuple[Labels, ActorFigures]]


def _counter(name: str, text: str, field: str, found: Found) -> Metric:
    family = CounterMetricFamily(name, text, labels=LABELS)
    for labels, figures in found:
        family.add_metric(labels, getattr(figures, field))
    return family


def _gauge(name: str, text: str, numbers: Counter[Labels]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=LABELS)
    for labels, number in numbers.items():
        family.add_metric(labels, number)
    return family


def register(registry: CollectorRegistry = REGISTRY) -> TaskFigures:
    """Figures that /metrics shows."""
    figures = TaskFigures()
    registry.register(figures)
    return figures


FIGURES = register()
"""Of this process."""
