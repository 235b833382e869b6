"""Tasks: sent, watched, tried again, stopped; what sends them by itself, and who runs them."""

from datetime import datetime, timedelta
from typing import Annotated, Any, cast

import strawberry
from tortoise.expressions import Q, RawSQL

from app import models
from app.access import Capability, Viewer
from app.actions.tasks import schedules, submitting, verbs
from app.context import Info
from app.database import fetch
from app.graphql.connections import ConnectionOf, connection, whole
from app.graphql.entity import named
from app.graphql.ids import maybe_row_id, row_id
from app.graphql.mutations import Payload, argument, changed, mutation
from app.graphql.roots import one_by_id, told
from app.graphql.scalars import JSON
from app.models import Entity
from app.schema.tasks import (
    OWNERS,
    RUNNERS,
    Actor,
    ScheduleFilter,
    ScheduleOrder,
    TaskFilter,
    TaskOrder,
    TaskQueue,
    TaskStatusSummary,
    is_remote,
    owner_of,
    sql_of,
    summary_of,
)
from app.tasks.broker import broker

MOST_QUEUES = 1000
RATE_SECONDS = 10
RATE_EVENTS = 20_000
"""The rate of a queue is over so many seconds, and at most over so many events of the log."""


@strawberry.type
class Query:
    """Tasks, their schedules, and their runners."""

    task = one_by_id(
        "Task",
        models.Task,
        "The task; null when it is absent or you may not see it.",
    )

    tasks = connection(
        "Task",
        "The tasks that you may see, the newest first unless ordered otherwise.",
        ConnectionOf(models.Task, filters=TaskFilter, orders=TaskOrder, default_order=(("id", True),)),
    )

    @told("How many tasks there are of each status, of what you may see.")
    async def task_status_summary(
        viewer: Viewer,
        filter: Annotated[
            TaskFilter | None, strawberry.argument(description="Count only tasks that satisfy this.")
        ] = None,
    ) -> TaskStatusSummary:
        return await summary_of(viewer, filter)

    @told(
        "The queues by name, with what is in them just now, of what you may see; for staff, the empty ones that "
        "actors name too."
    )
    async def task_queues(viewer: Viewer) -> list[TaskQueue]:
        return await queues_of(viewer)

    @told(
        "The actors that this server knows, by name: all of them for staff, for others those that enqueueTask "
        "may send tasks to."
    )
    async def actors(viewer: Viewer) -> list[Actor]:
        if viewer.user_id is None and not viewer.system:
            return []
        everything = viewer.can(Capability.VIEW_SYSTEM_INFO)
        found = sorted(broker.actors.values(), key=lambda actor: str(actor.actor_name))
        return [Actor.of(actor) for actor in found if everything or is_remote(actor)]

    worker_statuses = whole(
        "WorkerStatus", "The task runners, the one that started last first: shown to staff.", RUNNERS
    )

    schedule = one_by_id(
        "Schedule",
        models.Schedule,
        "The schedule; null when it is absent or you may not see it.",
    )

    schedules = connection(
        "Schedule",
        "The schedules, shown to staff: what is sent next first, unless ordered otherwise.",
        ConnectionOf(
            models.Schedule,
            filters=ScheduleFilter,
            orders=ScheduleOrder,
            default_order=(("next_run", False),),
        ),
    )


async def queues_of(viewer: Viewer) -> list[TaskQueue]:
    """The queues, with what the viewer sees of them."""
    visible = models.Task.visible_to(viewer).filter(id__in=RawSQL(_WAITING_OR_HELD))
    sql, values = sql_of(visible.only("queue_name", "ready", "worker_id", "mtime", "eta", "delayed_until"))
    rows = await fetch(
        f"""SELECT queue_name AS name, count(*) FILTER (WHERE ready) AS depth,
                count(delayed_until) AS delayed, count(worker_id) AS running,
                extract(epoch FROM now() - min(greatest(mtime, eta)) FILTER (WHERE ready))::float8 AS oldest_age
            FROM ({sql}) AS task GROUP BY 1 ORDER BY 1 LIMIT {MOST_QUEUES}""",
        *values,
    )
    rates = await _rates(viewer)
    queues = {row["name"]: TaskQueue(**row, rate=rates.get(row["name"], 0.0)) for row in rows}
    others = {*rates, *(broker.get_declared_queues() if viewer.can(Capability.VIEW_SYSTEM_INFO) else ())}
    for name in others - queues.keys():
        queues[name] = TaskQueue(
            name=name, depth=0, delayed=0, running=0, oldest_age=None, rate=rates.get(name, 0.0)
        )
    return [queues[name] for name in sorted(queues)]


# By what waits, what is delayed, and what runners have, not among all tasks that there are.
_WAITING_OR_HELD = """(SELECT task_id FROM task_waiting
    UNION ALL SELECT id FROM task WHERE delayed_until IS NOT NULL
    UNION ALL SELECT id FROM task WHERE held_on IS NOT NULL
    UNION ALL SELECT id FROM task WHERE id IN (SELECT unnest(task_ids) FROM task_claim) AND worker_id IS NOT NULL)"""


async def _rates(viewer: Viewer) -> dict[str, float]:
    """Ends per second by queue, from the end of the event log: the tasks themselves are in no such order."""
    visible = models.OutboxEvent.visible_to(viewer).filter(event_type__in=["task.done", "task.rejected"])
    sql, values = sql_of(visible.only("xid", "seq"))
    rows = await fetch(
        f"""WITH latest AS (
                SELECT xid, seq, event_type, data->>'queue_name' AS queue_name, created_at FROM outbox_event
                ORDER BY xid DESC, seq DESC LIMIT {RATE_EVENTS})
            SELECT queue_name, count(*) / greatest(0.1, least({RATE_SECONDS}, extract(epoch FROM
                now() - (SELECT min(created_at) FROM latest))))::float8 AS rate
            FROM latest WHERE event_type IN ('task.done', 'task.rejected') AND (xid, seq) IN ({sql})
                AND created_at > now() - interval '{RATE_SECONDS} seconds' GROUP BY 1""",
        *values,
    )
    return {row["queue_name"]: row["rate"] for row in rows}


# Mutations -----------------------------------------------------------------------------------------------------------


@strawberry.input(description="A task to be sent to an actor.")
class NewTaskInput:
    """For enqueueTask and enqueueTasks."""

    actor_name: str = argument("The actor: one of `actors` that is remote.")
    args: JSON | None = argument("Its positional arguments, a list; null: none.", None)
    kwargs: JSON | None = argument(
        "Its named arguments, an object; null: none. With args and all else at most 256 KiB.", None
    )
    queue_name: str | None = argument("The queue; null: the actor's.", None)
    delay: timedelta | None = argument(
        "Not run before so long from now, at most 366 days; or say `eta`.", None
    )
    eta: datetime | None = argument("Not run before this time, at most 366 days ahead.", None)
    priority: int | None = argument(
        "From -1000 to 1000, the lowest number runs first; null: the actor's.", None
    )
    uid: str | None = argument("A label of your choice, at most 255 characters: see Task.uid.", None)
    unique_key: str | None = argument(
        "While a task of this actor and queue with this key is unfinished, another with it is absorbed by it. At most 200 "
        "characters.",
        None,
    )
    rel_obj: strawberry.ID | None = argument(
        "The object that it belongs to, with which it is deleted: a WorkRequest, Worker, Workspace, Schedule, User, Team or "
        "Tenant.",
        None,
    )
    workspace: strawberry.ID | None = argument(
        "The workspace whose members may see it; null: that of `relObj`, or none, which is for staff.", None
    )


@strawberry.input(description="One task to be sent.")
class EnqueueTaskInput(NewTaskInput):
    """For enqueueTask."""

    idempotency_key: str | None = argument("A key of your choice: sent twice, it makes one task.", None)


@strawberry.input(description="Tasks to be sent.")
class EnqueueTasksInput:
    """For enqueueTasks."""

    tasks: list[NewTaskInput] = argument("The tasks, from 1 to 1,000.")
    idempotency_key: str | None = argument(
        "A key of your choice: sent twice, it makes these tasks once.", None
    )


@strawberry.input(description="Which task to try again.")
class RetryTaskInput:
    """For retryTask."""

    id: strawberry.ID = argument("The task, which was rejected.")
    reset_retries: bool = argument(
        "True: its retries count anew. False: a task that has used them up gets a single attempt.", True
    )


@strawberry.input(description="Which tasks to try again.")
class RetryTasksInput:
    """For retryTasks."""

    filter: TaskFilter = argument("Which: of these, those that were rejected and that you may try again.")
    limit: int = argument("So many at most, the oldest first, from 1 to 1,000.", 1000)


@strawberry.input(description="Which task to stop.")
class CancelTaskInput:
    """For cancelTask."""

    id: strawberry.ID = argument("The task, which has not ended.")


@strawberry.input(description="Which tasks to remove.")
class PurgeTasksInput:
    """For purgeTasks."""

    filter: TaskFilter = argument("Which: of these, those that have ended.")
    older_than: timedelta = argument("Only those that ended longer ago than this.")
    limit: int = argument("So many at most, the oldest first, from 1 to 1,000.", 1000)


@strawberry.input(description="When a schedule is to be sent.")
class UpdateScheduleInput:
    """For updateSchedule."""

    id: strawberry.ID = argument("The schedule.")
    crontab: str | None = argument(
        "When, in UTC: minute, hour, day of month, month, day of week, and seconds if wanted. Null: as before.",
        None,
    )
    paused: bool | None = argument(
        "True: only by hand. False: by itself, and once at once if it was paused. Null: as before.", None
    )
    if_version: int | None = argument("Refuse unless it still has this version.", None)


@strawberry.input(description="Which schedule to send now.")
class SendScheduleInput:
    """For sendSchedule."""

    id: strawberry.ID = argument("The schedule.")
    idempotency_key: str | None = argument("A key of your choice: sent twice, it makes one task.", None)


@strawberry.type(description="What mutations of one task answer.")
class TaskPayload(Payload):
    """A task."""

    task: models.Task | None = changed("Task", "The task as it is now.")


@strawberry.type(description="What enqueueTask answers.")
class EnqueueTaskPayload(TaskPayload):
    """A task that was sent."""

    absorbed: bool | None = strawberry.field(
        default=None, description="True: an unfinished task with its key was there, and is meant."
    )


@strawberry.type(description="What enqueueTasks answers.")
class EnqueueTasksPayload(Payload):
    """Tasks that were sent."""

    tasks: list[models.Task] | None = named(
        "list[Task] | None",
        "The tasks in the order in which they were given; for those that were absorbed, the ones that did.",
        default=None,
    )
    absorbed: int | None = strawberry.field(
        default=None, description="How many of them unfinished tasks with their keys have absorbed."
    )


@strawberry.type(description="What mutations of many tasks answer.")
class BulkTaskPayload(Payload):
    """How many."""

    count: int | None = strawberry.field(
        default=None, description="How many tasks that were. As many as the limit: there may be more."
    )


@strawberry.type(description="What mutations of schedules answer.")
class SchedulePayload(Payload):
    """A schedule."""

    schedule: models.Schedule | None = changed("Schedule", "The schedule as it is now.")


@strawberry.type
class Mutation:
    """What can be done with tasks and schedules."""

    @mutation(
        EnqueueTaskPayload,
        "Send a task to a remote actor. For contributors of its workspace, and staff. Emits task.queued.",
    )
    @staticmethod
    async def enqueue_task(info: Info, input: EnqueueTaskInput) -> EnqueueTaskPayload:
        sent = await submitting.enqueue_task(
            info.context.viewer, _wanted(input, ("input",)), idempotency_key=input.idempotency_key
        )
        return EnqueueTaskPayload(task=sent.task, absorbed=sent.absorbed)

    @mutation(
        EnqueueTasksPayload,
        "Send tasks to remote actors, all or none. For contributors of their workspaces, and staff. Emits task.queued.",
    )
    @staticmethod
    async def enqueue_tasks(info: Info, input: EnqueueTasksInput) -> EnqueueTasksPayload:
        wanted = [_wanted(each, ("input", "tasks", str(index))) for index, each in enumerate(input.tasks)]
        sent = await submitting.enqueue_tasks(
            info.context.viewer, wanted, idempotency_key=input.idempotency_key
        )
        return EnqueueTasksPayload(
            tasks=[each.task for each in sent], absorbed=sum(each.absorbed for each in sent)
        )

    @mutation(
        TaskPayload,
        "Have a rejected task run again, as the same task. For contributors of its workspace, and staff. "
        "Emits task.requeued.",
    )
    @staticmethod
    async def retry_task(info: Info, input: RetryTaskInput) -> TaskPayload:
        return TaskPayload(
            task=await verbs.retry_task(
                info.context.viewer, row_id(input.id, models.Task), reset_retries=input.reset_retries
            )
        )

    @mutation(
        BulkTaskPayload,
        "Have rejected tasks run again. For contributors, those of their workspaces, and staff. Emits task.requeued.",
    )
    @staticmethod
    async def retry_tasks(info: Info, input: RetryTasksInput) -> BulkTaskPayload:
        viewer = info.context.viewer
        return BulkTaskPayload(
            count=await verbs.retry_tasks(viewer, _where(input.filter, viewer), limit=input.limit)
        )

    @mutation(
        TaskPayload,
        "Stop a task: one that waits is rejected at once, one in work is stopped within a second and then rejected. For "
        "contributors of its workspace, and staff. Emits task.rejected.",
    )
    @staticmethod
    async def cancel_task(info: Info, input: CancelTaskInput) -> TaskPayload:
        return TaskPayload(task=await verbs.cancel_task(info.context.viewer, row_id(input.id, models.Task)))

    @mutation(BulkTaskPayload, "Remove tasks that have ended, with their logs. For staff.")
    @staticmethod
    async def purge_tasks(info: Info, input: PurgeTasksInput) -> BulkTaskPayload:
        viewer = info.context.viewer
        return BulkTaskPayload(
            count=await verbs.purge_tasks(
                viewer, _where(input.filter, viewer), input.older_than, limit=input.limit
            )
        )

    @mutation(
        SchedulePayload, "Change when a schedule is sent, or pause it. For staff. Emits schedule.changed."
    )
    @staticmethod
    async def update_schedule(info: Info, input: UpdateScheduleInput) -> SchedulePayload:
        return SchedulePayload(
            schedule=await schedules.update_schedule(
                info.context.viewer,
                row_id(input.id, models.Schedule),
                crontab=input.crontab,
                paused=input.paused,
                if_version=input.if_version,
            )
        )

    @mutation(
        TaskPayload,
        "Send what a schedule sends, now: also when it is paused, and beside what it sends by itself. For staff. "
        "Emits task.queued.",
    )
    @staticmethod
    async def send_schedule(info: Info, input: SendScheduleInput) -> TaskPayload:
        return TaskPayload(
            task=await submitting.send_schedule(
                info.context.viewer,
                row_id(input.id, models.Schedule),
                idempotency_key=input.idempotency_key,
            )
        )


def _where(filter: Any, viewer: Viewer) -> Q:
    return cast(Q, filter.to_q(viewer))


def _wanted(input: NewTaskInput, path: tuple[str, ...]) -> submitting.WantedTask:
    return submitting.WantedTask(
        actor_name=input.actor_name,
        args=[] if input.args is None else input.args,
        kwargs={} if input.kwargs is None else input.kwargs,
        queue_name=input.queue_name,
        delay=input.delay,
        eta=input.eta,
        priority=input.priority,
        uid=input.uid,
        unique_key=input.unique_key,
        rel_obj=_owner(input.rel_obj, (*path, "relObj")),
        workspace_id=maybe_row_id(input.workspace, models.Workspace, (*path, "workspace")),
    )


def _owner(id: str | None, path: tuple[str, ...]) -> tuple[type[Entity], Any] | None:
    if id is None:
        return None
    _, name, key = owner_of(id, path)
    model = next(each for each in OWNERS if each.__name__.lower() == name)
    return model, int(key)
