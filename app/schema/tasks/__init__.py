"""Tasks, what they logged, what sends them by itself, and who runs them."""

from app.schema.tasks.actors import Actor, is_remote
from app.schema.tasks.counts import TaskQueue, TaskStatusSummary, sql_of, summary_of
from app.schema.tasks.filters import ScheduleFilter, ScheduleOrder, TaskFilter, TaskOrder, tasks_of
from app.schema.tasks.rel_obj import OWNERS, RelObj, owner_of
from app.schema.tasks.runners import RUNNERS, WorkerStatus, runners_of
from app.schema.tasks.schedules import Schedule
from app.schema.tasks.tasks import Task, TaskLog, at_least

__all__ = [
    "OWNERS",
    "RUNNERS",
    "Actor",
    "RelObj",
    "Schedule",
    "ScheduleFilter",
    "ScheduleOrder",
    "Task",
    "TaskFilter",
    "TaskLog",
    "TaskOrder",
    "TaskQueue",
    "TaskStatusSummary",
    "WorkerStatus",
    "at_least",
    "is_remote",
    "owner_of",
    "runners_of",
    "sql_of",
    "summary_of",
    "tasks_of",
]
