"""Who runs tasks."""

from datetime import datetime
from typing import TYPE_CHECKING

from tortoise.expressions import Q

from app import __version__, models
from app.access import Viewer
from app.clock import now
from app.graphql.connections import Choice, ConnectionOf, ListOf, list_page, list_query, to_many
from app.graphql.entity import Node, computed, entity
from app.graphql.pages import page_of
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

    @computed("version")
    def version_matching(row: models.WorkerStatus) -> bool:
        """True when it runs the version of this server."""
        return row.version == __version__

    tasks: "Connection[Task]" = to_many(
        "The tasks that it has.",
        ConnectionOf(models.Task, "worker_id", TaskFilter, TaskOrder, only=models.Task.in_work),
    )


def that_live(alive: bool) -> Q:
    """Those that were seen lately; or the others."""
    recent = Q(last_seen__gt=now() - ALIVE_FOR)
    return recent if alive else ~recent


RUNNERS = ListOf(
    models.WorkerStatus,
    None,
    (("started_at", True), ("id", False)),
    MOST_RUNNERS,
    choices={
        "alive": Choice(
            bool,
            "True: only those seen within 30 seconds. False: only the others. Null: all.",
            that_live,
            default=True,
        )
    },
)


async def runners_of(viewer: Viewer, alive: bool | None) -> list[models.WorkerStatus]:
    """The task runners that the viewer sees."""
    return (await page_of(list_query(viewer, RUNNERS, {"alive": alive}), list_page(RUNNERS, {}))).nodes
