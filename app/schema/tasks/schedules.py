"""What sends tasks by itself."""

from datetime import datetime
from typing import TYPE_CHECKING

import strawberry

from app import models
from app.context import Info
from app.database import fetch
from app.graphql.entity import Node, computed, entity, named, to_one
from app.graphql.scalars import JSON
from app.schema.tasks.actors import actor_description
from app.schema.tasks.filters import tasks_of
from app.schema.tasks.rel_obj import RelObj, rel_obj_of

if TYPE_CHECKING:
    from app.graphql.connections import Connection
    from app.schema.accounts import Tenant
    from app.schema.tasks.tasks import Task


@entity(models.Schedule)
class Schedule(Node):
    """When an actor is sent by itself, again and again."""

    actor_name: str
    args: JSON
    kwargs: JSON
    options: JSON
    crontab: str
    paused: bool
    next_run: datetime
    identifier: str | None
    declared_crontab: str | None
    created_at: datetime
    version: int
    tenant: "Tenant | None" = to_one("The organisation that it belongs to.")
    description: str | None = named(
        "str | None",
        "What its actor does; null when no module of this server declares it.",
        actor_description,
    )

    @computed("actor_name", "_uid")
    def uid(row: models.Schedule) -> str:
        """The actor's name, and after a colon the label if there is one."""
        return row.uid

    rel_obj: RelObj | None = named("RelObj | None", "The object that it belongs to.", rel_obj_of)

    @strawberry.field(description="The status of the last task that it sent; null when there is none.")
    @staticmethod
    async def last_task_status(
        row: strawberry.Parent[models.Schedule], info: Info
    ) -> models.TaskStatus | None:
        async def load(ids: list[int]) -> list[models.TaskStatus | None]:
            rows = await fetch(_LAST_STATUS, [str(id) for id in ids])
            found = {int(each["id"]): models.TaskStatus(each["aggregated_status"]) for each in rows}
            return [found.get(id) for id in ids]

        status: models.TaskStatus | None = await info.context.loader("last task status", load).load(row.id)
        return status

    tasks: "Connection[Task]" = tasks_of("tasks", "schedule")


_LAST_STATUS = """
SELECT schedule.id, last.aggregated_status FROM unnest($1::text[]) AS schedule(id) CROSS JOIN LATERAL (
    SELECT aggregated_status FROM task WHERE rel_obj_id = schedule.id
        AND rel_obj_content_type_id = (SELECT id FROM content_type WHERE app_label = 'tasks' AND model = 'schedule')
    ORDER BY task.id DESC LIMIT 1) AS last"""
