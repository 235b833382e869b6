"""Bad input to tasks and faults around their runners: nothing is lost or done twice to its end, and health tells the truth."""

import asyncio
import os
import pickle
import random
import signal
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import orjson
import pytest

from app.actions.tasks.claiming import Claimed, claim
from app.actions.tasks.finishing import End, flush
from app.actions.tasks.purging import purge_tasks
from app.actions.tasks.recovering import recover_lost_tasks
from app.actions.tasks.schedules import declare_schedules, send_due_schedules
from app.clock import now
from app.daemons.runner import claiming as runner_claiming
from app.daemons.runner import flushing
from app.database import Database, fetch
from app.errors import MessageTooLarge, UnknownActor
from app.graphql.ids import decode_id
from app.models import LogLevel, Schedule, Task, TaskState
from app.tasks import enqueue
from app.tasks.schedules import ScheduleSpec
from tests import task_actors as actors
from tests.api import Api, gid, rows_of, state
from tests.cast import Cast
from tests.faults.pooler import run_pooler
from tests.faults.site import Site
from tests.faults.wire import Wire
from tests.live import free_port, url_of
from tests.task_actors import Stage, marks
from tests.tasks_yard import (
    DONE,
    QUEUED,
    REJECTED,
    RUNNING,
    assert_consistent,
    assert_derived,
    lines_of,
    lose,
    ours,
    path_of,
    paths_of_all,
    run_runner,
    start_runner,
    take_back,
    until,
    until_count,
    until_state,
)

KIB = 1024
TASKS = 200


async def ready(port: int) -> int:
    """The status of a runner's readiness; 0: nobody answers."""
    try:
        async with httpx.AsyncClient(timeout=3, verify=False) as http:
            return (await http.get(f"http://127.0.0.1:{port}/health/ready")).status_code
    except httpx.TransportError:
        return 0


async def until_ready(port: int, status: int, limit: float = 25) -> None:
    async with asyncio.timeout(limit):
        while await ready(port) != status:
            await asyncio.sleep(0.05)


async def ends() -> Counter[str]:
    """How often each task of ours was told to be done."""
    rows = await fetch(
        """SELECT subject FROM outbox_event
        WHERE event_type = 'task.done' AND starts_with(data ->> 'actor_name', 'tests.')"""
    )
    return Counter(row["subject"] for row in rows)


# Bad input --------------------------------------------------------------------------------------------------------------


async def test_an_actor_that_nobody_knows_is_refused_when_it_is_sent(api: Api, cast: Cast) -> None:
    before = await state()
    message = actors.noop.message(1).copy(actor_name="tests.nobody")

    with pytest.raises(UnknownActor):
        await enqueue(message)
    answer = await api.mutate(cast.bob, "enqueueTask", "task { id }", actorName="tests.nobody", **at(cast))

    assert answer.refused["code"] == "UNKNOWN_ACTOR" and "tests.nobody" in answer.refused["message"]
    assert await state() == before


def at(cast: Cast) -> dict[str, Any]:
    return {"workspace": gid(cast.lab)}


BODIES = {
    "no text": b"\xff\xfe\x00",
    "no message": b"{}",
    "a list": b"[1, 2]",
    "half": b'{"queue_name": "default", "actor_na',
    "nothing": b"",
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
async def test_a_row_that_holds_no_message_is_rejected_and_holds_nobody_up(
    db: Database, acted: Stage, body: bytes
) -> None:
    await actors.noop.send_async(1)
    await fetch("UPDATE task SET message = $1", body)

    async with start_runner(db):
        after = await actors.noop.send_async(2)
        await until_state(after, DONE)
        bad = await until_state((await Task.all().order_by("id"))[0], REJECTED)

    assert acted.numbers("noop") == [2]
    last = (await lines_of(bad))[-1]
    assert last.log_level is LogLevel.ERROR
    assert bad.attempt == 1
    await assert_consistent()


class Bomb:
    """What runs a command when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


async def test_a_pickle_in_the_table_is_not_opened(db: Database, tmp_path: Path) -> None:
    bomb = pickle.dumps(Bomb(tmp_path / "exploded"))
    await actors.noop.send_async(1)
    await fetch("UPDATE task SET message = $1", bomb)

    async with start_runner(db):
        await until_count(1, state=REJECTED)

    assert not (tmp_path / "exploded").exists()


async def test_an_actor_that_was_removed_is_rejected_and_holds_nobody_up(db: Database, acted: Stage) -> None:
    await actors.noop.send_async(1)
    await fetch(
        """UPDATE task SET actor_name = 'tests.removed',
        message = convert_to(replace(convert_from(message, 'UTF8'), 'tests.task_actors.noop', 'tests.removed'), 'UTF8')"""
    )

    async with start_runner(db):
        await until_state(await actors.noop.send_async(2), DONE)
        bad = await until_state((await Task.all().order_by("id"))[0], REJECTED)

    assert acted.numbers("noop") == [2]
    last = (await lines_of(bad))[-1]
    assert last.log_level is LogLevel.ERROR and "tests.removed" in last.event
    assert bad.attempt == 1


async def test_a_message_that_is_too_long_is_refused(api: Api, cast: Cast) -> None:
    before = await state()

    with pytest.raises(MessageTooLarge):
        await actors.marked.send_async("x" * 256 * KIB, "word")
    answer = await api.mutate(
        cast.bob,
        "enqueueTask",
        "task { id }",
        actorName="tests.task_actors.waits",
        args=["x" * 256 * KIB],
        **at(cast),
    )

    assert "256 KiB" in answer.refused["message"] or "262" in answer.refused["message"]
    assert await state() == before
    await actors.marked.send_async("x" * 250 * KIB, "word")


@pytest.mark.parametrize("what", ["object", str(1024 * KIB)])
async def test_a_result_that_cannot_be_kept_is_left_out_with_a_warning(db: Database, what: str) -> None:
    async with start_runner(db):
        task = await until_state(await actors.returns.send_async(what), DONE)
        kept = await until_state(await actors.returns.send_async(str(1000 * KIB)), DONE)

    assert task.result is None
    assert task.aggregated_status == "warning"
    warnings = [line for line in await lines_of(task) if line.log_level is LogLevel.WARNING]
    assert len(warnings) == 1 and "result" in warnings[0].event.lower()
    assert kept.result is not None and len(orjson.loads(kept.result)) == 1000 * KIB


@pytest.mark.parametrize(
    "crontab", ["", "* * * *", "61 * * * *", "every day", "* * 31 2 *", "*/0 * * * *", "x" * 10_000]
)
async def test_a_crontab_that_never_comes_is_refused(
    api: Api, cast: Cast, db: Database, crontab: str
) -> None:
    await declare_schedules([ScheduleSpec(actors.noop, "* * * * *", identifier="it")])
    before = await state()

    answer = await api.mutate(
        cast.sam, "updateSchedule", id=gid(await Schedule.get(identifier="it")), crontab=crontab
    )

    assert (answer.refused["code"], answer.refused["path"]) == ("INVALID_CRONTAB", ["input", "crontab"])
    assert await state() == before


async def test_a_bad_schedule_holds_no_other_up(db: Database) -> None:
    specs = [ScheduleSpec(actors.noop, "* * * * *", identifier=name) for name in ("a", "b", "c", "d")]
    await declare_schedules(specs)
    await fetch("UPDATE schedule SET next_run = now() - interval '1 minute'")
    await fetch("UPDATE schedule SET crontab = 'nonsense' WHERE identifier = 'a'")
    await fetch("UPDATE schedule SET actor_name = 'tests.removed' WHERE identifier = 'b'")

    await send_due_schedules()
    await send_due_schedules()

    sent = {task.rel_obj_id for task in await Task.filter(actor_name="tests.task_actors.noop")}
    assert {str(row.id) for row in await Schedule.filter(identifier__in=["c", "d"])} <= sent
    assert len(sent) == await Task.all().count()


async def test_a_retry_of_a_running_task_changes_nothing(
    api: Api, cast: Cast, db: Database, acted: Stage
) -> None:
    async with start_runner(db):
        sent = await actors.waits.send_with_options_async(args=("shut",), workspace_id=cast.lab.id)
        task = await until_state(sent, RUNNING)
        before = await state()

        answer = await api.mutate(cast.bob, "retryTask", id=gid(task))
        after = await state()
        acted.gates["shut"].set()
        await until_state(sent, DONE)

    assert answer.refused["currentState"] == "RUNNING"
    changed = {table for table in before if before[table] != after[table]}
    assert changed <= {"worker_status", "task_idle"}
    assert len(acted.runs) == 1


async def test_of_many_who_retry_at_once_one_does(api: Api, cast: Cast, db: Database) -> None:
    async with start_runner(db):
        sent = await actors.fails.send_with_options_async(workspace_id=cast.lab.id)
        task = await until_state(sent, REJECTED)

    answers = await asyncio.gather(
        *[api.mutate(cast.bob, "retryTask", "task { state }", id=gid(task)) for _ in range(8)]
    )

    assert sum(answer.payload["userErrors"] == [] for answer in answers) == 1
    assert (await path_of(task))[-2:] == ["rejected", "queued"]
    await assert_consistent()


# Runners that stand still, or die ---------------------------------------------------------------------------------------


async def test_what_a_runner_did_after_it_was_taken_for_lost_does_not_count(
    owndb: Database, tmp_path: Path
) -> None:
    """It is stopped for longer than others wait for it, and goes on when its task was done by another."""
    path, gate = tmp_path / "marks", tmp_path / "gate"
    port = free_port()
    async with run_runner(owndb.credentials, TASK_PORT=str(port)) as first:
        sent = await actors.held_for.send_async(str(path), "it", str(gate))
        await until(lambda: len(marks(path)) == 1)
        stalled = (await until_state(sent, RUNNING)).worker_id
        assert stalled is not None

        first.send(signal.SIGSTOP)
        gate.touch()
        await lose(stalled)
        await recover_lost_tasks()
        async with run_runner(owndb.credentials):
            task = await until_state(sent, DONE, limit=20)
            lines = [line.id for line in await lines_of(task)]
            first.send(signal.SIGCONT)

            async def known_again() -> bool:
                (row,) = await fetch("SELECT lost_at FROM worker_status WHERE id = $1", stalled)
                return row["lost_at"] is None

            await until(known_again)
            await until_ready(port, 200)
            await until_state(await actors.noop.send_async(), DONE)
            both = await fetch("SELECT id FROM worker_status WHERE last_seen > now() - interval '30 s'")

    task = await until_state(sent, DONE)
    assert [line.id for line in await lines_of(task)] == lines
    assert (task.attempt, task.crashes) == (2, 1)
    assert sorted((await ends()).values()) == [1, 1]
    assert len(both) == 2
    await assert_consistent()


@pytest.mark.timeout(120)
async def test_two_hundred_tasks_end_once_each_although_their_runner_is_killed(
    owndb: Database, tmp_path: Path
) -> None:
    path, port, other = tmp_path / "marks", free_port(), free_port()
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(run_runner(owndb.credentials, TASK_PORT=str(port)))
        await until_ready(port, 200)
        async with asyncio.TaskGroup() as group:
            for number in range(TASKS):
                group.create_task(actors.marked.send_async(str(path), str(number), 0.05))
        await until(lambda: sum(word.startswith("ended") for word in marks(path)) > 10)

        await first.kill()
        assert await ready(port) == 0
        (row,) = await fetch("SELECT id FROM worker_status")
        await fetch("SELECT write_claims(ARRAY(SELECT id FROM task))")
        held = {task.id for task in await ours().filter(worker_id=row["id"])}
        await lose(row["id"])
        await recover_lost_tasks()
        await stack.enter_async_context(run_runner(owndb.credentials, TASK_PORT=str(other)))
        await until_count(TASKS, limit=30, state=DONE)
        await until_ready(other, 200)

    tasks = await ours()
    assert set(await ends()) == {f"task/{task.id}" for task in tasks}
    assert set((await ends()).values()) == {1}
    again = {task.id for task in tasks if task.attempt == 2}
    assert again and again <= held
    assert all((task.attempt, task.crashes) in ((1, 0), (2, 1)) for task in tasks)
    finished = Counter(word for word in marks(path) if word.startswith("ended"))
    assert len(finished) == TASKS
    assert sum(finished.values()) <= TASKS + len(again)
    await assert_consistent()


ENQUEUE = """mutation ($in: EnqueueTasksInput!) { enqueueTasks(input: $in) {
  tasks { id } userErrors { code message path } } }"""
HELD = "SELECT DISTINCT worker_id AS id FROM task WHERE actor_name = $1 AND worker_id IS NOT NULL"
LOSE = "UPDATE worker_status SET last_seen = now() - interval '31 seconds' WHERE id = $1"


@pytest.mark.timeout(180)
async def test_two_hundred_tasks_end_once_each_although_postgresql_and_then_the_runner_are_killed(
    site: Site,
) -> None:
    """On one machine, as `python -m app run` runs it."""
    path, name = site.directory / "marks", actors.marked.actor_name

    def ended() -> int:
        return sum(word.startswith("ended") for word in marks(path))

    tasks = [{"actorName": name, "args": [str(path), str(number), 0.3]} for number in range(TASKS)]
    await site.admin.mutate(ENQUEUE, {"in": {"tasks": tasks}})
    await until(lambda: ended() > TASKS // 10)
    site.postmaster.kill()
    await until(lambda: ended() > TASKS // 2, limit=40)

    site.task_runner.kill()
    for row in await site.fetch(HELD, name):
        await site.fetch(LOSE, row["id"])

    async def all_done() -> bool:
        rows = await site.fetch("SELECT state FROM task WHERE actor_name = $1", name)
        return [row["state"] for row in rows] == ["done"] * TASKS

    await until(all_done, limit=60)
    await until_ready(site.task_port, 200)
    told = await site.fetch(
        """SELECT subject FROM outbox_event
        WHERE event_type = 'task.done' AND data ->> 'actor_name' = $1""",
        name,
    )
    crashed = await site.fetch("SELECT id FROM task WHERE actor_name = $1 AND crashes > 0", name)
    assert len(told) == len({row["subject"] for row in told}) == TASKS
    assert len({word for word in marks(path) if word.startswith("ended")}) == TASKS
    assert crashed and ended() <= TASKS + len(crashed)


async def test_a_runner_that_takes_its_own_lost_task_again_ends_it_once(db: Database, acted: Stage) -> None:
    """It was taken for lost, but works; its first run ends while its second goes on."""
    async with start_runner(db):
        sent = await actors.waits_each_time.send_async("gate")
        task = await until_state(sent, RUNNING)
        assert task.worker_id is not None
        await take_back(task.worker_id)
        await until(lambda: acted.numbers("waits_each_time") == [1, 2])

        acted.gates["gate 1"].set()
        await until_state(await actors.noop.send_async(), DONE)
        between = await until_state(sent, TaskState.CONSUMED, RUNNING)
        acted.gates["gate 2"].set()
        task = await until_state(sent, DONE)

    assert between.attempt == task.attempt == 2
    assert set((await ends()).values()) == {1}
    await assert_consistent()


async def test_an_end_that_comes_when_the_same_runner_has_the_task_anew_does_not_count(
    db: Database, acted: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It could not be stored for so long that the runner was taken for lost, and took the task again."""
    away = acted.gates["the database is here"]

    async def held_up(connection: Any, worker_id: UUID, reports: Any) -> None:
        if any(isinstance(report, End) and report.task.attempt == 1 for report in reports):
            await away.wait()
        await flush(connection, worker_id, reports)

    async with start_runner(db) as runner:
        sent = await actors.waits_each_time.send_async("gate")
        await until_state(sent, RUNNING)
        monkeypatch.setattr(flushing, "flush", held_up)
        acted.gates["gate 1"].set()
        await until(lambda: runner.running == 0)
        await take_back(runner.id)
        await until(lambda: acted.numbers("waits_each_time") == [1, 2])
        away.set()
        await until_state(await actors.noop.send_async(), DONE)
        between = await until_state(sent, TaskState.CONSUMED, RUNNING, DONE)
        acted.gates["gate 2"].set()
        task = await until_state(sent, DONE)

    assert between.state is not DONE
    assert (between.attempt, task.attempt) == (2, 2)
    assert set((await ends()).values()) == {1}
    await assert_consistent()


async def test_what_a_lost_run_wanted_to_send_is_not_sent(db: Database, acted: Stage) -> None:
    """Its end comes too late; what it sends is part of it."""
    async with start_runner(db) as runner:
        sent = await actors.waits_and_sends.send_async("gate")
        await until_state(sent, RUNNING)
        await lose(runner.id)
        await recover_lost_tasks()  # and it takes nothing until it was heard of again
        acted.gates["gate 1"].set()
        await until(lambda: acted.numbers("sent") == [1])
        await until(lambda: runner.unstored == 0)
        late = await until_state(sent, QUEUED)
        await fetch("UPDATE worker_status SET last_seen = now(), lost_at = NULL WHERE id = $1", runner.id)
        acted.gates["gate 2"].set()
        task = await until_state(sent, DONE)
        await until(lambda: bool(acted.numbers("noop")))
        await until_count(2, state=DONE)

    assert (late.attempt, task.attempt) == (1, 2)
    assert acted.numbers("noop") == [2]
    assert await ours().count() == 2
    await assert_consistent()


async def test_a_runner_that_was_taken_for_lost_asks_again_to_be_told_of_tasks(db: Database) -> None:
    async with start_runner(db) as runner:

        async def listed() -> bool:
            return await rows_of("task_idle") > 0

        await until(listed)
        await lose(runner.id)
        await recover_lost_tasks()
        lost = await rows_of("task_idle")
        await until(listed)

    assert lost == 0


async def test_a_task_that_kills_its_process_fails_and_others_go_on(db: Database) -> None:
    async with start_runner(db, task_modules=("tests.task_actors",), task_processes=1):
        killed = await until_state(await actors.computes_apart.send_async(-1), REJECTED)
        after = await until_state(await actors.computes_apart.send_async(12), DONE)

    last = (await lines_of(killed))[-1]
    assert last.log_level is LogLevel.ERROR and "process" in last.event
    assert (killed.attempt, killed.crashes) == (1, 0)
    assert after.result == b"144"
    assert "computing 12" in [line.event for line in await lines_of(after)]
    await assert_consistent()


async def test_a_runner_that_is_told_to_stop_while_the_database_is_away_ends_in_time(
    owndb: Database, tmp_path: Path
) -> None:
    """What it could not store, another runs again."""
    path = tmp_path / "marks"
    async with (
        Wire(owndb.credentials) as wire,
        run_runner(wire.url, "app.daemons.runner.runner:LAST_WORDS=1") as runner,
    ):
        sent = await actors.marked.send_async(str(path), "it", 0.5)
        await until(lambda: marks(path) == ["began-it"])
        await wire.close()
        await until(lambda: len(marks(path)) == 2)
        runner.send(signal.SIGTERM)
        await runner.ended(20)
    await fetch("SELECT write_claims(ARRAY[$1::bigint])", sent.id)
    held = await until_state(sent, TaskState.CONSUMED, RUNNING)
    assert held.worker_id is not None
    await lose(held.worker_id)
    await recover_lost_tasks()
    async with start_runner(owndb):
        task = await until_state(sent, DONE)

    assert (task.attempt, task.crashes) == (2, 1)
    assert set((await ends()).values()) == {1}
    await assert_consistent()


async def test_a_task_that_kills_its_runners_is_rejected_at_last(db: Database, acted: Stage) -> None:
    sent = await actors.waits.send_async("shut")
    crashes = []
    async with start_runner(db, task_grace_seconds=1):
        for attempt in (1, 2, 3):
            await until_count(1, state=RUNNING, attempt=attempt)
            task = await until_state(sent, RUNNING)
            assert task.worker_id is not None
            await take_back(task.worker_id)
            crashes.append((await Task.get(id=task.id)).crashes)
        task = await until_state(sent, REJECTED)
        acted.gates["shut"].set()

    assert crashes == [1, 2, 3]
    assert (await lines_of(task))[-1].log_level is LogLevel.ERROR
    await assert_consistent()


@pytest.mark.timeout(60)
async def test_a_runner_whose_event_loop_is_blocked_is_not_taken_for_lost(
    owndb: Database, tmp_path: Path
) -> None:
    """It goes on saying that it lives, while its loop does not turn."""
    path = tmp_path / "marks"
    async with run_runner(owndb.credentials):
        sent = await actors.stalls.send_async(str(path), 6.5)
        await until(lambda: marks(path) == ["began"])
        seen = set()
        while marks(path) == ["began"]:
            seen.add((await fetch("SELECT last_seen FROM worker_status"))[0]["last_seen"])
            await asyncio.sleep(0.05)
        await recover_lost_tasks()
        task = await until_state(sent, DONE)

    assert len(seen) >= 2
    assert (task.attempt, task.crashes) == (1, 0)


# The database -----------------------------------------------------------------------------------------------------------


@pytest.mark.timeout(120)
async def test_while_the_database_is_away_a_runner_says_so_and_afterwards_all_goes_on(
    owndb: Database, tmp_path: Path
) -> None:
    path, gate, port = tmp_path / "marks", tmp_path / "gate", free_port()
    async with (
        Wire(owndb.credentials) as wire,
        run_runner(
            wire.url, "app.daemons.runner.health:LONGEST_WITHOUT_LOOK=2", TASK_PORT=str(port)
        ) as runner,
    ):
        await until_ready(port, 200)
        running = await actors.held_for.send_async(str(path), "it", str(gate))
        await until(lambda: len(marks(path)) == 1)
        await wire.close()
        await until_ready(port, 503)
        gate.touch()  # it ends while nobody can be told
        await until(lambda: len(marks(path)) == 2)
        waiting = await actors.marked.send_async(str(path), "later")
        assert await ready(port) == 503
        await wire.open()
        await until_state(running, DONE)
        await until_state(waiting, DONE)
        await until_ready(port, 200)
        listening = await fetch(
            "SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database() AND query ILIKE 'LISTEN%'"
        )
        assert runner.process.returncode is None

    assert marks(path) == ["began-it", "ended-it", "began-later", "ended-later"]
    assert set((await ends()).values()) == {1}
    assert listening == [{"n": 1}]
    await assert_consistent()


async def test_a_runner_that_no_longer_hears_of_tasks_finds_them_and_listens_again(
    owndb: Database,
) -> None:
    listening = "query ILIKE 'LISTEN%'"
    async with start_runner(owndb):
        await until_state(await actors.noop.send_async(), DONE)
        connection = await owndb.connect()
        killed = await connection.fetch(
            f"""SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND {listening}"""
        )
        sent = await actors.noop.send_async()
        await until_state(sent, DONE, limit=3)

        async def listens() -> bool:
            rows = await connection.fetch(
                f"SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND {listening}"
            )
            return len(rows) == 1

        await until(listens)
        await connection.close()
        assert len(killed) == 1


@pytest.mark.timeout(90)
async def test_a_runner_survives_that_all_its_connections_are_killed_and_leaks_none(
    owndb: Database, tmp_path: Path
) -> None:
    path = tmp_path / "marks"
    pool, own = (
        3,
        4,
    )  # small, as it grows with how many chores run at once; to claim, to store, to listen, for the heartbeat
    async with (
        Wire(owndb.credentials) as wire,
        run_runner(f"{wire.url}&application_name=runner", DATABASE_POOL_SIZE=str(pool)) as runner,
    ):
        await until_state(await actors.marked.send_async(str(path), "first"), DONE)
        before = len(await wire_backends(owndb))
        for number in range(3):
            sent = await actors.marked.send_async(str(path), f"w{number}", 0.3)
            await until(lambda number=number: f"began-w{number}" in marks(path))
            for pid in await wire_backends(owndb):
                await fetch("SELECT pg_terminate_backend($1)", pid)
            await until_state(sent, DONE)
        await until_state(await actors.marked.send_async(str(path), "last"), DONE)
        after = len(await wire_backends(owndb))
        assert runner.process.returncode is None

    assert before >= 3  # its own, and those of the models
    assert after <= pool + own
    assert set((await ends()).values()) == {1}
    assert Counter(marks(path)) == {
        f"{step}-{word}": 1 for word in ("first", "w0", "w1", "w2", "last") for step in ("began", "ended")
    }


async def wire_backends(database: Database) -> list[int]:
    """The backends of the runner, which calls itself so."""
    rows = await fetch(
        """SELECT pid FROM pg_stat_activity WHERE datname = current_database()
        AND pid <> pg_backend_pid() AND application_name = 'runner'"""
    )
    return [row["pid"] for row in rows]


@pytest.mark.timeout(90)
@pytest.mark.parametrize("past", [False, True])
async def test_a_pooler_that_keeps_no_session_loses_nothing(
    owndb: Database, base: Path, tmp_path: Path, past: bool
) -> None:
    """Neither with an address past it, for listening, nor without."""
    path = tmp_path / "marks"
    direct = {"DATABASE_DIRECT_URL": url_of(owndb.credentials)} if past else {}
    async with run_pooler(owndb.credentials, base) as url, run_runner(url, **direct):
        async with asyncio.TaskGroup() as group:
            for number in range(50):
                group.create_task(actors.marked.send_async(str(path), str(number)))
        await until_count(50, state=DONE)
        later = await actors.held_at_first.send_async(str(path))
        await until(lambda: "began-1" in marks(path))
        await fetch("UPDATE task SET cancel_requested_at = now() WHERE state NOT IN ('done', 'rejected')")
        await until_state(later, REJECTED)

    assert set((await ends()).values()) == {1}
    assert len(await ends()) == 50
    await assert_consistent()


async def test_a_report_whose_commit_was_not_confirmed_counts_once(
    db: Database, acted: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each second report is stored, and then the connection is lost before PostgreSQL could say so."""
    calls = iter(range(1_000_000))

    async def unconfirmed(connection: Any, worker_id: UUID, reports: Any) -> None:
        await flush(connection, worker_id, reports)
        if next(calls) % 2 == 0:
            raise asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")

    monkeypatch.setattr(flushing, "flush", unconfirmed)
    async with start_runner(db):
        aloud = await actors.acts.send_async(["wait"], "shut")
        ending = [await actors.says.send_async("info", "warning") for _ in range(3)]
        again = await actors.acts.send_async(["raise", "warning"], "shut")
        await until_state(aloud, RUNNING)
        for task in ending:
            await until_state(task, DONE)
        acted.gates["shut"].set()
        done = [await until_state(task, DONE) for task in (aloud, again)]

    assert [task.attempt for task in done] == [1, 2]
    assert len(acted.runs) == 3
    assert len([line for line in await lines_of(done[0]) if line.event == "waiting"]) == 1
    assert set((await ends()).values()) == {1}
    await assert_consistent()


async def test_tasks_whose_claim_was_not_confirmed_are_run_all_the_same(
    db: Database, acted: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are the runner's in the database, and it does not know."""
    failed: list[Claimed] = []

    async def unconfirmed(connection: Any, worker_id: UUID, queue_name: str, limit: int) -> Sequence[Claimed]:
        claimed = await claim(connection, worker_id, queue_name, limit)
        if claimed and not failed:
            failed.extend(claimed)
            raise asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")
        return claimed

    monkeypatch.setattr(runner_claiming, "claim", unconfirmed)
    async with start_runner(db):
        for number in range(3):
            await actors.noop.send_async(number)
        await until_count(3, state=DONE, limit=20)

    assert sorted(acted.numbers("noop")) == [0, 1, 2]
    await assert_consistent()


async def test_health_says_that_tasks_wait_although_there_is_room(owndb: Database, tmp_path: Path) -> None:
    """Whatever it is that keeps a runner from taking them: here, somebody holds their rows."""
    path, port = tmp_path / "marks", free_port()
    await actors.marked.send_async(str(path), "it")
    other = await owndb.connect()
    holding = other.transaction()
    await holding.start()
    await other.execute("SELECT FROM task_waiting FOR UPDATE")
    async with run_runner(
        owndb.credentials,
        "app.daemons.runner.health:LONGEST_WITHOUT_LOOK=2",
        TASK_PORT=str(port),
        TASK_OLDEST_READY_SECONDS="1",
    ):
        await until_ready(port, 200)
        await until_ready(port, 503)
        waiting = marks(path)
        await holding.rollback()
        await until_ready(port, 200)

    await other.close()
    assert waiting == []
    assert marks(path) == ["began-it", "ended-it"]


async def test_health_says_that_what_became_of_tasks_cannot_be_stored(
    owndb: Database, tmp_path: Path
) -> None:
    """Though it is heard of, and takes tasks: here, somebody keeps all from writing events."""
    path, gate, port = tmp_path / "marks", tmp_path / "gate", free_port()
    other = await owndb.connect()
    async with run_runner(
        owndb.credentials, "app.daemons.runner.health:LONGEST_UNSTORED=1", TASK_PORT=str(port)
    ):
        sent = await actors.held_for.send_async(str(path), "it", str(gate))
        await until_state(sent, RUNNING)
        async with other.transaction():
            await other.execute("LOCK TABLE outbox_event IN SHARE MODE")
            before = await ready(port)
            gate.touch()
            await until_ready(port, 503)
            ended = marks(path)
        await until_state(sent, DONE)
        await until_ready(port, 200)

    await other.close()
    assert before == 200
    assert ended == marks(path) == ["began-it", "ended-it"]


# The clock --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seconds", [-7200.0, 7200.0])
async def test_a_runner_whose_clock_is_wrong_and_is_set_runs_nothing_early_and_loses_nothing(
    owndb: Database, tmp_path: Path, seconds: float
) -> None:
    path, clock, port = tmp_path / "marks", tmp_path / "clock", free_port()
    clock.write_text(str(seconds))
    async with run_runner(owndb.credentials, f"clock={clock}", TASK_PORT=str(port)):
        later = await actors.marked.send_with_options_async(args=(str(path), "later"), delay=3_600_000)
        soon = await actors.marked.send_with_options_async(args=(str(path), "soon"), delay=500)
        await until_state(soon, DONE)
        clock.write_text(str(-seconds))
        failing = await actors.fails_always.send_async()
        await until_count(1, state=QUEUED, retries=1)
        await recover_lost_tasks()
        await until_state(await actors.marked.send_async(str(path), "now"), DONE)
        (runner,) = await fetch("SELECT last_seen > now() - interval '10 s' AS seen FROM worker_status")
        assert await ready(port) == 200
        waiting = await until_state(later, QUEUED)
        again = await until_state(failing, QUEUED)
        (left,) = await fetch(
            "SELECT extract(epoch FROM eta - now())::float AS seconds FROM task WHERE id = $1", again.id
        )
        (kept,) = await fetch(
            """SELECT extract(epoch FROM expires_at - now())::float AS seconds FROM task
            WHERE state = 'done' AND starts_with(actor_name, 'tests.') LIMIT 1"""
        )

    assert marks(path) == ["began-soon", "ended-soon", "began-now", "ended-now"]
    assert (waiting.attempt, waiting.ready) == (0, False)
    assert runner["seen"]
    assert left["seconds"] < 2.1  # the pause is what it is, whatever the clock says
    assert abs(kept["seconds"] - 30 * 86400) < 60


async def test_a_sender_whose_clock_is_wrong_delays_by_what_it_says(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in list(sys.modules.values()):
        if module.__name__.startswith("app.") and getattr(module, "now", None) is now:
            monkeypatch.setattr(module, "now", lambda: now() - timedelta(hours=2))

    await actors.noop.send_with_options_async(delay=60_000)

    (row,) = await fetch("SELECT extract(epoch FROM eta - now())::float AS seconds, ready FROM task")
    assert 58 < row["seconds"] <= 60
    assert row["ready"] is False


# Any history ------------------------------------------------------------------------------------------------------------


class History:
    """Tasks to which anything may happen, at any moment, drawn from a seed."""

    STEPS = ("return", "raise", "ask", "wait", "info", "warning", "error")

    def __init__(self, api: Api, cast: Cast, db: Database, stage: Stage, seed: int) -> None:
        self.api, self.cast, self.db, self.stage = api, cast, db, stage
        self.random = random.Random(seed)
        self.gates = 0

    async def go(self, steps: int) -> None:
        """So many things happen while two runners work; afterwards everything comes to its end."""
        happenings = (
            [self.send] * 6
            + [self.retry, self.cancel, self.lose] * 2
            + [self.bring_forward] * 3
            + [self.purge]
        )
        for _ in range(2):  # the later runners find what the first ones gave back
            async with (
                start_runner(self.db, task_grace_seconds=0),
                start_runner(self.db, task_grace_seconds=0, task_persist_states="all", task_concurrency=3),
            ):
                for _ in range(steps // 2):
                    await self.random.choice(happenings)()
                    await self.pass_gate()
                    await assert_derived()
        async with start_runner(self.db):
            await until(self.settled)

    async def send(self) -> None:
        self.gates += 1
        for _ in range(self.random.randint(1, 3)):
            plan = self.random.choices(self.STEPS, k=self.random.randint(0, 4))
            delay = self.random.choice([None, None, None, 50])
            await actors.acts.send_with_options_async(args=(plan, str(self.gates)), delay=delay)
            if self.random.random() < 0.3:
                await actors.computes.send_async(self.gates)
                await actors.noop.send_with_options_async(unique="at most one")

    async def some(self, **filters: Any) -> Task | None:
        tasks = await Task.filter(**filters).order_by("id")
        return self.random.choice(tasks) if tasks else None

    async def retry(self) -> None:
        if task := await self.some(state=REJECTED):
            await self.api.mutate(
                self.cast.sam, "retryTask", id=gid(task), resetRetries=self.random.random() < 0.5
            )

    async def cancel(self) -> None:
        if task := await self.some(state__not_in=[DONE, REJECTED]):
            await self.api.mutate(self.cast.sam, "cancelTask", id=gid(task))

    async def lose(self) -> None:
        """The runner is taken for lost, and goes on: it learns of it only when it reports."""
        if task := await self.some(worker_id__isnull=False):
            assert task.worker_id is not None
            await take_back(task.worker_id)

    async def bring_forward(self) -> None:
        await fetch("UPDATE task SET eta = now() WHERE eta > now()")

    async def purge(self) -> None:
        if task := await self.some(state__in=[DONE, REJECTED]):
            await fetch(
                "UPDATE task SET expires_at = now() - interval '1 s', purge_at = now() - interval '1 s', result_expiry = NULL"
                " WHERE id = $1",
                task.id,
            )
            await purge_tasks()
            assert not await Task.exists(id=task.id)

    async def pass_gate(self) -> None:
        """Let some go on, and the loop turn a few times."""
        if self.gates and self.random.random() < 0.5:
            self.stage.gates[str(self.random.randint(1, self.gates))].set()
        for _ in range(self.random.randint(0, 20)):
            await asyncio.sleep(0.001)

    async def settled(self) -> bool:
        for number in range(1, self.gates + 1):
            self.stage.gates[str(number)].set()
        await self.bring_forward()
        return not await Task.exists(state__not_in=[DONE, REJECTED])


CHANGES = "subscription($c: Cursor) { taskUpdated(after: $c) { previousState state task { id } } }"


@pytest.mark.parametrize("seed", range(5))
async def test_after_any_history_statuses_logs_and_events_agree(
    api: Api, cast: Cast, db: Database, acted: Stage, seed: int
) -> None:
    begin = await api.cursor()
    history = History(api, cast, db, acted, seed)

    await history.go(50)
    await assert_consistent()
    paths = await paths_of_all()
    async with api.subscribe(cast.sam, CHANGES, c=begin) as events:
        seen = await events.take(sum(len(path) for path in paths.values()))

    told: dict[str, list[str]] = {}
    for event in seen:
        if event["task"]:  # else it was purged
            path = told.setdefault(event["task"]["id"], [])
            assert event["previousState"] == (path[-1] if path else None)
            path.append(event["state"])
    left = [f"task/{task.id}" for task in await Task.all().order_by("id")]
    assert [[state.lower() for state in path] for _, path in sorted(told.items(), key=number_of)] == [
        paths[subject] for subject in left
    ]


def number_of(item: tuple[str, Any]) -> int:
    return int(decode_id(item[0])[1])
