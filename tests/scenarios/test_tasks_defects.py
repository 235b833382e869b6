"""What goes wrong with tasks in the systems that this one learns from, and must not here. The numbers are the specification's."""

import asyncio
from typing import Any
from uuid import uuid4

import asyncpg
import orjson
import pytest

from app.actions.tasks.purging import purge_tasks
from app.actions.tasks.schedules import declare_schedules, send_due_schedules
from app.database import Database, fetch
from app.models import LogLevel, Schedule, Task
from app.tasks.schedules import ScheduleSpec
from tests import task_actors as actors
from tests.api import Api, gid, rows_of
from tests.cast import Cast
from tests.task_actors import Stage
from tests.tasks_yard import (
    DONE,
    QUEUED,
    REJECTED,
    RUNNING,
    assert_consistent,
    lines_of,
    ours,
    start_runner,
    until,
    until_count,
    until_state,
)


@pytest.mark.parametrize("seconds", [10, 20, 45])
async def test_a_delayed_task_is_not_taken_early(db: Database, acted: Stage, seconds: int) -> None:
    """§2.1, 1: they ran up to 30 seconds early."""
    sent = await actors.noop.send_with_options_async(args=(1,), delay=seconds * 1000)

    async with start_runner(db):
        await until_state(await actors.noop.send_with_options_async(args=(2,), delay=300), DONE)
        task = await until_state(sent, QUEUED)

    (left,) = await fetch(
        "SELECT extract(epoch FROM eta - now())::float AS s FROM task WHERE id = $1", task.id
    )
    assert acted.numbers("noop") == [2]
    assert (task.ready, task.attempt) == (False, 0)
    assert seconds - 5 < left["s"] <= seconds


async def test_priority_orders_also_what_comes_while_the_runner_is_busy(db: Database, acted: Stage) -> None:
    """§2.1, 2: it ordered only what one process held; and tasks had no order at all."""
    async with start_runner(db, task_concurrency=1):
        await until_state(await actors.waits.send_async("shut"), RUNNING)
        for number in range(1, 201):
            await actors.noop.send_with_options_async(args=(number,), priority=10)
        await actors.noop.send_with_options_async(args=(0,), priority=0)
        acted.gates["shut"].set()
        await until_count(202, state=DONE)

    order = acted.numbers("noop")
    assert order.index(0) < 20  # behind what the runner held already
    assert [number for number in order if number] == list(range(1, 201))


async def test_the_summary_is_of_what_the_viewer_may_see(api: Api, cast: Cast) -> None:
    """§2.1, 3: it counted everybody's."""
    await actors.noop.send_with_options_async(workspace_id=cast.lab.id)
    await actors.noop.send_with_options_async(workspace_id=cast.theirs.id)
    await actors.noop.send_async()

    counts = {}
    for name in ("bob", "eve", "sam", "zoe"):
        answer = await api.execute(getattr(cast, name), "{ taskStatusSummary { queued total } }")
        counts[name] = answer["taskStatusSummary"]["queued"]
        assert answer["taskStatusSummary"]["total"] == counts[name]

    assert counts == {"bob": 1, "eve": 0, "sam": 2, "zoe": 1}


async def test_no_connection_to_listen_on_keeps_no_task_waiting(
    db: Database, acted: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """§3, 26232: without LISTEN everything was queued for ever, and health said 200."""

    async def refuse(*_args: Any, **_kwargs: Any) -> None:
        raise asyncpg.PostgresConnectionError("no listening today")

    monkeypatch.setattr(asyncpg.connection.Connection, "add_listener", refuse)

    async with start_runner(db):
        for number in range(2):
            await until_state(await actors.noop.send_async(number), DONE, limit=4)

    assert acted.numbers("noop") == [0, 1]


async def test_a_flood_of_equal_tasks_is_one_task(db: Database, acted: Stage) -> None:
    """§3, 16314: a thousand copies of one chore waited."""
    sent = await asyncio.gather(
        *[actors.noop.send_with_options_async(args=(1,), unique="tidy") for _ in range(30)]
    )

    assert await rows_of("task") == await rows_of("task_log") == 1
    assert len({message.message_id for message in sent}) == 1
    async with start_runner(db):
        await until_count(1, state=DONE)
        again = await actors.noop.send_with_options_async(args=(2,), unique="tidy")
        await until_state(again, DONE)
    assert acted.numbers("noop") == [1, 2]


async def test_tasks_in_work_hold_no_locks_and_no_transactions(db: Database, acted: Stage) -> None:
    """§3, 16314 and 17993: a lock for each task filled the shared memory, and then the log."""
    await asyncio.gather(*[actors.waits.send_async("shut", number) for number in range(50)])
    async with start_runner(db, task_concurrency=50):
        await until(lambda: len(acted.runs) == 50)
        (locks,) = await fetch(
            """SELECT count(*) AS n FROM pg_locks WHERE locktype = 'advisory'
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""
        )
        (open_,) = await fetch(
            """SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database()
            AND state = 'idle in transaction' AND state_change < now() - interval '1 s'"""
        )
        acted.gates["shut"].set()
        await until_count(50, state=DONE)

    assert locks["n"] < 5
    assert open_["n"] == 0


async def test_what_is_old_is_purged_in_batches_also_without_an_expiry_of_its_result(db: Database) -> None:
    """§3, 21269: it was purged by an idle runner alone, all in one statement, and what had no result never."""
    await actors.noop.send_async()
    await fetch(
        """INSERT INTO task (message_id, actor_name, message, state, ready, tenant_id, expires_at, result_expiry)
        SELECT gen_random_uuid(), 'tests.old', '', 'done', false, tenant_id, now() - interval '1 s',
            CASE number % 3 WHEN 0 THEN NULL WHEN 1 THEN now() - interval '1 s' ELSE now() + interval '1 h' END
        FROM task, generate_series(1, 1800) AS number"""
    )

    purged = [await purge_tasks() for _ in range(3)]

    assert purged == [1000, 200, 0]
    left = await Task.all()
    assert len(left) == 601
    assert [task.actor_name for task in left if task.state is QUEUED] == ["tests.task_actors.noop"]


async def test_a_finished_task_does_not_keep_its_message(db: Database) -> None:
    """§3, 19299: 40,000 tasks held 778 MB of messages."""
    async with start_runner(db):
        await until_state(await actors.marked.send_async("/dev/null", "x" * 100_000), DONE)

    (row,) = await fetch("SELECT octet_length(message) AS bytes, pg_column_size(task.*) AS row FROM task")
    assert not row["bytes"]
    assert row["row"] < 1000


async def test_a_busy_installation_is_not_told_of_every_task(db: Database) -> None:
    """§3, panurus and others: a NOTIFY in every commit makes commits wait for each other."""
    listener, told = await db.connect(), asyncio.Queue[str]()
    await listener.add_listener("workyard_tasks", lambda *args: told.put_nowait(args[3]))

    for number in range(20):
        await actors.noop.send_async(number)
    await fetch("INSERT INTO task_idle VALUES ('default', $1)", uuid4())
    await actors.noop.send_async()

    assert await asyncio.wait_for(told.get(), 10) == "default"
    assert told.empty()
    await listener.close()


async def test_a_runner_that_is_busy_asks_not_to_be_told(db: Database, acted: Stage) -> None:
    """The same: from when all its places are taken."""
    async with start_runner(db, task_concurrency=1):

        async def idle() -> bool:
            return await rows_of("task_idle") > 0

        await until(idle)
        await until_state(await actors.waits.send_async("shut"), RUNNING)
        await actors.waits.send_async("shut")

        async def busy() -> bool:
            return await rows_of("task_idle") == 0

        await until(busy)
        acted.gates["shut"].set()
        await until_count(2, state=DONE)
        await until(idle)


async def test_what_cannot_be_stored_is_not_done(owndb: Database, acted: Stage) -> None:
    """§2: when sending the retry failed, the task was done. Here its end, its log and what it sends are one."""
    await fetch(
        """CREATE FUNCTION refuse_it() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE 'no more lines'; END $$"""
    )
    await fetch(
        "CREATE TRIGGER refuse_it BEFORE UPDATE ON task_log FOR EACH ROW EXECUTE FUNCTION refuse_it()"
    )
    sent = await actors.fails_always.send_async()

    async with start_runner(owndb):
        await until(lambda: bool(acted.runs))
        await until_state(await actors.noop.send_async(), DONE)  # others go on
        task = await until_state(sent, REJECTED)

    last = (await lines_of(task))[-1]
    assert last.log_level is LogLevel.ERROR and "no more lines" in str(last.attributes)
    assert (task.attempt, task.can_retry) == (1, True)
    await assert_consistent()


async def test_a_task_that_cannot_be_stored_does_not_hold_the_others_up(db: Database, acted: Stage) -> None:
    """One report that the database refuses is not the end of all that came with it."""
    async with start_runner(db):
        sent = await actors.logs_odd_things.send_async()
        await asyncio.gather(*[actors.noop.send_async(number) for number in range(20)])
        await until_count(20, actor_name="tests.task_actors.noop", state=DONE)
        task = await until_state(sent, DONE, REJECTED)

    assert task.state is DONE
    await assert_consistent()


async def test_a_task_whose_object_is_deleted_under_it_is_gone_and_its_runner_goes_on(
    db: Database, cast: Cast, acted: Stage
) -> None:
    """§1.1: an object's tasks go with it, also those that run."""
    request = await cast.request()
    async with start_runner(db):
        sent = await actors.waits.send_with_options_async(args=("shut",), rel_obj=request)
        await until_state(sent, RUNNING)
        await request.delete()
        acted.gates["shut"].set()
        for number in range(3):
            await until_state(await actors.noop.send_async(number), DONE)

    assert await ours().count() == 3
    assert await rows_of("task_log") == 9
    await assert_consistent()


async def test_a_schedule_whose_actor_is_gone_does_not_stop_the_runner(db: Database, acted: Stage) -> None:
    """§1.4: it raised out of the loop of the runner."""
    await declare_schedules([ScheduleSpec(actors.noop, "* * * * *", identifier="gone")])
    await fetch("UPDATE schedule SET actor_name = 'tests.removed', next_run = now() - interval '1 s'")

    await send_due_schedules()
    async with start_runner(db):
        await until_state(await actors.noop.send_async(5), DONE)

    assert 5 in acted.numbers("noop")


async def test_a_tasks_own_log_can_be_told_from_that_of_its_earlier_attempts(
    api: Api, cast: Cast, db: Database, acted: Stage
) -> None:
    """§2.1, 4 and §1.3: earlier attempts were repeated, or not told apart from each other."""
    sent = await actors.fails_always.send_async()
    async with start_runner(db):
        for retries in (1, 2):
            await until_count(1, state=QUEUED, retries=retries)
            await fetch("UPDATE task SET eta = now()")
        task = await until_state(sent, REJECTED)

    lines = await lines_of(task)
    errors = [line.attempt for line in lines if line.log_level is LogLevel.ERROR]
    assert errors == [1, 2, 3]
    assert [line.number for line in lines] == list(range(1, len(lines) + 1))
    assert [line.previous for line in lines] == sorted((line.previous for line in lines), reverse=True)


async def test_secrets_do_not_reach_the_log(db: Database) -> None:
    """§1.2: attributes were stored as they came."""
    async with start_runner(db):
        task = await until_state(await actors.logs_secrets.send_async(), DONE)

    text = orjson.dumps([line.attributes for line in await lines_of(task)]).decode()
    assert "hunter2" not in text
    assert "ann" in text


async def test_a_task_of_another_tenant_is_not_there(api: Api, cast: Cast) -> None:
    """§2.1, 3: nothing crosses tenants."""
    sent = await actors.fails.send_with_options_async(workspace_id=cast.theirs.id)
    task = await until_state(sent, QUEUED)

    for verb in ("retryTask", "cancelTask"):
        answer = await api.mutate(cast.root, verb, id=gid(task))
        assert answer.refused["code"] == "NOT_FOUND"
    found = await api.execute(cast.root, "query($id: ID!) { task(id: $id) { id } }", id=gid(task))

    assert found.data["task"] is None
    assert await Schedule.all().count() == 0
