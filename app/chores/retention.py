"""Clearing away what is too old to be of use."""

from datetime import timedelta
from functools import partial

from app.actions import retention
from app.actions.tasks import groups, limits, purging, runners
from app.chores.batches import DAYS, QUEUE, TIME_LIMIT_MS, clear_away
from app.settings import load_settings
from app.tasks import actor
from app.tasks.schedules import ScheduleSpec


@actor(queue_name=QUEUE, max_retries=0, time_limit=TIME_LIMIT_MS, keep=DAYS)
async def prune_event_log() -> None:
    """Removes events that are older than EVENT_RETENTION_DAYS; cursors before them expire."""
    days = load_settings().event_retention_days
    await clear_away(partial(retention.prune_event_log, days), retention.BATCH, "events")


@actor(queue_name=QUEUE, max_retries=0, time_limit=TIME_LIMIT_MS, keep=DAYS)
async def forget_old_tokens() -> None:
    """Removes sessions and activation tokens that expired more than a day ago."""
    await clear_away(retention.forget_old_tokens, retention.BATCH, "tokens")


@actor(queue_name=QUEUE, max_retries=0, time_limit=TIME_LIMIT_MS, keep=DAYS)
async def forget_old_keys() -> None:
    """Removes idempotency keys that are older than a day."""
    await clear_away(retention.forget_old_keys, retention.BATCH, "idempotency keys")


@actor(queue_name=QUEUE, max_retries=0, time_limit=TIME_LIMIT_MS, log=False, events=False, keep=3600)
async def purge_tasks() -> None:
    """Removes results whose time is over, tasks that have been kept for as long as they are to be, with their logs, groups
    that will never call back, and what rate limiters count no more."""
    await clear_away(purging.empty_results, purging.BATCH, "results")
    await clear_away(purging.purge_tasks, purging.BATCH, "tasks")
    keep = timedelta(days=load_settings().task_retention_days)
    await clear_away(partial(groups.forget_groups, keep), groups.BATCH, "groups")
    await clear_away(limits.forget_limits, limits.BATCH, "rate limits")


@actor(queue_name=QUEUE, max_retries=0, time_limit=TIME_LIMIT_MS, keep=DAYS)
async def forget_old_runners() -> None:
    """Removes task runners that were not seen for a day."""
    await runners.forget_old_runners()


schedules = [
    ScheduleSpec(purge_tasks, "* * * * * 0"),
    ScheduleSpec(prune_event_log, "3-59/10 * * * *"),
    ScheduleSpec(forget_old_tokens, "5 * * * *"),
    ScheduleSpec(forget_old_keys, "7 * * * *"),
    ScheduleSpec(forget_old_runners, "11 * * * *"),
]
