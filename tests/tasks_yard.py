"""Runners for tests, in this process and in ones of their own, and the means to see what becomes of tasks."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any
from uuid import UUID

import orjson
import pytest
from tortoise.queryset import QuerySet

from app.actions.tasks.recovering import recover_lost_tasks
from app.daemons.runner import Runner
from app.daemons.runner.life import RunnerLife
from app.database import Database, fetch
from app.database.address import Credentials
from app.models import Task, TaskLog, TaskState
from app.settings import Settings
from tests.live import url_of
from tests.task_actors import Stage, stage

LIMIT = 15.0
QUEUED, CONSUMED, PREPROCESS, RUNNING = (
    TaskState.QUEUED,
    TaskState.CONSUMED,
    TaskState.PREPROCESS,
    TaskState.RUNNING,
)
POSTPROCESS, REJECTED, DONE = TaskState.POSTPROCESS, TaskState.REJECTED, TaskState.DONE

WHOLE_LIFE = ["queued", "consumed", "preprocess", "running", "postprocess", "done"]
LEGAL = {
    None: {"queued"},
    "queued": {"consumed", "rejected"},
    "consumed": {"preprocess", "queued", "rejected"},
    "preprocess": {"running", "queued", "rejected", "postprocess"},
    "running": {"postprocess", "queued", "rejected"},
    "postprocess": {"done", "queued", "rejected"},
    "rejected": {"queued"},
    "done": set(),
}
"""Which state may follow which."""


@pytest.fixture
def acted() -> Iterator[Stage]:
    """The stage of the actors, new for this test."""
    stage.clear()
    yield stage
    stage.clear()


async def until(look: Callable[[], Awaitable[bool]] | Callable[[], bool], limit: float = LIMIT) -> None:
    """Look again until it is true."""
    async with asyncio.timeout(limit):
        while True:
            found = look()
            if found if isinstance(found, bool) else await found:
                return
            await asyncio.sleep(0.01)


# A runner in this process -----------------------------------------------------------------------------------------------


@asynccontextmanager
async def start_runner(db: Database, **settings: Any) -> AsyncIterator[Runner]:
    """A runner of this process that works until the block ends; then it gives back what it has."""
    runner = Runner(db, Settings(**settings), companions=[RunnerLife])
    working = asyncio.create_task(runner.run_forever())
    try:
        await runner.wait_until_running()
        yield runner
    finally:
        await runner.stop()
        await working


# A runner of its own ----------------------------------------------------------------------------------------------------


class RunnerProcess:
    """`python -m app tasks run`."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.lines: list[str] = []
        self.reading: asyncio.Task[None]

    @property
    def output(self) -> str:
        return "".join(self.lines)

    @property
    def pid(self) -> int:
        return self.process.pid

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    async def kill(self) -> None:
        """At once, without a word."""
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()

    async def ended(self, limit: float = LIMIT) -> int:
        """Wait for its end: the exit code."""
        async with asyncio.timeout(limit):
            return await self.process.wait()

    async def said(self, words: str, limit: float = 30) -> None:
        """Wait until its log has these words."""
        async with asyncio.timeout(limit):
            while words not in self.output:
                assert self.process.returncode is None, self.output
                await asyncio.sleep(0.01)

    async def _read(self) -> None:
        assert self.process.stdout
        while line := await self.process.stdout.readline():
            self.lines.append(line.decode())


@asynccontextmanager
async def run_runner(
    credentials: Credentials | str, *alterations: str, **environment: str
) -> AsyncIterator[RunnerProcess]:
    """A runner in a process of its own, with these settings. It is killed at the end if it runs still.

    The alterations are those of tests.faults.altered.
    """
    url = credentials if isinstance(credentials, str) else url_of(credentials)
    program = ("tests.faults.altered", *alterations, "--") if alterations else ("app",)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", *program, "tasks", "run"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=PIPE,
        stderr=STDOUT,
        env={
            **os.environ,
            "DATABASE_URL": url,
            "TASK_MODULES": "tests.task_actors",
            "LOG_FORMAT": "json",
            **environment,
        },
    )
    runner = RunnerProcess(process)
    runner.reading = asyncio.create_task(runner._read())
    try:
        await runner.said(STARTED)
        yield runner
    except BaseException as error:
        error.add_note(f"The runner said:\n{runner.output[-10_000:]}")
        raise
    finally:
        with suppress(ProcessLookupError):
            runner.send(signal.SIGCONT)
        await runner.kill()
        await runner.reading


STARTED = "running tasks"


# What has become of tasks -----------------------------------------------------------------------------------------------


def ours() -> QuerySet[Task]:
    """The tasks of the tests: a runner of its own sends our chores, too."""
    return Task.filter(actor_name__startswith="tests.")


async def reload(task: Any) -> Task:
    """The row as it is now, of whatever names a task."""
    match task:
        case Task():
            return await Task.get(id=task.id)
        case UUID():
            return await Task.get(message_id=task)
        case int():
            return await Task.get(id=task)
    return await Task.get(message_id=UUID(str(task.message_id)))


async def until_state(task: Any, *states: TaskState, limit: float = LIMIT) -> Task:
    """The row, once it is in one of these states."""
    row = await reload(task)
    try:
        async with asyncio.timeout(limit):
            while (row := await reload(task)).state not in states:
                await asyncio.sleep(0.01)
    except TimeoutError as error:
        lines = [f"{line.number} {line.attempt} {line.event}" for line in await lines_of(row)]
        raise AssertionError(
            f"{row.state} after {await path_of(row)}: {vars(row)}\n" + "\n".join(lines)
        ) from error
    return row


async def until_count(number: int, limit: float = LIMIT, **filters: Any) -> None:
    """Wait until so many of our tasks are so."""
    async with asyncio.timeout(limit):
        while await ours().filter(**filters).count() != number:
            await asyncio.sleep(0.02)


async def lines_of(task: Task, **filters: Any) -> list[TaskLog]:
    """The lines of its log, in order."""
    return await TaskLog.filter(task_id=task.id, **filters).order_by("number")


async def path_of(task: Task) -> list[str]:
    """The states through which it went, as its events tell it."""
    return (await paths_of_all()).get(f"task/{task.id}", [])


async def paths_of_all() -> dict[str, list[str]]:
    """The paths of all tasks that there ever were, by the subjects of their events."""
    rows = await fetch(
        """SELECT subject, data -> 'transitions' AS transitions FROM outbox_event
        WHERE starts_with(subject, 'task/') ORDER BY xid, seq"""
    )
    paths: dict[str, list[str]] = {}
    for row in rows:
        paths.setdefault(row["subject"], []).extend(state for state, _ in orjson.loads(row["transitions"]))
    return paths


def assert_legal(path: Sequence[str]) -> None:
    """Each state may follow the one before, and the first is queued."""
    for before, after in zip([None, *path], path, strict=False):
        assert after in LEGAL[before], " ".join(path)


async def assert_consistent() -> None:
    """What is derived is what it is derived from: statuses, counts, numbers and paths of all tasks."""
    await assert_derived()
    paths = await paths_of_all()
    for task in await ours():
        path = paths[f"task/{task.id}"]
        assert_legal(path)
        assert path[-1] == task.state.value, (path, task.state)


async def assert_derived() -> None:
    """Statuses and counts are what the log says; holds at every moment."""
    assert [row for row in await fetch(DERIVED) if row["wrong"]] == []


DERIVED = """
WITH logged AS (
    SELECT task_id, count(*) AS lines, max(number) AS last,
        max(array_position(ARRAY['info', 'warning', 'error'], log_level::text)) FILTER (WHERE NOT previous) AS worst
    FROM task_log GROUP BY task_id
)
SELECT id, state, aggregated_status, worst_level, log_count, lines, last, worst,
    aggregated_status <> CASE WHEN state = 'done'
        THEN coalesce((ARRAY['info', 'warning', 'error'])[worst], 'done') ELSE state END
    OR worst_level <> coalesce((ARRAY['info', 'warning', 'error'])[worst], 'done')
    OR log_count <> coalesce(lines, 0) OR log_count <> coalesce(last, 0) AS wrong
FROM task LEFT JOIN logged ON task_id = task.id"""


# Time passes ------------------------------------------------------------------------------------------------------------


async def bring_forward(task: Task) -> None:
    """Let its time come now, instead of waiting for it."""
    await fetch("UPDATE task SET eta = now() WHERE id = $1 AND eta > now()", task.id)


async def lose(worker_id: UUID) -> None:
    """Let a runner be one that was last seen too long ago."""
    await fetch("UPDATE worker_status SET last_seen = now() - interval '31 seconds' WHERE id = $1", worker_id)


async def take_back(worker_id: UUID) -> None:
    """Take a runner that lives for lost, and hear of it again before it learns of that."""
    await lose(worker_id)
    await recover_lost_tasks()
    await fetch("UPDATE worker_status SET last_seen = now(), lost_at = NULL WHERE id = $1", worker_id)
