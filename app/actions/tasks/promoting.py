"""What a runner looks for once a second: tasks whose time has come, tasks that wait, tasks that it is to stop, schedules that
are due, chores that are needed."""

from dataclasses import dataclass
from uuid import UUID

from app.actions.statistics import GROWN, SMALL, STATISTICS_ACTOR
from app.actions.tasks.runners import GAP
from app.actions.work.recovering import GRACE, RECOVERY_ACTOR
from app.database import fetch

BATCH = 1000
"""So many tasks become ready at a time; when there are more, look again at once."""


@dataclass(frozen=True)
class Cancelled:
    """A task that the runner has and is to stop."""

    id: int
    attempt: int


@dataclass(frozen=True)
class Seen:
    """What a look found."""

    promoted: int
    """So many tasks became ready: their time has come."""
    filled: dict[str, float]
    """The queues that have tasks to run now, each with the seconds for which the next of them has waited."""
    cancelled: tuple[Cancelled, ...]
    seconds_to_next: float | None
    """Until the next task becomes due; None: there is none."""
    seconds_to_schedule: float | None = None
    """Until the next schedule is due; not above zero: one is; None: there is none."""
    needed: tuple[str, ...] = ()
    """The actors of chores that have something to do, and are not sent by a crontab that often."""

    @property
    def more(self) -> bool:
        """True when more tasks may be due than were made ready."""
        return self.promoted >= BATCH


async def look_for_tasks(worker_id: UUID) -> Seen:
    """Make the tasks ready whose time has come, never before it, and say what waits. One statement."""
    [row] = await fetch(_LOOK, worker_id, BATCH, GRACE, GAP, SMALL)
    filled: dict[str, float] = {}
    for name, waited in zip(row["queues"], row["waited"], strict=True):
        filled[name] = max(waited, filled.get(name, 0.0))
    return Seen(
        promoted=row["promoted"],
        filled=filled,
        cancelled=tuple(map(Cancelled, row["cancelled"], row["attempts"])),
        seconds_to_next=row["seconds_to_next"],
        seconds_to_schedule=row["seconds_to_schedule"],
        needed=tuple(actor for name, actor in _NEEDED.items() if row[name]),
    )


_NEEDED = {"work_is_lost": RECOVERY_ACTOR, "tables_have_grown": STATISTICS_ACTOR}

# Functions of the database, which read the indexes whatever PostgreSQL thinks of how much there is.
_LOOK = f"""
SELECT look.*, work_is_lost($3, $4) AS work_is_lost, EXISTS ({GROWN.format(small="$5::int")}) AS tables_have_grown,
    (SELECT extract(epoch FROM min(next_run) - clock_timestamp())::float8 FROM schedule WHERE NOT paused) AS seconds_to_schedule
FROM look_for_tasks($1, $2) AS look
"""
