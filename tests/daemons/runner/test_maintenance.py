"""What every runner does for all of them."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from app.actions.tasks import recovering
from app.actions.tasks.promoting import Seen
from app.clock import now
from app.daemons.runner import maintenance
from app.daemons.runner.health import RunnerHealth
from app.daemons.runner.maintenance import Job, Maintenance
from app.database import Database, fetch
from app.models import Task, TaskState
from app.settings import Settings
from tests.machine import until
from tests.statements import statements
from tests.task_rows import held_by, lose, runner, task
from tests.tasks_yard import start_runner

SECONDS = 5


class Heart:
    def silence(self) -> float:
        return 0.0


def maintaining(worker_id: UUID | None = None, **how: Any) -> tuple[Maintenance, RunnerHealth]:
    health = RunnerHealth(300, Heart())  # type: ignore[arg-type]
    return Maintenance(worker_id or uuid4(), Settings(), health=health, **how), health


async def test_a_look_makes_due_tasks_ready_and_says_what_it_found(db: Database) -> None:
    found: list[Seen] = []
    upkeep, health = maintaining(on_seen=found.append)
    await task(ready=False, eta=now())

    seen = await upkeep.run_once()

    assert found == [seen]
    assert (seen.promoted, list(seen.filled)) == (1, ["default"])
    assert health.ready()["looking"] is None


async def test_only_the_runners_own_queues_count_for_its_health(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[Any] = []
    upkeep, health = maintaining(queues=("mail",))
    monkeypatch.setattr(health, "looked", lambda waiting: waited.extend(waiting))
    await task(queue_name="mail")
    await task(queue_name="reports")

    await upkeep.run_once()

    assert [name for name, _ in waited] == ["mail"]


async def test_a_task_is_ready_at_its_time_and_not_a_second_later(db: Database) -> None:
    upkeep, _ = maintaining()
    working = asyncio.create_task(upkeep.run_forever())
    due = now() + timedelta(milliseconds=400)
    waiting = await task(ready=False, eta=due)

    async with asyncio.timeout(10):
        while not (await Task.get(id=waiting.id)).ready:
            assert now() < due + timedelta(seconds=1.2)
            await asyncio.sleep(0.01)

    assert now() >= due
    working.cancel()
    await asyncio.wait([working])


async def test_tasks_of_lost_runners_are_taken_back(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        maintenance, "SPARED", 0
    )  # the PostgreSQL of the tests may have been started just now
    lost = await runner()
    held = await held_by(lost.id)
    await lose(lost.id)
    upkeep, _ = maintaining()

    await upkeep.recover()

    assert (await Task.get(id=held.id)).state is TaskState.QUEUED


async def test_nobody_is_taken_for_lost_just_after_the_database_was_away(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = await runner()
    held = await held_by(lost.id)
    await lose(lost.id)
    upkeep, _ = maintaining()
    monkeypatch.setattr(maintenance, "look_for_tasks", _away)
    with pytest.raises(ConnectionError):
        await upkeep.run_once()

    await upkeep.recover()

    assert (await Task.get(id=held.id)).worker_id == lost.id


async def test_nobody_is_taken_for_lost_just_after_postgresql_was_started(db: Database) -> None:
    lost = await runner()
    held = await held_by(lost.id)
    await lose(lost.id)
    [row] = await fetch("SELECT extract(epoch FROM now() - pg_postmaster_start_time())::float8 AS up")

    await recovering.recover_lost_tasks(spare_seconds=row["up"] + 60)

    assert (await Task.get(id=held.id)).worker_id == lost.id


async def _away(_: UUID) -> Seen:
    raise ConnectionError("the database is away")


async def test_a_job_that_fails_is_done_again_and_keeps_nothing_else_from_being_done(db: Database) -> None:
    done: list[str] = []

    async def fail() -> bool:
        done.append("fail")
        raise RuntimeError("not today")

    async def work() -> bool:
        done.append("work")
        return False

    upkeep, _ = maintaining(jobs=[Job("fail", fail, 0.02), Job("work", work, 0.02)])
    working = asyncio.create_task(upkeep.run_forever())

    await until(lambda: done.count("fail") >= 3 and done.count("work") >= 3)

    working.cancel()
    await asyncio.wait([working])


async def test_a_job_with_more_to_do_does_not_wait_for_its_time(db: Database) -> None:
    left = [True, True, False]

    async def work() -> bool:
        return left.pop(0) if left else False

    upkeep, _ = maintaining(jobs=[Job("work", work, 3)])
    working = asyncio.create_task(upkeep.run_forever())

    await until(lambda: not left, 5)

    working.cancel()
    await asyncio.wait([working])


async def test_a_runner_with_nothing_to_do_asks_the_database_less_than_twice_a_second(
    owndb: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The heartbeat, whose thread is not counted here, adds one in five seconds."""
    with statements(monkeypatch) as sent:
        async with start_runner(owndb):
            await asyncio.sleep(2)  # until it has found that there is nothing
            before = len(sent)
            await asyncio.sleep(SECONDS)

            assert len(sent) - before <= 2 * SECONDS - 1, sent[before:]
