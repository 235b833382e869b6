"""Taking back work that was lost."""

import structlog

from app.actions import work
from app.actions.work.recovering import RECOVERY_ACTOR
from app.chores.needed import needed_actor
from app.tasks import current_task
from app.tasks.schedules import ScheduleSpec

log = structlog.get_logger(__name__)


@needed_actor(RECOVERY_ACTOR)
async def recover_lost_work() -> None:
    """Takes back work requests whose lease ran out, and notes which workers are gone."""
    task = current_task()
    taken = await work.take_back_what_is_lost()
    if taken.work_requests or taken.workers:
        task.info(f"Took back {taken.work_requests} work requests; {taken.workers} workers are gone.")
        log.info("took back what was lost", work_requests=taken.work_requests, workers=taken.workers)


# And whenever a runner sees that something is lost: see app/actions/tasks/promoting.py.
schedules = [ScheduleSpec(recover_lost_work, "*/10 * * * *")]
