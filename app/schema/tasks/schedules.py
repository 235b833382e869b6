"""What sends tasks by itself."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from app import models
from app.graphql.entity import Node, batched, computed, entity, in_sql, to_one
from app.graphql.scalars import JSON
from app.schema.tasks.actors import actor_description
from app.schema.tasks.filters import tasks_of
from app.schema.tasks.rel_obj import RelObj, rel_objs_of

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

    @computed("actor_name")
    def description(row: models.Schedule) -> str | None:
        """What its actor does; null when no module of this server declares it."""
        return actor_description(row.actor_name)

    @computed("actor_name", "_uid")
    def uid(row: models.Schedule) -> str:
        """The actor's name, and after a colon the label if there is one."""
        return row.uid

    @batched("rel_obj_content_type_id", "rel_obj_id")
    async def rel_obj(rows: Sequence[models.Schedule]) -> Mapping[int, RelObj | None]:
        """The object that it belongs to."""
        return await rel_objs_of(rows)

    last_task_status: models.TaskStatus | None = in_sql(
        "The status of the last task that it sent; null when there is none.",
        """(SELECT aggregated_status FROM task WHERE rel_obj_id = {row}.id::text AND rel_obj_content_type_id =
            (SELECT id FROM content_type WHERE app_label = 'tasks' AND model = 'schedule')
            ORDER BY task.id DESC LIMIT 1)""",
        models.TaskStatus,
    )
    tasks: "Connection[Task]" = tasks_of("tasks", "schedule")
