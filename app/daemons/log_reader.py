"""Reads the event log for this process, in the order of commits, and gives it to the hub.

It is woken by a commit of this process at once, by NOTIFY from other processes, and every second in any case.
"""

import asyncio
import contextlib
import secrets
from time import monotonic
from typing import Any

import asyncpg
import structlog
from prometheus_client import Counter, Gauge

from app.actions import outbox
from app.actions.outbox import call_when_access_changes, call_when_written
from app.actions.work.recovering import SPARED
from app.actions.work.running import spare_leases
from app.actions.work.workers import SERVER_LOCK
from app.database import Database
from app.errors import CursorExpired
from app.events import CATALOGUE, Audience, Position
from app.models.outbox import end_of_log, read_log
from app.publishers.hub import BATCH, Event, Hub

CHANNEL = outbox.CHANNEL
HERE = "here"
"""What a process says when it begins to listen: the others then know that there is somebody to tell of writes."""
POLL = 1.0
HELD_BACK_POLL = 0.005
MAX_HELD_BACK_POLL = 0.1
NOTIFY_PAUSE = 0.005
TOO_LONG = 10.0
START_TIMEOUT = 30.0
COUNT_EVERY = 5.0

LAG = Gauge(
    "workyard_event_log_lag_seconds", "How long something committed has been waiting to be handed out."
)
EVENTS = Counter("workyard_event_log_events", "Events read from the log.")

log = structlog.get_logger(__name__)


async def scan(after: Position, limit: int) -> list[Event]:
    """Up to so many events after a position, from the database."""
    return [_event(row) for row in (await read_log(after, limit)).rows]


class LogReader:
    """One per server process."""

    def __init__(self, hub: Hub, database: Database) -> None:
        self.hub = hub
        self._database = database
        self._wake = asyncio.Event()
        self._to_tell = asyncio.Event()
        self._connection: asyncpg.Connection[Any] | None = None
        self._held_back = False
        self._caught_up_at = monotonic()
        self._listening = asyncio.Event()
        self._count = asyncio.Event()  # set when the number of servers may have changed
        self._speaking = asyncio.Lock()  # a connection takes one statement at a time

    async def wait_until_listening(self) -> None:
        """Return when the hub can be followed and the other processes can see that this one lives."""
        async with asyncio.timeout(START_TIMEOUT):
            await self._listening.wait()

    def lag(self) -> float:
        """Seconds for which there has been something committed that could not be handed out yet."""
        return monotonic() - self._caught_up_at

    async def check(self) -> str | None:
        """For readiness: what keeps events back, if anything does for too long."""
        if self.lag() < TOO_LONG:
            return None
        why = "a transaction has been open for as long" if self._held_back else "the log could not be read"
        return f"events have been held back for {self.lag():.0f} s: {why}"

    async def run_once(self) -> int:
        """Read what is new and hand it out. Returns how many events that were."""
        began = monotonic()
        try:
            horizon = await read_log(self.hub.end, BATCH)
        except CursorExpired:  # this process stood still for longer than events are kept
            self.hub.skip_to(await end_of_log())
            return 0
        self._held_back = horizon.held_back
        events = [_event(row) for row in horizon.rows]
        if events or not self._held_back:
            self._caught_up_at = monotonic()
        EVENTS.inc(len(events))
        if events:
            changes = any(
                event.type in CATALOGUE and CATALOGUE[event.type].changes_access for event in events
            )
            self.hub.publish(events, changes_access=changes)
        if not self._held_back and len(events) < BATCH:
            self.hub.read_at = began
        return len(events)

    async def run_forever(self) -> None:
        """Read until cancelled. A database that is gone is waited for."""
        self.hub.start(await end_of_log())
        LAG.set_function(self.lag)
        forget = call_when_written(self._written)
        forget_access = call_when_access_changes(self.hub.access_changed_here)
        listening, telling = asyncio.create_task(self._listen()), asyncio.create_task(self._tell_others())
        try:
            pause = HELD_BACK_POLL
            while True:
                self._wake.clear()
                read = await self._read_patiently()
                if read == BATCH:
                    continue
                pause = min(2 * pause, MAX_HELD_BACK_POLL) if self._held_back and not read else HELD_BACK_POLL
                await _wait(self._wake, pause if self._held_back else POLL)
        finally:
            forget()
            forget_access()
            for task in (listening, telling):
                task.cancel()
            self.hub.close()

    async def _read_patiently(self) -> int:
        try:
            return await self.run_once()
        except Exception as error:  # whatever it is, the log is still there: try again
            log.warning("event log not readable, trying again", error=repr(error))
            await asyncio.sleep(0.2)
            return 0

    def _written(self) -> None:
        self._wake.set()
        self._to_tell.set()

    async def _listen(self) -> None:
        """Keep a connection that hears NOTIFY, and whose lock shows the others that this process lives."""
        while True:
            try:
                await self._listen_once()
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                log.warning("lost the connection that listens, connecting again", error=repr(error))
            self._connection = None
            await asyncio.sleep(0.1 + secrets.randbelow(400) / 1000)

    async def _listen_once(self) -> None:
        connection = await self._database.connect()
        try:
            connection.add_termination_listener(lambda _: self._count.set())
            # Before the lock says that we are there: while we were not, nobody could renew a lease through us.
            await spare_leases(SPARED, connection.execute)
            self.hub.server_number = await _take_number(connection, self.hub.server_number)
            await connection.add_listener(CHANNEL, self._heard)
            await connection.execute("SELECT pg_notify($1, $2)", CHANNEL, HERE)
            self._connection = connection
            self._listening.set()
            self._wake.set()
            while not connection.is_closed():
                self._count.clear()
                async with self._speaking:
                    self.hub.servers = await connection.fetchval(_COUNT_SERVERS)
                await _wait(self._count, COUNT_EVERY)
        finally:
            with contextlib.suppress(Exception):
                await connection.close(timeout=1)

    def _heard(self, _: object, pid: int, __: str, payload: object) -> None:
        if self._connection is not None and pid != self._connection.get_server_pid():
            self._wake.set()
            if payload == HERE:
                self._count.set()

    async def _tell_others(self) -> None:
        """Wake the readers of other processes: once for many commits, and only when there are others."""
        while True:
            await self._to_tell.wait()
            self._to_tell.clear()
            with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                async with self._speaking:
                    if self._connection is not None and self.hub.servers > 1:
                        await self._connection.execute(f"NOTIFY {CHANNEL}")
            await asyncio.sleep(NOTIFY_PAUSE)


_COUNT_SERVERS = f"""SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = {SERVER_LOCK} AND objsubid = 2
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""


async def _take_number(connection: "asyncpg.Connection[Any]", before: int) -> int:
    """A number that no other living process has: the one from before, if it can be had again.

    The lock on it is released however the process ends.
    """
    number = before or _any_number()
    while not await connection.fetchval("SELECT pg_try_advisory_lock($1::int, $2::int)", SERVER_LOCK, number):
        number = _any_number()
    return number


def _any_number() -> int:
    return secrets.randbelow(2**31 - 1) + 1


async def _wait(event: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


def _event(row: dict[str, Any]) -> Event:
    number = row["subject"].rpartition("/")[2]
    return Event(
        xid=row["xid"],
        seq=row["seq"],
        id=str(row["id"]),
        type=row["event_type"],
        source=row["source"],
        subject=row["subject"],
        subject_id=int(number) if number.isdigit() else 0,
        time=row["created_at"],
        json=row["data"] or None,
        tenant_id=row["tenant_id"],
        workspace_id=row["workspace_id"],
        audience=Audience(row["audience"]),
        owner_id=row["owner_id"],
    )
