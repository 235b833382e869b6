"""Rows of tasks and runners as tests want them, written past the engine."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from app.actions.tasks.runners import RunnerInfo, register_runner
from app.database import fetch
from app.models import Task, TaskState


async def runner(**said: Any) -> RunnerInfo:
    """A runner that has just started."""
    info = RunnerInfo(**{"id": uuid4(), "hostname": "yard", "version": "1", "pid": 1, **said})
    await register_runner(info)
    return info


async def task(**columns: Any) -> Task:
    """A task that waits, but for what is given."""
    given: dict[str, Any] = {"message_id": uuid4(), "actor_name": "test.noop", "message": b"{}", **columns}
    tenant = "(SELECT id FROM tenant ORDER BY id LIMIT 1)"
    names, places = ", ".join(given), ", ".join(f"${number}" for number in range(1, len(given) + 1))
    rows = await fetch(
        f"INSERT INTO task (tenant_id, {names}) VALUES ({tenant}, {places}) RETURNING id", *given.values()
    )
    return await Task.get(id=rows[0]["id"])


async def held_by(worker_id: UUID, **columns: Any) -> Task:
    """A task that this runner runs."""
    held = await task(**{"worker_id": worker_id, "ready": False, "state": "running", "attempt": 1, **columns})
    if held.state is TaskState.CONSUMED:  # as when it was claimed
        await fetch("INSERT INTO task_claim (worker_id, task_ids) VALUES ($1, $2)", worker_id, [held.id])
    return held


async def ended(expires_at: datetime, **columns: Any) -> Task:
    """A task that is done and kept until then."""
    return await task(ready=False, state="done", message=b"", expires_at=expires_at, **columns)


async def events_of(subject: str) -> list[dict[str, Any]]:
    """The events about something, in order."""
    return await fetch(
        "SELECT event_type, data, tenant_id FROM outbox_event WHERE subject = $1 ORDER BY xid, seq", subject
    )


async def lose(worker_id: UUID) -> None:
    """Let a runner be one that was last seen too long ago."""
    await fetch("UPDATE worker_status SET last_seen = now() - interval '31 seconds' WHERE id = $1", worker_id)
