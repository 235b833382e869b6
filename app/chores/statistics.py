"""What PostgreSQL plans from, kept up to date while much comes at once."""

from app.actions import statistics
from app.chores.batches import QUEUE
from app.tasks import actor
from app.tasks.schedules import ScheduleSpec


@actor(queue_name=QUEUE, priority=-100, max_retries=0, time_limit=60_000, log=False, events=False, keep=3600)
async def analyze_what_has_grown() -> None:
    """Has tables analyzed that have doubled since they last were: plans made for an empty table read all of a full one."""
    await statistics.analyze_what_has_grown()


schedules = [ScheduleSpec(analyze_what_has_grown, "* * * * * */15")]
