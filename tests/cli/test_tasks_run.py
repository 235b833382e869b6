"""`python -m app tasks run` as an operator starts, asks and stops it."""

import asyncio
import signal
import sys
from pathlib import Path

import httpx

from app.database import Database, fetch
from app.models import Task, TaskState, WorkerStatus
from app.tasks import enqueue
from tests import task_actors as actors
from tests.cli.test_run import environment, free_port
from tests.live import url_of
from tests.machine import until
from tests.task_actors import marks
from tests.tasks_yard import run_runner, until_state

ROOT = Path(__file__).parents[2]


async def test_a_runner_without_work_ends_at_once_and_is_forgotten(db: Database) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        async with run_runner(db.credentials) as runner:
            known = await WorkerStatus.all().count()
            runner.send(number)

            assert await runner.ended(5) == 0, runner.output
            assert (known, await WorkerStatus.all().count()) == (1, 0)


async def test_a_second_signal_gives_back_what_runs(db: Database, tmp_path: Path) -> None:
    path = tmp_path / "marks"
    async with run_runner(db.credentials) as runner:
        sent = await actors.marked.send_async(str(path), "slow", 60)
        await until(lambda: marks(path) == ["began-slow"])
        runner.send(signal.SIGTERM)
        await until_stopping()
        runner.send(signal.SIGTERM)

        assert await runner.ended(5) == 0, runner.output

    task = await Task.get(message_id=sent.message_id)
    assert (task.state, task.ready, task.retries, task.crashes) == (TaskState.QUEUED, True, 0, 0)


async def test_a_task_is_given_back_when_its_grace_is_over(db: Database, tmp_path: Path) -> None:
    path = tmp_path / "marks"
    async with run_runner(db.credentials, TASK_GRACE_SECONDS="0") as runner:
        sent = await actors.marked.send_async(str(path), "slow", 60)
        await until(lambda: marks(path) == ["began-slow"])
        runner.send(signal.SIGTERM)

        assert await runner.ended(5) == 0, runner.output

    assert (await Task.get(message_id=sent.message_id)).state is TaskState.QUEUED


async def test_it_tells_its_health_and_what_it_counted(db: Database) -> None:
    port = free_port()
    async with (
        run_runner(db.credentials, TASK_PORT=str(port)),
        httpx.AsyncClient(verify=False, base_url=f"http://127.0.0.1:{port}") as client,
    ):
        await until_state(await actors.noop.send_async(), TaskState.DONE)
        ready = await client.get("/health/ready")
        metrics = (await client.get("/metrics")).text

    assert (ready.status_code, ready.json()["status"]) == (200, "ready")
    labels = 'actor_name="tests.task_actors.noop",queue_name="default"'
    assert f"workyard_tasks_total{{{labels}}} 1.0" in metrics
    assert f"workyard_tasks_rejected_total{{{labels}}} 0.0" in metrics
    assert f"workyard_tasks_duration_milliseconds_count{{{labels}}} 1.0" in metrics


async def test_it_serves_the_queues_that_it_is_told(db: Database) -> None:
    async with run_runner(db.credentials, TASK_QUEUES="mail") as runner:
        other = await actors.noop.send_async()
        served = await enqueue(actors.noop.message().copy(queue_name="mail"))
        await until_state(served, TaskState.DONE)
        [row] = await fetch("SELECT queues, concurrency FROM worker_status")

        assert (await Task.get(message_id=other.message_id)).state is TaskState.QUEUED
        assert row["queues"] == ["mail"]
        assert runner.process.returncode is None


async def test_a_module_that_cannot_be_imported_is_named(db: Database, base: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "app", "tasks", "run"),
        cwd=ROOT,
        env={
            **environment(base, free_port()),
            "DATABASE_URL": url_of(db.credentials),
            "TASK_MODULES": "no.such.module",
        },
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        _, said = await process.communicate()

    assert process.returncode == 2
    assert said.decode() == (
        "workyard: cannot import 'no.such.module' of TASK_MODULES: ModuleNotFoundError: No module named 'no'\n"
    )


async def until_stopping() -> None:
    """Wait until the runner has said that it stops."""
    async with asyncio.timeout(10):
        while not await WorkerStatus.filter(stopping=True).exists():
            await asyncio.sleep(0.02)
