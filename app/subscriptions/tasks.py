"""Tasks, their logs, their counts and their runners, live."""

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import AsyncIterator, Collection
from contextlib import aclosing, asynccontextmanager
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import strawberry

from app import models
from app.clock import now
from app.context import Info
from app.database import fetch
from app.errors import BadInput, NotFound
from app.events import CATALOGUE, Position
from app.graphql.ids import decode_event_place, event_cursor, row_id
from app.graphql.scalars import Cursor
from app.models import LogLevel, TaskState
from app.publishers.hub import BATCH, Event, Hub
from app.schema.tasks import (
    Task,
    TaskFilter,
    TaskLog,
    TaskStatusSummary,
    WorkerStatus,
    at_least,
    runners_of,
    summary_of,
)
from app.subscriptions.following import (
    After,
    Following,
    Happening,
    Wanted,
    common,
    follow,
    position_after,
    seen,
)

OF_TASKS = frozenset(name for name in CATALOGUE if name.startswith("task."))
OF_RUNNERS = frozenset(name for name in CATALOGUE if name.startswith("worker_status."))
MAX_LINES = 1000
LEAST_INTERVAL_MS, MOST_INTERVAL_MS = 250, 60_000
LOOK_AGAIN = 30.0
"""Seconds after which counts are looked at again though nothing was told: what is removed is told by nothing."""


# Transitions ---------------------------------------------------------------------------------------------------------


@strawberry.type(
    description="A task entered a state. state, retries and attempt are as of then; task is as it is now."
)
class TaskEvent(Happening):
    """For taskUpdated."""

    state: TaskState = strawberry.field(description="The state that it entered.")
    previous_state: TaskState | None = strawberry.field(
        description="The state that it was in before; null when it was just sent."
    )
    at: datetime = strawberry.field(
        description="When it entered the state. `time` is when that was written down, which may be a little later."
    )
    retries: int = strawberry.field(description="How often it had been tried again since it was sent.")
    attempt: int = strawberry.field(description="How often a runner had taken it.")
    reason: str | None = strawberry.field(
        description="Why it waits again: retry, given_back, runner_lost or retried_by_hand; null of any other state."
    )
    row_id: strawberry.Private[int]

    @strawberry.field(
        description="The task as it is now; null when it was removed or you may no longer see it.",
        graphql_type=Task | None,
    )
    @staticmethod
    async def task(event: strawberry.Parent[Any], info: Info) -> models.Task | None:
        return await info.context.one(models.Task, event.row_id)


@strawberry.type(description="A line of a task's log.")
class TaskLogEvent(Happening):
    """For taskLogAppended."""

    row: strawberry.Private[models.TaskLog]

    @strawberry.field(description="The line.", graphql_type=TaskLog)
    @staticmethod
    def line(event: strawberry.Parent[Any]) -> models.TaskLog:
        return event.row  # type: ignore[no-any-return]


@strawberry.type(description="How many tasks there are of each status now.")
class TaskStatusSummaryEvent(Happening):
    """For taskStatusSummaryChanged."""

    summary: TaskStatusSummary = strawberry.field(description="The counts.")


@strawberry.type(description="A task runner has started, ended, or was lost.")
class WorkerStatusEvent(Happening):
    """For workersChanged."""

    row_id: strawberry.Private[UUID]

    @strawberry.field(
        description="The task runner as it is now; null once it has ended, or when you may no longer see it.",
        graphql_type=WorkerStatus | None,
    )
    @staticmethod
    async def worker_status(event: strawberry.Parent[Any], info: Info) -> models.WorkerStatus | None:
        return await info.context.one(models.WorkerStatus, event.row_id)

    @strawberry.field(description="All task runners that are alive now.", graphql_type=list[WorkerStatus])
    @staticmethod
    async def worker_statuses(event: strawberry.Parent[Any], info: Info) -> list[models.WorkerStatus]:
        return await runners_of(info.context.viewer, True)


@strawberry.type
class Subscription:
    """Tasks."""

    @strawberry.subscription(
        description="Every state that the tasks enter which you may see, one by one.", graphql_type=TaskEvent
    )
    @staticmethod
    async def task_updated(
        info: Info,
        id: Annotated[
            strawberry.ID | None, strawberry.argument(description="Only of this task; null: of all.")
        ] = None,
        filter: Annotated[
            TaskFilter | None,
            strawberry.argument(description="Only of tasks that satisfy this as they are now."),
        ] = None,
        after: After = None,
    ) -> Following:
        task_id = None if id is None else (await _visible(info, id, ("id",))).id
        only = None if task_id is None else lambda event: event.subject_id == task_id
        wanted = Wanted(info, models.Task, filter)
        return await follow(info, after, _transitions, OF_TASKS, only=only, wanted=wanted, steps=True)

    @strawberry.subscription(
        description="The lines of a task's log as they are written, one by one. An actor with events=False is not followed.",
        graphql_type=TaskLogEvent,
    )
    @staticmethod
    async def task_log_appended(
        info: Info,
        task_id: Annotated[strawberry.ID, strawberry.argument(description="The task.")],
        min_level: Annotated[
            LogLevel | None, strawberry.argument(description="Only lines as grave as this, or graver.")
        ] = None,
        after: After = None,
    ) -> AsyncIterator[Any]:
        task = await _visible(info, task_id, ("taskId",))
        position, number = await _line_at(info, task.id, after)
        place = event_cursor(position) if number is None else after
        if number is None:
            number = await _lines_before(task, position)
        async for event in seen(info, place, OF_TASKS):
            if event.subject_id != task.id:
                continue
            while number < event.data["log_count"]:
                lines = await _lines(info, task.id, number, event.data["log_count"])
                for line in lines:
                    number = line.number
                    if min_level is None or line.log_level in at_least(min_level):
                        yield _line_event(event, line)
                if len(lines) < MAX_LINES:
                    number = event.data["log_count"]

    @strawberry.subscription(
        description="The counts of tasks by status, of what you may see: at once, and then whenever they have changed. They "
        "are of now, so that `after` leaves nothing to catch up with.",
        graphql_type=TaskStatusSummaryEvent,
    )
    @staticmethod
    async def task_status_summary_changed(
        info: Info,
        filter: Annotated[
            TaskFilter | None, strawberry.argument(description="Count only tasks that satisfy this.")
        ] = None,
        interval_ms: Annotated[
            int,
            strawberry.argument(
                description=f"At most once in so many milliseconds, from {LEAST_INTERVAL_MS} to {MOST_INTERVAL_MS}."
            ),
        ] = 1000,
        after: After = None,
    ) -> AsyncIterator[Any]:
        if not LEAST_INTERVAL_MS <= interval_ms <= MOST_INTERVAL_MS:
            raise BadInput(
                f"The interval is from {LEAST_INTERVAL_MS} to {MOST_INTERVAL_MS} milliseconds.",
                path=("intervalMs",),
            )
        await position_after(info, after)
        hub, last = info.context.hub, None
        async with _watched(hub, OF_TASKS) as changes:
            while True:
                changes.forget()
                position = hub.end
                summary = await summary_of(await info.context.current_viewer(), filter)
                if summary != last:
                    last = summary
                    yield TaskStatusSummaryEvent(
                        cursor=Cursor(event_cursor(position)),
                        time=now(),
                        type="task.summary_changed",
                        summary=summary,
                    )
                await asyncio.sleep(interval_ms / 1000)
                if not await changes.wait():
                    return

    @strawberry.subscription(
        description="Every start, end and loss of a task runner: shown to staff.",
        graphql_type=WorkerStatusEvent,
    )
    @staticmethod
    async def workers_changed(info: Info, after: After = None) -> Following:
        return await follow(info, after, _runner, OF_RUNNERS)


def _runner(event: Event) -> WorkerStatusEvent:
    fields: dict[str, Any] = common(event)
    return WorkerStatusEvent(**fields, row_id=UUID(event.subject.partition("/")[2]))


async def _visible(info: Info, id: str, path: tuple[str, ...]) -> models.Task:
    task = await models.Task.visible_to(info.context.viewer).get_or_none(id=row_id(id, models.Task, path))
    if task is None:
        raise NotFound("There is no such task, or you may not see it.", path=path)
    return task


# One event of the log, several transitions ----------------------------------------------------------------------------


async def _transitions(event: Event) -> list[TaskEvent]:
    """What an event tells, each with a cursor of its own: all but the last lie inside the event. Made once for all."""
    found = _kept.get(event.id)
    if found is None:
        found = _kept[event.id] = await _told(event)
        if len(_kept) > BATCH:
            _kept.popitem(last=False)
    return found


_kept: OrderedDict[str, list[TaskEvent]] = OrderedDict()
"""Of the events that somebody was told of last, by their ids."""


async def _told(event: Event) -> list[TaskEvent]:
    transitions = event.data.get("transitions") or []
    if not transitions:
        return []
    previous = await _state_before(event, TaskState(transitions[0][0]))
    told = []
    for step, (name, time) in enumerate(transitions, start=1):
        state = TaskState(name)
        told.append(
            TaskEvent(
                cursor=Cursor(event_cursor(event.position, step if step < len(transitions) else 0)),
                time=event.time,
                type=event.type,
                state=state,
                previous_state=previous,
                at=datetime.fromisoformat(time),
                retries=event.data["retries"],
                attempt=event.data["attempt"],
                reason=event.data.get("reason") if state is TaskState.QUEUED else None,
                row_id=event.subject_id,
            )
        )
        previous = state
    return told


_ONLY_AFTER = {
    TaskState.CONSUMED: TaskState.QUEUED,
    TaskState.PREPROCESS: TaskState.CONSUMED,
    TaskState.RUNNING: TaskState.PREPROCESS,
    TaskState.DONE: TaskState.POSTPROCESS,
}
"""States that are entered from one other alone."""


async def _state_before(event: Event, state: TaskState) -> TaskState | None:
    """The state that the task was in before it entered this one, the first that the event tells of."""
    if event.type == "task.queued":
        return None
    if state in _ONLY_AFTER:
        return _ONLY_AFTER[state]
    rows = await fetch(_EVENT_BEFORE, event.subject, str(event.position.xid), event.position.seq)
    return TaskState(rows[0]["state"]) if rows else None


_EVENT_BEFORE = """
SELECT data->>'state' AS state, (data->>'log_count')::int AS log_count FROM outbox_event
WHERE subject = $1 AND (xid, seq) < ($2::text::xid8, $3::bigint) ORDER BY xid DESC, seq DESC LIMIT 1
"""


# One event of the log, several lines ----------------------------------------------------------------------------------


async def _line_at(info: Info, task_id: int, after: str | None) -> tuple[Position, int | None]:
    """Where a cursor stands: the position, and the number of the last line that was told, if it is a cursor of lines."""
    position = await position_after(info, after)
    step = decode_event_place(after)[1] if after is not None else 0
    return position, step or None


async def _lines_before(task: models.Task, position: Position) -> int:
    """How many lines the task's log had at a position. Where the event log does not reach back so far: as many as it has."""
    rows = await fetch(_EVENT_BEFORE, f"task/{task.id}", str(position.xid), position.seq + 1)
    if rows:
        return int(rows[0]["log_count"])
    later = await fetch(_EVENT_AFTER, f"task/{task.id}", str(position.xid), position.seq)
    return 0 if later else task.log_count


_EVENT_AFTER = """
SELECT FROM outbox_event WHERE subject = $1 AND (xid, seq) > ($2::text::xid8, $3::bigint) LIMIT 1
"""


async def _lines(info: Info, task_id: int, after: int, last: int) -> list[models.TaskLog]:
    """The lines with the numbers after the one up to the other, so far as they are kept and may be seen."""
    viewer = await info.context.current_viewer()
    lines = models.TaskLog.visible_to(viewer).filter(task_id=task_id, number__gt=after, number__lte=last)
    return await lines.order_by("number").limit(MAX_LINES)


def _line_event(event: Event, line: models.TaskLog) -> TaskLogEvent:
    return TaskLogEvent(
        cursor=Cursor(event_cursor(event.position, line.number)), time=event.time, type=event.type, row=line
    )


# Changes, many of which are one ---------------------------------------------------------------------------------------


class _Changes:
    """Whether there were events since somebody last forgot them."""

    def __init__(self) -> None:
        self._some = asyncio.Event()
        self.over = False

    def note(self) -> None:
        self._some.set()

    def forget(self) -> None:
        self._some.clear()

    async def wait(self) -> bool:
        """Return when there were some, or it is time to look again; False: there will be no more."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK_AGAIN):
                await self._some.wait()
        return not self.over


@asynccontextmanager
async def _watched(hub: Hub, types: Collection[str]) -> AsyncIterator[_Changes]:
    """Follow the log, and keep nothing of it but that there was something."""
    changes = _Changes()

    async def watch() -> None:
        try:
            async with aclosing(hub.follow(None, types)) as events:
                async for _ in events:
                    changes.note()
        finally:
            changes.over = True
            changes.note()

    watching = asyncio.create_task(watch())
    try:
        yield changes
    finally:
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await watching
