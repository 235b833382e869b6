"""Stores what runners report, many at a time, and keeps it while PostgreSQL is away."""

import asyncio
import contextlib
from collections.abc import Callable
from time import monotonic
from uuid import UUID

import asyncpg
import structlog

from app.actions.tasks.finishing import End, Report, flush
from app.daemons.runner.lines import Line, Pauses
from app.models.tasks import IN_WORK, LogEvent, LogLevel, TaskState
from app.tasks.outcomes import Outcome
from app.tasks.running import MACHINERY

MOST_AT_ONCE = 1000
MOST_KEPT = 10_000
"""With so many reports waiting, the runner takes no more tasks."""
KEEP_REFUSED = 30 * 86_400.0
PAUSE = 0.005
"""How long reports are gathered while the runner is busy…"""
LONG_PAUSE = 0.03
"""…and how long at most while many come: to store anything costs as much as thirty reports more."""
MANY = 50

AWAY = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,  # it shuts down, or somebody ended the connection
    asyncpg.InsufficientResourcesError,
    asyncpg.TransactionRollbackError,
    asyncpg.ObjectInUseError,
    asyncpg.ReadOnlySQLTransactionError,  # it is a standby just now
    asyncpg.PostgresSystemError,
    asyncpg.InternalClientError,  # what it says when a connection is killed at the wrong moment
)
"""What may be over if it is tried again; any other fault lies in what is to be stored."""

log = structlog.get_logger(__name__)


class Flusher:
    """One at a time, so that a task's reports are stored in their order."""

    def __init__(
        self, line: Line, worker_id: UUID, busy: Callable[[], bool], stored: Callable[[list[Report]], None]
    ) -> None:
        self._line = line
        self._worker_id = worker_id
        self._busy = busy
        self._stored = stored
        self._waiting: list[Report] = []
        self._since = 0.0
        """When something was stored last, or the first of what waits came."""
        self._some = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()
        self._enough = asyncio.Event()
        self._stored_last = 0

    def __len__(self) -> int:
        """How many reports are not stored yet."""
        return len(self._waiting)

    @property
    def task_ids(self) -> list[int]:
        """The tasks of which there are reports that are not stored yet."""
        return [report.task.id for report in self._waiting]

    @property
    def late(self) -> float:
        """Seconds for which there have been reports and none could be stored."""
        return monotonic() - self._since if self._waiting else 0.0

    @property
    def full(self) -> bool:
        return len(self._waiting) >= MOST_KEPT

    def put(self, report: Report) -> None:
        """Have it stored soon."""
        if not self._waiting:
            self._since = monotonic()
            self._some.set()
            self._empty.clear()
        self._waiting.append(report)
        if len(self._waiting) == MOST_AT_ONCE:
            self._enough.set()

    def hurry(self) -> None:
        """No more will come for a while."""
        self._enough.set()

    async def run_forever(self) -> None:
        """Store until cancelled. Nothing is dropped but what is not this runner's any more."""
        pauses = Pauses()
        while True:
            await self._some.wait()
            await self._gather()
            batch = self._waiting[:MOST_AT_ONCE]
            try:
                await self._store(batch)
            except (
                Exception
            ) as error:  # even the refusal of what cannot be stored was not: then the fault is not in it
                log.warning(
                    "results cannot be stored now, trying again", error=repr(error), waiting=len(self)
                )
                await pauses.wait()
                continue
            pauses.over()
            self._since = monotonic()
            self._stored_last = len(batch)
            del self._waiting[: len(batch)]
            self._stored(batch)
            if not self._waiting:
                self._some.clear()
                self._empty.set()

    async def _gather(self) -> None:
        """Wait for more, if there may be: for a moment, or, while many come, until none came for a moment."""
        self._enough.clear()
        until = monotonic() + (LONG_PAUSE if self._stored_last >= MANY else PAUSE)
        before = -1
        while before < len(self._waiting) < MOST_AT_ONCE and self._busy() and monotonic() < until:
            before = len(self._waiting)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PAUSE):
                    await self._enough.wait()
                    return

    async def drained(self) -> None:
        """Return when everything is stored."""
        await self._empty.wait()

    async def _store(self, batch: list[Report]) -> None:
        """All together; or, when PostgreSQL refuses what is in it, in halves, down to the one that it refuses."""
        try:
            async with self._line.use() as connection:
                await flush(connection, self._worker_id, batch)
        except AWAY:
            raise
        except Exception as error:
            if len(batch) > 1:
                middle = len(batch) // 2
                await self._store(batch[:middle])
                await self._store(batch[middle:])
                return
            await self._store_refused(batch[0], error)

    async def _store_refused(self, report: Report, error: Exception) -> None:
        """Something in a report can never be stored: reject the task rather than try for ever."""
        log.error(
            "a result cannot be stored", task=report.task.id, actor=report.task.actor_name, exc_info=error
        )
        async with self._line.use() as connection:
            await flush(connection, self._worker_id, [_refusal(report, error)])


def _refusal(report: Report, error: Exception) -> End:
    line = LogEvent(
        "What became of the task cannot be stored",
        LogLevel.ERROR,
        MACHINERY,
        attributes={"error": str(error)},
    )
    told = report.outcome.transitions if isinstance(report, End) else report.transitions
    outcome = Outcome(
        TaskState.REJECTED,
        report.task.retries,
        [line],
        [
            *((TaskState(state), time) for state, time in told if state in IN_WORK),
            (TaskState.REJECTED, line.timestamp),
        ],
        events=report.outcome.events if isinstance(report, End) else report.events,
    )
    return End(report.task, outcome, report.number, "error", KEEP_REFUSED)
