"""Where tasks run, on the loop, in threads, in processes, and who gets how many of them."""

import asyncio
import os
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any

import pytest
from dramatiq.middleware import TimeLimitExceeded

from app.actions.tasks import enqueue
from app.daemons.runner import Runner
from app.database import Database, fetch
from app.models import Task, TaskState
from app.settings import Settings
from app.tasks import actor, current_task
from app.tasks.making import new_task
from tests.tasks_yard import lines_of, until, until_state

DONE, REJECTED, QUEUED = TaskState.DONE, TaskState.REJECTED, TaskState.QUEUED
open_gate = threading.Event()
entered: list[Any] = []


@pytest.fixture(autouse=True)
def _anew() -> None:
    open_gate.clear()
    entered.clear()


class Odd(Exception):
    """An error that the runner knows as well."""


@actor(process=True, store_results=True, max_retries=0)
def compute(number: int) -> dict[str, Any]:
    """Runs in a process."""
    current_task().warning("computing", number=number)
    current_task().set_uid("computed")
    return {"pid": os.getpid(), "twice": 2 * number}


@actor(process=True, max_retries=0)
def raise_odd() -> None:
    """Fails in a process."""
    raise Odd("as it was", 1)


@actor(process=True, max_retries=3, throws=Odd)
def raise_expected() -> None:
    """Fails in a process as it says that it may."""
    raise Odd("expected")


@actor(process=True, max_retries=0)
def die() -> None:
    """Takes its process along."""
    os._exit(7)


@actor(process=True, max_retries=0, time_limit=1500)
def spin() -> None:
    """Keeps a processor busy."""
    while True:
        pass


@actor(process=True, max_retries=0)
def send_on(number: int) -> None:
    """Sends another from a process."""
    touch.send(number)


@actor
async def touch(what: Any) -> None:
    """Notes that it ran."""
    entered.append(what)


@actor(max_retries=0)
def block(number: int) -> None:
    """Keeps a thread until the gate opens."""
    entered.append(number)
    while not open_gate.wait(0.01):
        pass


async def send(message: Any, **options: Any) -> Task:
    [sent] = await enqueue([new_task(message, **options)])
    return await Task.get(id=sent.id)


@asynccontextmanager
async def running(db: Database, **settings: Any) -> AsyncIterator[Runner]:
    """A runner that takes tasks until the block ends."""
    runner = Runner(db, Settings(task_modules=(__name__,), **settings))
    working = asyncio.create_task(runner.run_forever())
    try:
        await runner.wait_until_running()
        yield runner
    finally:
        open_gate.set()
        await runner.stop()
        await working


async def test_what_a_process_returns_logs_and_sends_is_stored(db: Database) -> None:
    sent, sender = await send(compute.message(21)), await send(send_on.message(5))

    async with running(db):
        task = await until_state(sent, DONE, limit=60)
        await until_state(sender, DONE, limit=60)
        await until(lambda: entered == [5])

    assert task.result is not None
    assert b'"twice":42' in task.result and str(os.getpid()).encode() not in task.result
    assert (task.uid, task.worst_level) == ("tests.daemons.runner.test_lanes.compute:computed", "warning")
    assert [line.event for line in await lines_of(task)][2:3] == ["computing"]


async def test_errors_of_processes_are_what_they_were(db: Database) -> None:
    odd, expected, dead = [await send(each.message()) for each in (raise_odd, raise_expected, die)]

    async with running(db):
        for sent in (odd, expected, dead):
            await until_state(sent, REJECTED, limit=60)

    [raised] = [line for line in await lines_of(odd) if line.log_level == "error"]
    assert raised.attributes["exception"][0]["exc_type"] == "Odd"
    assert "raise_odd" in str(raised.attributes["exception"])
    assert (await Task.get(id=expected.id)).attempt == 1  # `throws` knows it: it is not tried again
    assert "exit code 7" in next(line.event for line in await lines_of(dead) if line.log_level == "error")


async def test_a_process_that_takes_too_long_or_is_cancelled_is_killed(db: Database) -> None:
    late, cancelled = await send(spin.message()), await send(spin.message())

    async with running(db, task_processes=2) as runner:
        await until_state(cancelled, TaskState.RUNNING, limit=60)
        assert runner.cancel(cancelled.id, 1)
        await until_state(cancelled, REJECTED)
        await until_state(late, REJECTED)

    [error] = [line for line in await lines_of(late) if line.log_level == "error"]
    assert error.attributes["exception"][0]["exc_type"] == TimeLimitExceeded.__name__
    assert [line.event for line in await lines_of(cancelled)][-1] == "Task has been cancelled"


async def test_what_finds_no_thread_goes_back_for_other_runners_and_holds_up_nobody_in_other_queues(
    db: Database,
) -> None:
    sent = [await send(block.message(number)) for number in range(6)]

    async with running(db, task_threads=2) as runner:
        await until(lambda: len(entered) == 2)
        await until(lambda: _count(2, state__in=["consumed", "preprocess", "running"]), limit=5)
        assert sorted(entered) == [0, 1]
        assert await _count(4, state="queued", ready=True)
        other = touch.message("other")
        await send(other.copy(queue_name="other"))
        await until(lambda: "other" in entered)
        open_gate.set()
        for each in sent:
            await until_state(each, DONE)
        assert runner.running == 0

    assert entered.count(3) == 1


async def _count(number: int, **filters: Any) -> bool:
    return await Task.filter(**filters).count() == number


async def test_each_queue_has_its_share(db: Database) -> None:
    for number in range(300):
        await send(touch.message(f"big {number}"))
    await send(touch.message("small").copy(queue_name="small"))

    async with running(db, task_concurrency=10):
        await until(lambda: "small" in entered)

        assert entered.index("small") < 100


async def test_a_runner_serves_the_queues_that_it_is_told_to(db: Database) -> None:
    mine, others = await send(touch.message(1).copy(queue_name="mine")), await send(touch.message(2))

    async with running(db, task_queues=("mine",)):
        await until_state(mine, DONE)
        assert {row["queue_name"] for row in await fetch("SELECT queue_name FROM task_idle")} <= {"mine"}

    assert (await Task.get(id=others.id)).state is QUEUED


async def test_no_more_run_at_once_than_may(db: Database) -> None:
    for number in range(5):
        await send(block.message(number))

    async with running(db, task_concurrency=3, task_threads=8) as runner:
        await until(lambda: len(entered) == 3)
        await until(lambda: runner.waiting == 0, limit=5)
        assert (runner.running, len(entered)) == (3, 3)
        open_gate.set()
        await until(lambda: len(entered) == 5)


async def test_what_an_actor_leaves_in_its_context_the_next_does_not_see(db: Database) -> None:
    left: ContextVar[int] = ContextVar("left")

    @actor(actor_name=f"tests.leave.{time.monotonic_ns()}")
    async def leave(number: int) -> None:
        """Leaves something behind."""
        entered.append(left.get(None))
        left.set(number)

    for number in range(20):
        await send(leave.message(number))

    async with running(db, task_concurrency=2):
        await until(lambda: len(entered) == 20)

    assert entered == [None] * 20
