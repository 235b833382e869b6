"""What becomes of a task that a runner has, and of the runner that has it."""

import asyncio
import threading
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from dramatiq.middleware import TimeLimitExceeded

import app.daemons.runner.claiming
from app.actions.tasks import enqueue
from app.daemons.runner import Runner
from app.database import Database, fetch
from app.models import Task, TaskState
from app.settings import Settings
from app.tasks import TaskBroker, actor, current_task
from app.tasks.making import new_task
from tests.tasks_yard import lines_of, path_of, until, until_state

broker = TaskBroker()
gates: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
seen: list[Any] = []


@pytest.fixture(autouse=True)
def _anew() -> None:
    gates.clear()
    seen.clear()


@actor(broker=broker, actor_name="tests.add", store_results=True)
async def add(left: int, right: int) -> int:
    """Adds."""
    current_task().info("adding", left=left)
    return left + right


@actor(broker=broker, actor_name="tests.note")
async def note(what: Any) -> None:
    """Notes."""
    seen.append(what)


@actor(broker=broker, actor_name="tests.wait", max_retries=0)
async def wait(gate: str) -> None:
    """Waits at a gate."""
    seen.append(gate)
    await gates[gate].wait()


@actor(broker=broker, actor_name="tests.hurry", max_retries=0, time_limit=100)
async def hurry() -> None:
    """Takes too long."""
    await asyncio.sleep(60)


@actor(broker=broker, actor_name="tests.plain", store_results=True, max_retries=0)
def plain(seconds: float = 0) -> str:
    """Runs in a thread."""
    seen.append(threading.current_thread().name)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        time.sleep(0.01)
    return threading.current_thread().name


@actor(broker=broker, actor_name="tests.plain_hurry", max_retries=0, time_limit=100)
def plain_hurry() -> None:
    """Takes too long in a thread."""
    while True:
        time.sleep(0.01)


@actor(broker=broker, actor_name="tests.fail", max_retries=1, min_backoff=60_000)
async def fail() -> None:
    """Fails."""
    raise ValueError("no")


async def send(message: Any, **options: Any) -> Task:
    [sent] = await enqueue([new_task(message, broker=broker, **options)])
    return await Task.get(id=sent.id)


@asynccontextmanager
async def running(db: Database, **settings: Any) -> AsyncIterator[Runner]:
    """A runner that takes tasks until the block ends."""
    runner = Runner(db, Settings(**settings), broker=broker)
    working = asyncio.create_task(runner.run_forever())
    try:
        await runner.wait_until_running()
        yield runner
    finally:
        for gate in gates.values():
            gate.set()
        await runner.stop()
        await working


async def test_a_task_is_done_with_its_result_lines_and_events(db: Database) -> None:
    sent = await send(add.message(40, 2))

    runner = Runner(db, Settings(), broker=broker)
    ran = await runner.run_once()
    await runner.close()

    task = await Task.get(id=sent.id)
    assert ran == 1
    assert (task.state, task.result, task.message, task.worker_id) == (TaskState.DONE, b"42", b"", None)
    assert task.aggregated_status == "info" and task.expires_at is not None and task.result_expiry is not None
    assert [(line.number, line.event, line.attempt) for line in await lines_of(task)] == [
        (1, "Task has been queued", 0),
        (2, "Task is being processed", 1),
        (3, "adding", 1),
        (4, "Task has finished", 1),
    ]
    assert await path_of(task) == ["queued", "consumed", "preprocess", "running", "postprocess", "done"]
    assert (await fetch("SELECT count(*) FROM outbox_event WHERE subject = $1", f"task/{task.id}"))[0][
        "count"
    ] == 2


async def test_a_waiting_runner_is_told_of_a_new_task(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app.daemons.runner.claiming, "POLL", 3600.0)  # nor does it look by itself
    async with running(db):
        for number in range(5):
            await until(_idle)
            await send(note.message(number))
            await until(lambda number=number: number in seen)


async def _idle() -> bool:
    return bool(await fetch("SELECT FROM task_idle"))


async def test_a_plain_function_runs_in_a_thread(db: Database) -> None:
    sent = await send(plain.message())

    async with running(db):
        task = await until_state(sent, TaskState.DONE)

    assert task.result is not None and b"task-1" in task.result


async def test_what_takes_too_long_is_stopped(db: Database) -> None:
    tasks = [await send(hurry.message()), await send(plain_hurry.message())]

    async with running(db):
        for sent in tasks:
            task = await until_state(sent, TaskState.REJECTED)
            last = (await lines_of(task))[-1]

            assert last.log_level == "error"
            assert last.attributes["exception"][0]["exc_type"] == TimeLimitExceeded.__name__


async def test_a_cancelled_task_is_stopped_and_rejected(db: Database) -> None:
    tasks = [await send(wait.message("never")), await send(plain.message(60))]

    async with running(db) as runner:
        await until(lambda: len(seen) == 2)
        for sent in tasks:
            assert runner.cancel(sent.id, 1)
        for sent in tasks:
            task = await until_state(sent, TaskState.REJECTED)

            assert (await lines_of(task))[-1].event == "Task has been cancelled"
            assert (await path_of(task))[-1] == "rejected"


async def test_a_state_that_lasts_is_stored_and_told(db: Database) -> None:
    sent = await send(wait.message("long"))

    async with running(db):
        task = await until_state(sent, TaskState.RUNNING)
        assert await path_of(task) == ["queued", "consumed", "preprocess", "running"]
        gates["long"].set()
        task = await until_state(sent, TaskState.DONE)

    assert await path_of(task) == ["queued", "consumed", "preprocess", "running", "postprocess", "done"]


async def test_a_failed_task_is_tried_again_with_its_log_rotated(db: Database) -> None:
    sent = await send(fail.message())

    async with running(db):
        task = await until_state(sent, TaskState.QUEUED)
        await until(lambda: _attempted(sent.id))
        task = await Task.get(id=sent.id)
        assert task.eta is not None and task.retries == 1 and not task.ready
        lines = [(line.event, line.previous) for line in await lines_of(task)]
        assert lines == [
            ("Task has been queued", True),
            ("Task is being processed", True),
            ("no", True),
            ("Task will be retried", False),
        ]
        await fetch("UPDATE task SET ready = true WHERE id = $1", sent.id)
        task = await until_state(sent, TaskState.REJECTED)

    assert (task.attempt, task.worst_level) == (2, "error")
    assert (await path_of(task)).count("queued") == 2


async def _attempted(id: int) -> bool:
    task = await Task.get(id=id)
    return task.attempt == 1 and task.state is TaskState.QUEUED


async def test_a_stopping_runner_gives_back_what_has_not_begun_and_ends_the_rest(db: Database) -> None:
    async with running(db, task_concurrency=1) as runner:
        first = await send(wait.message("first"))
        await until(lambda: "first" in seen)
        stopping = asyncio.create_task(runner.stop())
        second = await send(note.message("second"))
        gates["first"].set()
        await stopping

        assert (await Task.get(id=first.id)).state is TaskState.DONE
        assert (await Task.get(id=second.id)).state is TaskState.QUEUED
        assert not await _idle()


async def test_a_runner_that_may_not_wait_gives_back_what_runs_without_a_retry(db: Database) -> None:
    tasks = [await send(wait.message("never")), await send(plain.message(60))]

    async with running(db, task_grace_seconds=0) as runner:
        await until(lambda: len(seen) == 2)
        await runner.stop()

        for sent in tasks:
            task = await Task.get(id=sent.id)
            assert (task.state, task.retries, task.attempt, task.ready) == (TaskState.QUEUED, 0, 1, True)
            assert [line.event for line in await lines_of(task, previous=False)] == [
                "Task has been given back, because its runner stops"
            ]


async def test_a_lost_attempt_changes_nothing(db: Database) -> None:
    sent = await send(wait.message("zombie"))

    async with running(db):
        await until_state(sent, TaskState.RUNNING)
        await fetch(
            "UPDATE task SET attempt = attempt + 1, worker_id = gen_random_uuid() WHERE id = $1", sent.id
        )
        before = await lines_of(sent), await path_of(sent)
        gates["zombie"].set()

    task = await Task.get(id=sent.id)
    assert task.state is TaskState.RUNNING and task.attempt == 2
    assert ([line.id for line in await lines_of(task)], await path_of(task)) == (
        [line.id for line in before[0]],
        before[1],
    )


async def test_an_actor_that_nobody_knows_is_rejected(db: Database) -> None:
    sent = await send(note.message(1))
    await fetch("UPDATE task SET message = convert_to($2, 'utf8') WHERE id = $1", sent.id, UNKNOWN)
    other = await send(note.message(2))
    await fetch("UPDATE task SET message = 'nonsense' WHERE id = $1", other.id)

    async with running(db):
        for each in (sent, other):
            task = await until_state(each, TaskState.REJECTED)
            assert (await lines_of(task))[-1].log_level == "error"
    assert seen == []


UNKNOWN = (
    '{"queue_name":"default","actor_name":"tests.gone","args":[],"kwargs":{},"options":{},'
    '"message_id":"00000000-0000-0000-0000-000000000001","message_timestamp":1}'
)
