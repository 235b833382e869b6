"""Each of our chores does its work, run as a task runner runs it."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from app import chores
from app.access import Viewer
from app.actions import retention, work
from app.actions.statistics import STATISTICS_ACTOR
from app.actions.tasks.promoting import look_for_tasks
from app.actions.tasks.schedules import declare_schedules, send_schedule
from app.chores import batches
from app.clock import now
from app.daemons.runner import Runner
from app.database import Database, fetch
from app.models import OutboxEvent, Schedule, Task, TaskLog, TaskState, WorkerStatus, WorkRequest
from app.settings import Settings
from tests.api import Api, rows_of
from tests.cast import Cast
from tests.tasks_yard import LIMIT, start_runner, until_state

BATCH = 3


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", BATCH)
    monkeypatch.setattr(batches, "SAY_EVERY", 0)


@pytest.fixture
async def runner(db: Database) -> AsyncIterator[Runner]:
    """A runner, and our schedules, none of them due."""
    specs = chores.load_actors(Settings())
    await declare_schedules([spec for spec in specs if spec.actor_name.startswith("app.chores.")])
    await fetch("UPDATE schedule SET paused = true")
    async with start_runner(db) as runner:
        yield runner


async def do(name: str) -> Task:
    """Have a chore sent by its schedule, and wait until it is done."""
    schedule = await Schedule.get(actor_name__endswith=f".{name}")
    task = await send_schedule(Viewer.operator(schedule.tenant_id), schedule.id)
    return await until_state(task, TaskState.DONE, TaskState.REJECTED)


async def test_every_chore_has_a_schedule(runner: Runner) -> None:
    rows = await Schedule.all()

    assert {row.actor_name.rpartition(".")[2] for row in rows} == {
        "analyze_what_has_grown",
        "check_stores",
        "expire_artifacts",
        "finish_uploads",
        "forget_old_keys",
        "forget_old_runners",
        "forget_old_tokens",
        "prune_event_log",
        "purge_tasks",
        "reap_uploads",
        "recover_lost_work",
        "remove_bytes",
    }


async def test_lost_work_is_taken_back(api: Api, cast: Cast, runner: Runner) -> None:
    request = await cast.request()
    await work.acquire_work_request(await cast.machine.viewer())
    lose = "UPDATE work_request SET lease_expires_at = now() - interval '1 s', attempt = attempt"
    await fetch(lose)

    first = await do("recover_lost_work")
    spared = await WorkRequest.get(id=request.id)
    await fetch("UPDATE worker_status SET heard_since = now() - interval '1 minute'")
    second = await do("recover_lost_work")

    taken = await WorkRequest.get(id=request.id)
    assert (first.state, second.state) == (TaskState.DONE, TaskState.DONE)
    assert spared.status.value == "running"  # the runner has just started: who knows what was before
    assert (taken.status.value, taken.worker_id) == ("pending", None)
    assert not await OutboxEvent.exists(event_type__startswith="task.")
    assert [line.event async for line in TaskLog.filter(task_id=second.id)] == [
        "Took back 1 work requests; 0 workers are gone."
    ]


async def test_what_is_old_is_cleared_away_batch_by_batch_and_it_says_how_far_it_is(
    runner: Runner, small_batches: None
) -> None:
    await fetch(
        "INSERT INTO idempotency_key (owner, key, mutation, fingerprint, object_id, created_at)"
        " SELECT 'user/1', number, '', '', 1, now() - interval '2 days' FROM generate_series(1, $1) AS number",
        3 * BATCH + 1,
    )
    await fetch(
        "INSERT INTO idempotency_key (owner, key, mutation, fingerprint, object_id) VALUES ('user/1', 'new', '', '', 1)"
    )

    task = await do("forget_old_keys")

    assert await rows_of("idempotency_key") == 1
    lines = [line.event async for line in TaskLog.filter(task_id=task.id).order_by("number")]
    assert lines[-2:-1] == ["Removed 10 idempotency keys."]
    assert "Removed 3 idempotency keys so far." in lines


async def test_events_are_kept_as_long_as_the_setting_says(
    runner: Runner, cast: Cast, small_batches: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVENT_RETENTION_DAYS", "2")
    await fetch("UPDATE outbox_event SET created_at = now() - interval '3 days'")
    old = [event.id for event in await OutboxEvent.all()]
    assert len(old) > BATCH

    async with asyncio.timeout(
        LIMIT
    ):  # what a transaction that is still open might read is left for the next time
        while await OutboxEvent.exists(id__in=old):
            assert (await do("prune_event_log")).state is TaskState.DONE

    assert await OutboxEvent.exists(event_type="task.queued")


async def test_sessions_that_expired_a_day_ago_are_forgotten(cast: Cast, runner: Runner) -> None:
    before = await rows_of("token")
    await fetch(
        "UPDATE token SET kind = 'session', expire_at = now() - interval '2 days' WHERE id = $1",
        cast.bob.token.id,
    )
    await fetch("UPDATE token SET expire_at = now() - interval '2 days' WHERE id = $1", cast.ann.token.id)

    await do("forget_old_tokens")

    assert await rows_of("token") == before - 1


async def test_tasks_and_results_that_were_kept_long_enough_are_purged(runner: Runner) -> None:
    old, kept = await do("forget_old_keys"), await do("forget_old_tokens")
    await fetch(
        "UPDATE task SET expires_at = now() - interval '1 s', purge_at = now() - interval '1 s' WHERE id = $1",
        old.id,
    )
    await fetch("UPDATE task SET result = '1', result_expiry = now() - interval '1 s' WHERE id = $1", kept.id)

    await do("purge_tasks")

    assert not await Task.exists(id=old.id)
    assert (await Task.get(id=kept.id)).result is None


async def test_runners_that_were_gone_for_a_day_are_forgotten(runner: Runner) -> None:
    gone = await WorkerStatus.create(id=uuid4(), hostname="gone", version="0")
    await fetch("UPDATE worker_status SET last_seen = now() - interval '25 hours' WHERE id = $1", gone.id)

    await do("forget_old_runners")

    assert not await WorkerStatus.exists(id=gone.id)


async def test_a_table_that_has_grown_is_analyzed(runner: Runner) -> None:
    await fetch(
        "INSERT INTO idempotency_key (owner, key, mutation, fingerprint, object_id)"
        " SELECT 'user/1', number, '', '', 1 FROM generate_series(1, 3000) AS number"
    )
    await fetch("SELECT pg_stat_force_next_flush()")
    began = now()

    task = await do("analyze_what_has_grown")

    assert task.state is TaskState.DONE
    [row] = await fetch("SELECT reltuples FROM pg_class WHERE relname = 'idempotency_key'")
    assert row["reltuples"] >= 3000
    assert task.mtime >= began


async def test_a_runner_has_a_table_analyzed_as_soon_as_it_has_grown(owndb: Database) -> None:
    await declare_schedules([spec for spec in chores.schedules if spec.actor_name == STATISTICS_ACTOR])
    await fetch("UPDATE schedule SET next_run = now() + interval '1 hour'")
    await fetch(
        "INSERT INTO idempotency_key (owner, key, mutation, fingerprint, object_id)"
        " SELECT 'user/1', number, '', '', 1 FROM generate_series(1, 3000) AS number"
    )
    await fetch("SELECT pg_stat_force_next_flush()")

    async with start_runner(owndb):
        async with asyncio.timeout(LIMIT):
            while not await Task.exists(actor_name=STATISTICS_ACTOR, state=TaskState.DONE):
                await asyncio.sleep(0.01)

    [row] = await fetch("SELECT reltuples FROM pg_class WHERE relname = 'idempotency_key'")
    assert row["reltuples"] >= 3000
    assert (await look_for_tasks(uuid4())).needed == ()
