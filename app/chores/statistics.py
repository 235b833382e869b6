"""What PostgreSQL plans from, kept up to date while much comes at once."""

from app.actions import statistics
from app.actions.statistics import STATISTICS_ACTOR
from app.chores.batches import QUEUE
from app.tasks import actor
from app.tasks.schedules import ScheduleSpec


@actor(
    actor_name=STATISTICS_ACTOR,
    queue_name=QUEUE,
    priority=-100,
    max_retries=0,
    time_limit=60_000,
    log=False,
    events=False,
    keep=3600,
)
async def analyze_what_has_grown() -> None:
    """Has tables analyzed that have doubled since they last were: plans made for an empty table read all of a full one."""
    await statistics.analyze_what_has_grown()


# And whenever a runner sees that one has grown: see app/actions/tasks/promoting.py.
schedules = [ScheduleSpec(analyze_what_has_grown, "29 * * * *")]
