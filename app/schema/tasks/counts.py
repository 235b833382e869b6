"""How much there is."""

from typing import Any

import strawberry
from tortoise.expressions import Q
from tortoise.queryset import QuerySet

from app import models
from app.access import Viewer
from app.database import fetch


@strawberry.type(description="How many tasks there are of each status, of what you may see.")
class TaskStatusSummary:
    """Counts, zeros included."""

    queued: int = strawberry.field(default=0, description="Tasks that wait for a runner.")
    consumed: int = strawberry.field(default=0, description="Tasks that a runner has taken.")
    preprocess: int = strawberry.field(default=0, description="Tasks that a runner prepares.")
    running: int = strawberry.field(default=0, description="Tasks whose actor runs.")
    postprocess: int = strawberry.field(default=0, description="Tasks that a runner concludes.")
    rejected: int = strawberry.field(default=0, description="Tasks that ended without having been done.")
    done: int = strawberry.field(default=0, description="Tasks that are done and logged nothing.")
    info: int = strawberry.field(default=0, description="Tasks that are done and logged information.")
    warning: int = strawberry.field(default=0, description="Tasks that are done with a warning.")
    error: int = strawberry.field(default=0, description="Tasks that are done though an error was logged.")
    total: int = strawberry.field(default=0, description="All of them.")


async def summary_of(viewer: Viewer, filter: Any) -> TaskStatusSummary:
    """The counts of what the viewer sees and the filter lets through. One statement."""
    visible = models.Task.visible_to(viewer).filter(Q() if filter is None else filter.to_q(viewer))
    sql, values = sql_of(visible.only("aggregated_status"))
    rows = await fetch(
        f"SELECT aggregated_status AS status, count(*) AS number FROM ({sql}) AS task GROUP BY 1", *values
    )
    counts = {row["status"]: row["number"] for row in rows}
    return TaskStatusSummary(**counts, total=sum(counts.values()))


@strawberry.type(description="A queue of tasks just now, of what you may see.")
class TaskQueue:
    """One queue."""

    name: str = strawberry.field(description="Its name.")
    depth: int = strawberry.field(description="Tasks that a runner may take now.")
    delayed: int = strawberry.field(description="Tasks that wait for their time.")
    running: int = strawberry.field(description="Tasks that a runner has.")
    oldest_age: float | None = strawberry.field(
        description="For how many seconds the oldest of those that may be taken has waited; null: there is none."
    )
    rate: float = strawberry.field(
        description="Tasks that ended per second, over the last ten seconds, of those that write events."
    )


def sql_of(query: QuerySet[Any]) -> tuple[str, list[Any]]:
    """A query as SQL, to count or group its rows in a statement of one's own."""
    query._make_query()
    sql, values = query.query.get_parameterized_sql()
    return sql, values
