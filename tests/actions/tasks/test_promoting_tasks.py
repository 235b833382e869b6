"""What a look once a second finds."""

from datetime import timedelta
from uuid import uuid4

import orjson
import pytest

from app.actions.tasks import promoting
from app.actions.tasks.promoting import Cancelled, look_for_tasks
from app.clock import now
from app.database import Database, fetch
from app.models import Task
from tests.machine import until
from tests.task_rows import held_by, runner, task

ME = uuid4()


async def test_a_task_becomes_ready_when_its_time_has_come(db: Database) -> None:
    due = await task(ready=False, eta=now() - timedelta(milliseconds=1), queue_name="mail")

    seen = await look_for_tasks(ME)

    assert seen.promoted == 1
    assert list(seen.filled) == ["mail"]
    assert (await Task.get(id=due.id)).ready


async def test_a_task_is_not_ready_before_its_time(db: Database) -> None:
    later = await task(ready=False, eta=now() + timedelta(seconds=60))

    seen = await look_for_tasks(ME)

    assert (seen.promoted, seen.filled) == (0, {})
    assert seen.seconds_to_next == pytest.approx(60, abs=5)
    assert not (await Task.get(id=later.id)).ready


async def test_nothing_is_found_where_nothing_is(db: Database) -> None:
    seen = await look_for_tasks(ME)

    assert (seen.promoted, seen.filled, seen.cancelled, seen.seconds_to_next) == (0, {}, (), None)
    assert not seen.more


async def test_each_queue_is_named_once_with_how_long_its_next_task_has_waited(db: Database) -> None:
    waited = now() - timedelta(seconds=90)
    await task(queue_name="a", mtime=waited, priority=5)
    await task(queue_name="a")
    await task(queue_name="b")
    await task(queue_name="b", priority=1)

    seen = await look_for_tasks(ME)

    assert seen.filled == {"a": pytest.approx(90, abs=5), "b": pytest.approx(0, abs=5)}


async def test_a_task_waits_since_its_time_came(db: Database) -> None:
    await task(eta=now() - timedelta(seconds=10), mtime=now() - timedelta(days=1))

    assert (await look_for_tasks(ME)).filled == {"default": pytest.approx(10, abs=5)}


async def test_a_runner_learns_which_of_its_own_tasks_are_cancelled(db: Database) -> None:
    mine, others = await runner(), await runner()
    cancelled = await held_by(mine.id, cancel_requested_at=now(), attempt=3)
    await held_by(mine.id)
    await held_by(others.id, cancel_requested_at=now())

    assert (await look_for_tasks(mine.id)).cancelled == (Cancelled(cancelled.id, 3),)


async def test_what_does_not_fit_into_one_look_is_found_by_the_next(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(promoting, "BATCH", 2)
    for _ in range(3):
        await task(ready=False, eta=now())

    first, second = await look_for_tasks(ME), await look_for_tasks(ME)

    assert (first.promoted, first.more) == (2, True)
    assert (second.promoted, second.more) == (1, False)


async def test_runners_that_wait_for_its_queue_are_told(db: Database) -> None:
    heard: list[object] = []
    listener = await db.connect()
    await listener.add_listener("workyard_tasks", lambda *said: heard.append(said[-1]))
    await fetch("INSERT INTO task_idle VALUES ('mail', $1)", uuid4())
    await task(ready=False, eta=now(), queue_name="mail")
    await task(ready=False, eta=now(), queue_name="reports")

    await look_for_tasks(ME)
    await fetch("SELECT pg_notify('workyard_tasks', 'last')")

    await until(lambda: "last" in heard)
    assert heard == ["mail", "last"]
    await listener.close()


@pytest.mark.parametrize("known", ["all", "that there was nothing"])
async def test_a_look_reads_as_much_whatever_waits_and_whatever_postgresql_knows(
    owndb: Database, known: str
) -> None:
    """One row for each queue and priority, by the index: its cost must not grow with the backlog."""
    connection = await owndb.connect()
    if known == "that there was nothing":
        await connection.execute("ANALYZE task")
    await connection.execute(
        "INSERT INTO task (message_id, actor_name, message, tenant_id, priority)"
        " SELECT gen_random_uuid(), 'a', '{}', (SELECT min(id) FROM tenant), n % 3 FROM generate_series(1, 20000) AS n"
    )
    if known == "all":
        await connection.execute("ANALYZE task")

    look = f"SELECT * FROM look_for_tasks('{ME}', 1000)"
    await connection.fetch(look)  # the first looks up what it needs of the catalogue
    [row] = await connection.fetch(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {look}")

    plan = orjson.loads(row["QUERY PLAN"])[0]["Plan"]
    assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] < 100
    await connection.close()
