"""What /metrics says of tasks: how much waits, for how long, and who is there to run it. The runners say what they ran."""

import asyncio
from collections.abc import Iterator
from time import monotonic

import structlog
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from app import __version__
from app.actions.tasks.counting import QueueCount, count_queues, count_runners

GOOD_FOR = 5.0
"""Seconds for which numbers are given out again: counting a long queue is work."""

log = structlog.get_logger(__name__)


class TaskMetrics(Collector):
    """Of the whole installation, so every server says the same."""

    def __init__(self) -> None:
        self._queues: list[QueueCount] = []
        self._runners: dict[str, int] = {}
        self._counted_at: float | None = None
        self._counting = asyncio.Lock()

    async def count(self) -> None:
        """Count anew, unless that was done just now. What cannot be counted is left out, so that no old number is believed."""
        async with self._counting:
            if self._counted_at is not None and monotonic() - self._counted_at < GOOD_FOR:
                return
            try:
                self._queues, self._runners = await count_queues(), await count_runners()
                self._counted_at = monotonic()
            except Exception as error:  # the other metrics are wanted all the more
                log.warning("could not count the tasks", error=repr(error))
                self._queues, self._runners, self._counted_at = [], {}, None

    def collect(self) -> Iterator[Metric]:
        """As Prometheus wants them."""
        for name, text, field in _GAUGES:
            family = GaugeMetricFamily(name, text, labels=["queue_name"])
            for queue in self._queues:
                family.add_metric([queue.name], getattr(queue, field))
            yield family
        runners = GaugeMetricFamily(
            "workyard_tasks_workers", "Living task runners.", labels=["version", "version_matched"]
        )
        for version, number in self._runners.items():
            runners.add_metric([version, "true" if version == __version__ else "false"], number)
        yield runners


_GAUGES = (
    ("workyard_tasks_queued", "Tasks that a runner may take now.", "ready"),
    ("workyard_tasks_delayed", "Tasks that wait for their time.", "delayed"),
    ("workyard_tasks_oldest_ready_seconds", "How long the next task has waited.", "oldest_seconds"),
    ("workyard_tasks_queue_runners", "Living task runners that serve the queue.", "runners"),
)
