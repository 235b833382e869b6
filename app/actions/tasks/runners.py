"""Task runners: who runs tasks, and whether it lives. Known by an id that is new at each start, never by the host's name."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg

from app import events
from app.actions.outbox import insert_events, record
from app.database import atomic, fetch
from app.events import EventType
from app.models.tasks import WorkerStatus

FORGOTTEN_AFTER_DAYS = 1
GAP = 15.0
"""Seconds, three heartbeats: whoever is not heard for longer was away, or the database was."""


@dataclass(frozen=True)
class RunnerInfo:
    """What a runner says of itself when it starts. No `queues`: all."""

    id: UUID
    hostname: str
    version: str
    pid: int
    queues: tuple[str, ...] = ()
    concurrency: int = 1


@atomic()
async def register_runner(runner: RunnerInfo) -> None:
    """Make a runner known. It has to say within 30 seconds that it lives, and so on, until it is stopped."""
    await fetch(_REGISTER, *_columns(runner))
    await record_for_all_tenants(events.WorkerStatusStarted, runner.id)


@atomic()
async def stop_runner(id: UUID) -> bool:
    """Forget a runner that has ended in order. False when it was forgotten before."""
    if await WorkerStatus.filter(id=id).select_for_update().get_or_none() is None:
        return False
    await record_for_all_tenants(events.WorkerStatusStopped, id)
    await fetch("DELETE FROM task_idle WHERE worker_id = $1", id)
    await fetch(_FORGET_CLAIMS, id)
    await fetch("DELETE FROM worker_status WHERE id = $1", id)
    return True


async def record_for_all_tenants(event: EventType, *ids: UUID) -> None:
    """Tell the staff of every tenant: runners belong to the installation. In the caller's transaction."""
    for row in await fetch("SELECT id FROM tenant ORDER BY id"):
        await record(event, *ids, tenant_id=row["id"])


async def beat(connection: "asyncpg.Connection[Any]", id: UUID, *, running: int, stopping: bool) -> bool:
    """Say that a runner lives, on a connection that only it uses. False when it had been given up: its tasks are then
    others', and it is given none until it has `come_back`.
    """
    return bool(await connection.fetchval(_BEAT, id, running, stopping, GAP))


async def come_back(connection: "asyncpg.Connection[Any]", runner: RunnerInfo) -> None:
    """Make a runner known again that had been given up, and has stopped what it ran."""
    async with connection.transaction():
        await connection.execute(_REGISTER, *_columns(runner))
        await connection.fetchval("SELECT id FROM worker_status WHERE id = $1 FOR UPDATE", runner.id)
        await connection.execute(_TELL_OF_RETURN, runner.id)


async def forget_old_runners() -> int:
    """Remove the runners that were not seen for a day. Returns how many."""
    return len(
        await fetch(
            "DELETE FROM worker_status WHERE last_seen < now() - make_interval(days => $1) RETURNING id",
            FORGOTTEN_AFTER_DAYS,
        )
    )


def _columns(runner: RunnerInfo) -> Sequence[object]:
    return (
        runner.id,
        runner.hostname,
        runner.version,
        runner.pid,
        list(runner.queues),
        runner.concurrency,
    )


_REGISTER = """
INSERT INTO worker_status (id, hostname, version, pid, queues, concurrency) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (id) DO UPDATE SET last_seen = now(), heard_since = now(), lost_at = NULL
"""

_FORGET_CLAIMS = "DELETE FROM task_claim WHERE worker_id = $1 AND NOT claim_counts(task_claim)"

_BEAT = """
UPDATE worker_status SET last_seen = now(), running = $2, stopping = $3,
    heard_since = CASE WHEN last_seen < now() - make_interval(secs => $4) THEN now() ELSE heard_since END
WHERE id = $1 AND lost_at IS NULL RETURNING true
"""

_TELL_OF_RETURN = insert_events(
    events.WorkerStatusStarted,
    "(SELECT worker_status.*, tenant.id AS told_tenant_id FROM worker_status CROSS JOIN tenant WHERE worker_status.id = $1)",
    tenant="row.told_tenant_id",
    in_turn=True,
)
