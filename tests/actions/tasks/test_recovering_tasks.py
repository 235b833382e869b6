"""Lost runners: their tasks go to others, once, and somebody is told."""

from datetime import timedelta
from uuid import uuid4

import orjson

from app.actions.tasks.claiming import claim
from app.actions.tasks.finishing import End, flush
from app.actions.tasks.recovering import Recovered, recover_lost_tasks
from app.actions.tasks.runners import register_runner
from app.clock import now
from app.database import Database, fetch
from app.models import Task, TaskLog, TaskState, TaskStatus, WorkerStatus
from app.tasks import Outcome
from tests.task_rows import events_of, held_by, lose, runner, task


async def test_the_task_of_a_lost_runner_waits_again_and_its_log_says_whom_it_lost(db: Database) -> None:
    lost = await runner(hostname="attic")
    task = await held_by(lost.id)
    await lose(lost.id)

    recovered = await recover_lost_tasks()

    task = await Task.get(id=task.id)
    [line] = await TaskLog.filter(task_id=task.id)
    assert recovered == Recovered(runners=1, requeued=1)
    assert (task.state, task.ready, task.worker_id, task.crashes) == (TaskState.QUEUED, True, None, 1)
    assert task.attempt == 1  # the next claim raises it, and the lost runner's reports are refused
    assert line.event == f"Task has lost its runner {lost.id} on attic"
    assert (line.log_level.value, line.number, line.previous) == ("warning", 1, False)


async def test_what_a_lost_runner_had_merely_taken_waits_again_but_not_what_it_gave_back(
    db: Database,
) -> None:
    lost, other = await runner(hostname="attic"), await runner()
    given_back, taken = [(await task()).id for _ in range(2)]
    connection = await db.connect()
    first, _ = await claim(connection, lost.id, "default", 2)
    outcome = Outcome(TaskState.QUEUED, transitions=[(TaskState.QUEUED, now())], reason="given_back")
    await flush(connection, lost.id, [End(first, outcome, 1, "done", 60.0)])
    [anew] = await claim(connection, other.id, "default", 1)
    await lose(lost.id)

    recovered = await recover_lost_tasks()

    [again] = await claim(connection, other.id, "default", 5)
    await connection.close()
    rows = {row.id: row for row in await Task.all()}
    assert recovered == Recovered(runners=1, requeued=1)
    assert (anew.id, anew.attempt, rows[given_back].crashes) == (given_back, 2, 0)
    assert (again.id, again.attempt, rows[taken].crashes) == (taken, 2, 1)
    assert [row["worker_id"] for row in await fetch("SELECT worker_id FROM task_claim")] == [other.id] * 2
    [event] = await events_of(f"task/{taken}")
    told = orjson.loads(event["data"])["transitions"]
    assert [state for state, _ in told] == ["consumed", "queued"]


async def test_lines_from_before_the_loss_are_previous(db: Database) -> None:
    lost = await runner()
    task = await held_by(lost.id, log_count=1, worst_level="info")
    await TaskLog.create(
        id=uuid4(), task_id=task.id, event="x", log_level="info", logger="l", timestamp=now(), number=1
    )
    await lose(lost.id)

    await recover_lost_tasks()

    assert await TaskLog.filter(task_id=task.id).order_by("number").values_list("number", "previous") == [
        (1, True),
        (2, False),
    ]
    assert (await Task.get(id=task.id)).log_count == 2


async def test_a_runner_that_was_seen_within_thirty_seconds_keeps_its_tasks(db: Database) -> None:
    alive = await runner()
    task = await held_by(alive.id)
    await fetch("UPDATE worker_status SET last_seen = now() - interval '29 seconds'")

    assert await recover_lost_tasks() == Recovered()

    assert (await Task.get(id=task.id)).worker_id == alive.id


async def test_the_tasks_of_a_runner_that_nobody_knows_are_taken_back(db: Database) -> None:
    task = await held_by(uuid4())

    assert await recover_lost_tasks() == Recovered(requeued=1)

    assert (await Task.get(id=task.id)).state is TaskState.QUEUED


async def test_a_task_that_lost_three_runners_is_rejected(db: Database) -> None:
    lost = await runner()
    task = await held_by(lost.id, crashes=2, dedupe_key="k")
    await lose(lost.id)

    assert await recover_lost_tasks(keep_days=3) == Recovered(runners=1, rejected=1)

    task = await Task.get(id=task.id)
    [line] = await TaskLog.filter(task_id=task.id)
    assert (task.state, task.aggregated_status) == (TaskState.REJECTED, TaskStatus.REJECTED)
    assert task.crashes == 3
    assert not task.dedupe_key
    assert task.message == b"{}"
    assert task.expires_at
    assert abs(task.expires_at - now() - timedelta(days=3)) < timedelta(minutes=1)
    assert line.log_level.value == "error"
    assert line.event.endswith("for the last time")


async def test_a_task_that_was_to_be_cancelled_is_not_run_again(db: Database) -> None:
    lost = await runner()
    task = await held_by(lost.id, cancel_requested_at=now())
    await lose(lost.id)

    await recover_lost_tasks()

    assert (await Task.get(id=task.id)).state is TaskState.REJECTED


async def test_an_event_tells_of_the_loss_with_the_state_that_had_not_been_told(db: Database) -> None:
    lost = await runner()
    consumed = await held_by(lost.id, state="consumed")
    running = await held_by(lost.id, state="running")
    await lose(lost.id)

    await recover_lost_tasks()

    [first] = await events_of(f"task/{consumed.id}")
    [second] = await events_of(f"task/{running.id}")
    assert first["event_type"] == second["event_type"] == "task.requeued"
    data = orjson.loads(first["data"])
    assert [state for state, _ in data["transitions"]] == ["consumed", "queued"]
    assert (data["reason"], data["state"], data["crashes"], data["log_count"]) == (
        "runner_lost",
        "queued",
        1,
        1,
    )
    assert [state for state, _ in orjson.loads(second["data"])["transitions"]] == ["queued"]


async def test_what_was_taken_back_is_consistent(db: Database) -> None:
    lost = await runner()
    for crashes in range(3):
        await held_by(lost.id, crashes=crashes)
    await lose(lost.id)

    await recover_lost_tasks()

    rows = await fetch("SELECT count(*) FROM task WHERE log_count = 1 AND state IN ('queued', 'rejected')")
    assert rows[0]["count"] == 3


async def test_a_runner_is_told_of_as_lost_once(db: Database) -> None:
    lost = await runner()
    await lose(lost.id)

    await recover_lost_tasks()
    await recover_lost_tasks()

    told = [event["event_type"] for event in await events_of(f"worker_status/{lost.id}")]
    assert told == ["worker_status.started", "worker_status.lost"]
    assert (await WorkerStatus.get(id=lost.id)).lost_at is not None


async def test_a_lost_runner_waits_for_no_queue_any_more(db: Database) -> None:
    lost, alive = await runner(), await runner()
    await fetch("INSERT INTO task_idle VALUES ('default', $1), ('default', $2)", lost.id, alive.id)
    await lose(lost.id)

    await recover_lost_tasks()

    assert [row["worker_id"] for row in await fetch("SELECT worker_id FROM task_idle")] == [alive.id]


async def test_registering_again_makes_a_lost_runner_known(db: Database) -> None:
    lost = await runner()
    await lose(lost.id)
    await recover_lost_tasks()

    await register_runner(lost)

    assert (await WorkerStatus.get(id=lost.id)).alive
    assert (await WorkerStatus.get(id=lost.id)).lost_at is None
