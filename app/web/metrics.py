"""/metrics: what the process counts, for Prometheus."""

from collections.abc import Iterator

from prometheus_client import REGISTRY, CollectorRegistry, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from app.web.task_metrics import TaskMetrics


class _Together(Collector):
    """Several collectors as one."""

    def __init__(self, *collectors: Collector) -> None:
        self._collectors = collectors

    def collect(self) -> Iterator[Metric]:
        for collector in self._collectors:
            yield from collector.collect()


def metrics_routes(tasks: TaskMetrics, registry: CollectorRegistry = REGISTRY) -> list[BaseRoute]:
    """Everything in the registry, and what there is of tasks just now, in the format that the client accepts."""
    both = _Together(registry, tasks)

    async def metrics(request: Request) -> Response:
        await tasks.count()
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(both), headers={"Content-Type": content_type, "Cache-Control": "no-store"})

    return [Route("/metrics", metrics)]
