"""What a runner counts."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import pytest
from prometheus_client import CollectorRegistry

from app.clock import now
from app.daemons.runner import Runner
from app.daemons.runner.life import RunnerLife
from app.daemons.runner.telemetry import TaskFigures, register
from app.database import Database
from app.models import TaskState
from app.settings import Settings
from app.tasks import enqueue
from tests import task_actors as actors
from tests.task_actors import Stage
from tests.tasks_yard import REJECTED, RUNNING, until_state


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@asynccontextmanager
async def counting(db: Database, figures: TaskFigures) -> AsyncIterator[Runner]:
    """A runner that counts there."""
    runner = Runner(db, Settings(), companions=[partial(RunnerLife, figures=figures)])
    working = asyncio.create_task(runner.run_forever())
    await runner.wait_until_running()
    try:
        yield runner
    finally:
        await runner.stop()
        await working


def value(registry: CollectorRegistry, name: str, actor: str) -> float | None:
    labels = {"queue_name": "default", "actor_name": f"tests.task_actors.{actor}"}
    return registry.get_sample_value(f"workyard_tasks_{name}", labels)


async def test_attempts_are_counted_by_how_they_ended(
    db: Database, acted: Stage, registry: CollectorRegistry
) -> None:
    async with counting(db, register(registry)):
        for actor in (actors.noop, actors.fails):
            sent = await actor.send_async()
            await until_state(sent, TaskState.DONE, REJECTED)
        await until_state(await actors.acts.send_async(["raise"], ""), TaskState.DONE)

        found = {
            name: [value(registry, f"{what}total", name) for what in ("", "errors_", "retries_", "rejected_")]
            for name in ("noop", "fails", "acts")
        }

    assert found == {
        "noop": [1, 0, 0, 0],
        "fails": [1, 1, 0, 1],
        "acts": [2, 1, 1, 0],
    }
    assert value(registry, "duration_milliseconds_count", "acts") == 2


async def test_what_runs_is_counted_while_it_runs(
    db: Database, acted: Stage, registry: CollectorRegistry
) -> None:
    async with counting(db, register(registry)):
        await until_state(await actors.waits.send_async("gate", 1), RUNNING)
        delayed = await enqueue(actors.waits.message("gate", 2), eta=now())
        await until_state(delayed, RUNNING)

        during = [value(registry, name, "waits") for name in ("in_progress", "delayed_in_progress")]
        acted.gates["gate"].set()
        await until_state(delayed, TaskState.DONE)
        after = [value(registry, name, "waits") for name in ("in_progress", "delayed_in_progress")]

    assert during == [2, 1]
    assert [number or 0 for number in after] == [0, 0]


async def test_a_cancelled_task_is_rejected_and_no_error(
    db: Database, acted: Stage, registry: CollectorRegistry
) -> None:
    async with counting(db, register(registry)) as runner:
        task = await until_state(await actors.waits.send_async("shut"), RUNNING)
        assert runner.cancel(task.id, task.attempt)
        await until_state(task, REJECTED)

    assert value(registry, "rejected_total", "waits") == 1
    assert value(registry, "errors_total", "waits") == 0
