"""The rows of task runners."""

from app.actions.tasks.claiming import claim
from app.actions.tasks.recovering import recover_lost_tasks
from app.actions.tasks.runners import beat, come_back, forget_old_runners, stop_runner
from app.clock import now
from app.database import Database, fetch
from app.models import Tenant, WorkerStatus
from tests.task_rows import events_of, lose, runner, task


async def test_two_runners_of_one_host_are_two(db: Database) -> None:
    first, second = await runner(hostname="yard"), await runner(hostname="yard")

    assert {row.id for row in await WorkerStatus.all() if row.alive} == {first.id, second.id}


async def test_the_staff_of_every_tenant_is_told_of_a_runner(db: Database) -> None:
    other = await Tenant.create(name="other")

    started = await runner()

    told = await events_of(f"worker_status/{started.id}")
    assert [event["event_type"] for event in told] == ["worker_status.started"] * 2
    assert other.id in {event["tenant_id"] for event in told}


async def test_a_beat_says_that_it_lives_and_what_it_does(db: Database) -> None:
    info = await runner()
    connection = await db.connect()
    await fetch("UPDATE worker_status SET last_seen = now() - interval '29 seconds'")

    known = await beat(connection, info.id, running=7, stopping=True)

    row = await WorkerStatus.get(id=info.id)
    assert known
    assert (row.running, row.stopping) == (7, True)
    assert (now() - row.last_seen).total_seconds() < 5
    await connection.close()


async def test_a_lost_runner_learns_it_by_its_beat_and_is_given_nothing_until_it_comes_back(
    db: Database,
) -> None:
    info = await runner()
    connection = await db.connect()
    await lose(info.id)
    await recover_lost_tasks()
    waiting = await task()

    known = await beat(connection, info.id, running=0, stopping=False)
    given = await claim(connection, info.id, "default", 1)
    await come_back(connection, info)
    known_again = await beat(connection, info.id, running=0, stopping=False)
    given_again = await claim(connection, info.id, "default", 1)

    assert (known, given) == (False, [])
    assert (known_again, [each.id for each in given_again]) == (True, [waiting.id])
    assert [event["event_type"] for event in await events_of(f"worker_status/{info.id}")] == [
        "worker_status.started",
        "worker_status.lost",
        "worker_status.started",
    ]
    await connection.close()


async def test_a_forgotten_runner_comes_back_too(db: Database) -> None:
    info = await runner()
    connection = await db.connect()
    await fetch("DELETE FROM worker_status")

    assert not await beat(connection, info.id, running=0, stopping=False)
    await come_back(connection, info)

    assert (await WorkerStatus.get(id=info.id)).alive
    await connection.close()


async def test_a_stopped_runner_is_forgotten(db: Database) -> None:
    info = await runner()
    await fetch("INSERT INTO task_idle VALUES ('default', $1)", info.id)

    stopped = [await stop_runner(info.id) for _ in range(2)]

    assert stopped == [True, False]
    assert await WorkerStatus.all().count() == 0
    assert await fetch("SELECT FROM task_idle") == []
    assert [event["event_type"] for event in await events_of(f"worker_status/{info.id}")] == [
        "worker_status.started",
        "worker_status.stopped",
    ]


async def test_runners_that_were_not_seen_for_a_day_are_forgotten(db: Database) -> None:
    old, young = await runner(), await runner()
    await fetch("UPDATE worker_status SET last_seen = now() - interval '25 hours' WHERE id = $1", old.id)

    assert await forget_old_runners() == 1

    assert [row.id for row in await WorkerStatus.all()] == [young.id]
