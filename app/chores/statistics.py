"""What PostgreSQL plans from, kept up to date while much comes at once."""

from app.actions import statistics
from app.actions.statistics import STATISTICS_ACTOR
from app.chores.needed import needed_actor
from app.tasks.schedules import ScheduleSpec


@needed_actor(STATISTICS_ACTOR)
async def analyze_what_has_grown() -> None:
    """Has tables analyzed that have doubled since they last were: plans made for an empty table read all of a full one."""
    await statistics.analyze_what_has_grown()


# And whenever a runner sees that one has grown: see app/actions/tasks/promoting.py.
schedules = [ScheduleSpec(analyze_what_has_grown, "29 * * * *")]
