"""Who runs tasks."""

from datetime import datetime
from typing import TYPE_CHECKING

import strawberry
from tortoise.expressions import Q

from app import __version__, models
from app.access import Viewer
from app.clock import now
from app.graphql.connections import ConnectionOf, to_many
from app.graphql.entity import Node, computed, entity
from app.models.tasks import ALIVE_FOR
from app.schema.tasks.filters import TaskFilter, TaskOrder

if TYPE_CHECKING:
    from app.graphql.connections import Connection
    from app.schema.tasks.tasks import Task

MOST_RUNNERS = 1000


@entity(models.WorkerStatus)
class WorkerStatus(Node):
    """A process that runs tasks: a task runner. Not to be confused with Worker, which runs work requests."""

    hostname: str
    version: str
    last_seen: datetime
    started_at: datetime
    pid: int
    queues: list[str]
    concurrency: int
    running: int
    stopping: bool

    @computed("last_seen")
    def alive(row: models.WorkerStatus) -> bool:
        """True when it was seen within 30 seconds."""
        return row.alive

    @strawberry.field(description="True when it runs the version of this server.")
    @staticmethod
    def version_matching(row: strawberry.Parent[models.WorkerStatus]) -> bool:
        return row.version == __version__

    tasks: "Connection[Task]" = to_many(
        "The tasks that it has.",
        ConnectionOf(models.Task, "worker_id", TaskFilter, TaskOrder, only=models.Task.in_work),
    )


async def runners_of(viewer: Viewer, alive: bool | None) -> list[models.WorkerStatus]:
    """The task runners that the viewer sees."""
    seen = models.WorkerStatus.visible_to(viewer)
    if alive is not None:
        recent = Q(last_seen__gt=now() - ALIVE_FOR)
        seen = seen.filter(recent if alive else ~recent)
    return await seen.order_by("-started_at", "id").limit(MOST_RUNNERS)
