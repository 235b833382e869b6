"""What a runner looks for once a second: tasks whose time has come, tasks that wait, tasks that it is to stop."""

from dataclasses import dataclass
from uuid import UUID

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

    @property
    def more(self) -> bool:
        """True when more tasks may be due than were made ready."""
        return self.promoted >= BATCH


async def look_for_tasks(worker_id: UUID) -> Seen:
    """Make the tasks ready whose time has come, never before it, and say what waits. One statement."""
    [row] = await fetch(_LOOK, worker_id, BATCH)
    filled: dict[str, float] = {}
    for name, waited in zip(row["queues"], row["waited"], strict=True):
        filled[name] = max(waited, filled.get(name, 0.0))
    return Seen(
        promoted=row["promoted"],
        filled=filled,
        cancelled=tuple(map(Cancelled, row["cancelled"], row["attempts"])),
        seconds_to_next=row["seconds_to_next"],
    )


# A function of the database, which reads the indexes whatever PostgreSQL thinks of how much there is.
_LOOK = "SELECT * FROM look_for_tasks($1, $2)"
