"""The public acceptance scenarios about tasks: each test is one of them, on the real engine."""

import asyncio
import time
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
import pytest

from app.actions.tasks.schedules import declare_schedules, send_due_schedules
from app.clock import now
from app.database import Database, fetch, transaction
from app.models import LogLevel, Schedule, Task, TaskState, TaskStatus, Workspace
from app.tasks import enqueue
from app.tasks.schedules import ScheduleSpec
from tests import task_actors as actors
from tests.api import Api, gid, rows_of
from tests.cast import Cast, workspace
from tests.statements import statements
from tests.task_actors import Stage, marks
from tests.tasks_yard import (
    CONSUMED,
    DONE,
    QUEUED,
    REJECTED,
    RUNNING,
    WHOLE_LIFE,
    assert_consistent,
    bring_forward,
    lines_of,
    lose,
    ours,
    path_of,
    run_runner,
    start_runner,
    until,
    until_count,
    until_state,
)

TASK = "task { id messageId state aggregatedStatus retries }"
IN_WORK = [CONSUMED, TaskState.PREPROCESS, RUNNING, TaskState.POSTPROCESS]


async def test_a_task_is_sent_by_its_callers_commit_alone(db: Database, cast: Cast) -> None:
    """Scenario 1: a rollback takes the task, its log, its event and the call for a runner with it."""
    listener, told = await db.connect(), asyncio.Queue[str]()
    await listener.add_listener("workyard_tasks", lambda *args: told.put_nowait(args[3]))
    await fetch("INSERT INTO task_idle VALUES ('default', $1), ('other', $1)", uuid4())
    events = await rows_of("outbox_event")

    with pytest.raises(ZeroDivisionError):
        async with transaction():
            await workspace(cast.tenant, "never")
            await actors.noop.send_async(1)
            raise ZeroDivisionError
    counts = [await rows_of(table) for table in ("task", "task_log", "outbox_event")]
    await enqueue(actors.noop.message().copy(queue_name="other"))
    first = await asyncio.wait_for(told.get(), 10)
    await listener.close()

    assert counts == [0, 0, events]
    assert not await Workspace.exists(name="never")
    assert first == "other"


async def test_the_row_of_a_task_that_was_sent(db: Database) -> None:
    """Scenario 2."""
    await actors.noop.send_async(1)

    task = await Task.get()
    (line,) = await lines_of(task)
    assert (task.state, task.aggregated_status) == (QUEUED, TaskStatus.QUEUED)
    assert (task.retries, task.eta, task.queue_name) == (0, None, "default")
    assert task.actor_name == "tests.task_actors.noop"
    assert (line.log_level, line.previous) == (LogLevel.INFO, False)


async def test_a_task_that_succeeds(db: Database) -> None:
    """Scenario 3."""
    async with start_runner(db):
        sent = await actors.answer.send_async("thinking")
        task = await until_state(sent, DONE)

    assert task.aggregated_status is TaskStatus.INFO
    assert task.result is not None and orjson.loads(task.result) == 42
    assert task.result_expiry is not None
    assert abs(task.result_expiry - now() - timedelta(minutes=10)) < timedelta(minutes=1)
    assert task.eta is None
    assert not task.message
    lines = await lines_of(task)
    assert [line.log_level for line in lines] == [LogLevel.INFO] * 4
    queued, processed, own, finished = (line.event for line in lines)
    assert "queued" in queued and "processed" in processed and "finished" in finished
    assert own == "thinking"


@pytest.mark.parametrize(
    ("levels", "status"),
    [(("info", "warning", "error", "info"), TaskStatus.ERROR), (("warning",), TaskStatus.WARNING)],
)
async def test_the_worst_line_is_the_status_of_what_is_done(
    db: Database, levels: tuple[str, ...], status: TaskStatus
) -> None:
    """Scenario 4: and it is not tried again."""
    async with start_runner(db):
        task = await until_state(await actors.says.send_async(*levels), DONE)

    assert task.aggregated_status is status
    assert (task.attempt, task.retries) == (1, 0)
    assert await path_of(task) == WHOLE_LIFE


async def test_what_logged_nothing_is_done(db: Database) -> None:
    """Scenario 5."""
    async with start_runner(db):
        task = await until_state(await actors.silent.send_async(), DONE)

    assert task.aggregated_status is TaskStatus.DONE
    assert await lines_of(task) == []


async def test_what_was_rejected_stays_rejected_whatever_it_logged(db: Database, acted: Stage) -> None:
    """Scenario 6."""
    async with start_runner(db):
        task = await until_state(await actors.fails.send_async(), REJECTED)

    assert task.aggregated_status is TaskStatus.REJECTED
    assert len(acted.runs) == 1
    last = (await lines_of(task))[-1]
    assert last.log_level is LogLevel.ERROR
    assert "it cannot be done" in str(last.attributes["exception"])


async def test_what_fails_is_tried_again_with_growing_pauses(db: Database, acted: Stage) -> None:
    """Scenario 7: pauses of 1 to 2 and of 2 to 4 seconds, which this test does not wait out."""
    sent = await actors.fails_always.send_async()
    between = []
    async with start_runner(db):
        for retries in (1, 2):
            await until_count(1, state=QUEUED, retries=retries)
            task = await Task.get()
            assert task.eta is not None
            between.append((task.eta - task.mtime).total_seconds())
            await bring_forward(task)
        task = await until_state(sent, REJECTED)

    assert acted.numbers("fails_always") == [0, 1, 2]
    assert [run.attempt for run in acted.runs] == [1, 2, 3]
    assert 0.9 <= between[0] <= 2.1
    assert 1.9 <= between[1] <= 4.1
    assert (task.retries, task.eta) == (2, None)
    assert await path_of(task) == [*WHOLE_LIFE[:-1] * 3, "rejected"]


LOGS = """query($id: ID!) { task(id: $id) {
  now: logs(previous: false) { nodes { event timestamp attempt previous } }
  before: logs(previous: true) { nodes { event timestamp attempt previous } } } }"""


async def test_a_new_attempt_has_a_log_of_its_own(api: Api, cast: Cast, db: Database, acted: Stage) -> None:
    """Scenario 8."""
    sent = await actors.fails_always.send_async()
    async with start_runner(db):
        await until_count(1, state=QUEUED, retries=1)
        await bring_forward(await Task.get())
        await until_count(1, state=QUEUED, retries=2)
        answer = await api.execute(cast.sam, LOGS, id=gid(await Task.get()))

    logs = answer["task"]
    now_, before = logs["now"]["nodes"], logs["before"]["nodes"]
    own = [line["event"] for line in before if line["event"].startswith("attempt ")]
    assert own == ["attempt 1", "attempt 2"]
    assert [line["previous"] for line in now_] == [False] * len(now_) and now_
    assert [line["previous"] for line in before] == [True] * len(before)
    assert not {(line["event"], line["timestamp"]) for line in now_} & {
        (line["event"], line["timestamp"]) for line in before
    }
    for lines in (now_, before):
        assert [line["timestamp"] for line in lines] == sorted(line["timestamp"] for line in lines)
    assert sent.message_id


async def test_an_actor_may_say_when_it_is_tried_again(db: Database, acted: Stage) -> None:
    """Scenario 9."""
    sent = await actors.asks_for_later.send_async()
    async with start_runner(db):
        await until_count(1, state=QUEUED, retries=1)
        task = await Task.get()
        await bring_forward(task)
        await until_state(sent, DONE)

    assert task.eta is not None
    assert abs((task.eta - task.mtime).total_seconds() - 3) < 0.5
    lines = await lines_of(task)
    assert all(line.event for line in lines)
    assert not any("exception" in line.attributes for line in lines)
    assert not [line for line in lines if line.log_level is LogLevel.ERROR]


async def test_what_an_actor_says_that_it_throws_is_final(db: Database, acted: Stage) -> None:
    """Scenario 10."""
    async with start_runner(db):
        task = await until_state(await actors.throws.send_async(), REJECTED)

    assert len(acted.runs) == 1
    assert (task.attempt, task.retries) == (1, 0)


@pytest.mark.parametrize("starts", ["before", "in between"])
async def test_nothing_starts_before_its_time(db: Database, acted: Stage, starts: str) -> None:
    """Scenario 11, with 1,200 ms: neither by a runner that waits nor by one that starts meanwhile."""
    async with AsyncExitStack() as stack:
        if starts == "before":
            await stack.enter_async_context(start_runner(db))
        sent_at = time.time()
        sent = await actors.noop.send_with_options_async(delay=1200)
        if starts == "in between":
            await stack.enter_async_context(start_runner(db))
        await until_state(sent, DONE)

    (run,) = acted.runs
    assert 1.2 <= run.at - sent_at < 3  # on a busy machine


async def test_the_lowest_priority_number_runs_first_and_equals_in_their_order(
    db: Database, acted: Stage
) -> None:
    """Scenario 12."""
    for number in range(1, 101):
        await actors.noop.send_with_options_async(args=(number,), priority=10)
    await actors.noop.send_with_options_async(args=(0,), priority=0)

    async with start_runner(db, task_concurrency=1):
        await until_count(101, state=DONE)

    assert acted.numbers("noop") == list(range(101))


async def test_a_uid_is_the_actors_name_and_the_callers_label(api: Api, cast: Cast) -> None:
    """Scenario 13."""
    await actors.noop.send_with_options_async(uid="a")
    await actors.noop.send_async()

    answer = await api.execute(
        cast.sam, "{ tasks(orderBy: [{field: CREATED_AT, direction: ASC}]) { nodes { uid } } }"
    )

    name = "tests.task_actors.noop"
    assert [node["uid"] for node in answer["tasks"]["nodes"]] == [f"{name}:a", name]


async def test_tasks_belong_to_objects_and_go_with_them(api: Api, cast: Cast) -> None:
    """Scenario 14: of work requests, which there are."""
    one, two = await cast.request(), await cast.request()
    for request in (one, one, two):
        await actors.noop.send_with_options_async(rel_obj=request)
    await actors.noop.send_with_options_async(workspace_id=cast.lab.id)
    listing = "query($f: TaskFilter) { tasks(filter: $f) { nodes { relObj { appLabel model id } } } }"

    of_one = await api.execute(cast.bob, listing, f={"relObj": _ref(one)})
    alone = await api.execute(cast.bob, listing, f={"standalone": {"eq": True}})
    await one.delete()

    assert [node["relObj"]["id"] for node in of_one["tasks"]["nodes"]] == [str(one.id)] * 2
    assert [node["relObj"] for node in alone["tasks"]["nodes"]] == [None]
    left = await Task.all().order_by("id")
    assert [task.rel_obj_id for task in left] == [str(two.id), None]


def _ref(request: Any) -> dict[str, str]:
    return {"appLabel": "work", "model": "workrequest", "id": str(request.id)}


async def test_what_was_rejected_can_be_retried_by_who_may(
    api: Api, cast: Cast, db: Database, acted: Stage
) -> None:
    """Scenario 15."""
    sent = await actors.fails.send_with_options_async(workspace_id=cast.lab.id)
    async with start_runner(db):
        task = await until_state(sent, REJECTED)
        logged = len(await lines_of(task))

        refused = await api.mutate(cast.vic, "retryTask", id=gid(task))
        hidden = await api.mutate(cast.eve, "retryTask", id=gid(task))
        retried = await api.mutate(cast.bob, "retryTask", TASK, id=gid(task))
        await until(lambda: len(acted.runs) == 2)
        task = await until_state(sent, REJECTED)

    assert refused.refused["__typename"] == "ForbiddenError"
    assert hidden.refused["__typename"] == "NotFoundError"
    assert retried.done["task"]["messageId"] == str(task.message_id)
    assert retried.done["task"]["state"] == "QUEUED"
    assert [line.previous for line in await lines_of(task)][:logged] == [True] * logged
    assert task.attempt == 2


@pytest.mark.parametrize("state", [QUEUED, RUNNING, DONE])
async def test_what_was_not_rejected_cannot_be_retried(
    api: Api, cast: Cast, db: Database, acted: Stage, state: TaskState
) -> None:
    """Scenario 15: the refusal names the state."""
    async with AsyncExitStack() as stack:
        if state is not QUEUED:
            await stack.enter_async_context(start_runner(db))
        if state is DONE:
            acted.gates["shut"].set()
        sent = await actors.waits.send_with_options_async(args=("shut",), workspace_id=cast.lab.id)
        task = await until_state(sent, state)

        answer = await api.mutate(cast.bob, "retryTask", id=gid(task))
        acted.gates["shut"].set()

    assert answer.refused["__typename"] == "InvalidStateError"
    assert answer.refused["currentState"] == state.name


async def test_a_cancelled_task_never_runs(api: Api, cast: Cast, db: Database, acted: Stage) -> None:
    """Scenario 16."""
    sent = await actors.noop.send_with_options_async(workspace_id=cast.lab.id)
    task = await until_state(sent, QUEUED)

    answer = await api.mutate(cast.bob, "cancelTask", TASK, id=gid(task))
    async with start_runner(db):
        await until_state(await actors.noop.send_async(7), DONE)

    assert answer.done["task"]["state"] == "REJECTED"
    assert acted.numbers("noop") == [7]
    last = (await lines_of(task))[-1]
    assert last.log_level is LogLevel.WARNING and "cancelled" in last.event


STATUSES = [status.value for status in TaskStatus]


async def test_the_summary_counts_every_status_of_what_the_caller_sees(
    api: Api, cast: Cast, db: Database
) -> None:
    """Scenario 17."""
    here = {"workspace_id": cast.lab.id}
    async with start_runner(db):
        for number in range(3):
            await actors.noop.send_with_options_async(args=(number,), **here)
        await actors.says.send_with_options_async(args=("error",), **here)
        await actors.noop.send_async()
        await until_count(5, state=DONE)
    for number in range(2):
        await actors.noop.send_with_options_async(args=(number,), **here)
    await actors.noop.send_async()

    answer = await api.execute(cast.bob, f"{{ taskStatusSummary {{ {' '.join(STATUSES)} total }} }}")
    of_staff = await api.execute(cast.sam, "{ taskStatusSummary { info queued } }")

    expected = {**dict.fromkeys(STATUSES, 0), "info": 3, "error": 1, "queued": 2, "total": 6}
    assert answer["taskStatusSummary"] == expected
    assert of_staff["taskStatusSummary"] == {"info": 4, "queued": 3}


PAGE = """query($first: Int!, $after: Cursor) { tasks(first: $first, after: $after, orderBy: [{field: MTIME, direction: DESC}]) {
  nodes { id state logs { nodes { event logLevel } } } pageInfo { hasNextPage endCursor } } }"""


async def test_a_long_list_is_paged_and_costs_no_statement_for_each_task(
    api: Api, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scenario 18."""
    for number in range(30):
        await actors.noop.send_with_options_async(args=(number,), workspace_id=cast.lab.id)
    await api.execute(cast.bob, PAGE, first=1)
    found: list[str] = []
    pages, after = 0, None
    while pages == 0 or after:
        answer = await api.execute(cast.bob, PAGE, first=10, after=after)
        page = answer["tasks"]
        found += [node["id"] for node in page["nodes"]]
        pages += 1
        after = page["pageInfo"]["endCursor"] if page["pageInfo"]["hasNextPage"] else None
        assert all(len(node["logs"]["nodes"]) == 1 for node in page["nodes"])
    with statements(monkeypatch) as for_two:
        await api.execute(cast.bob, PAGE, first=2)
    with statements(monkeypatch) as for_thirty:
        await api.execute(cast.bob, PAGE, first=30)

    assert (pages, len(found), len(set(found))) == (3, 30, 30)
    assert len(for_thirty) == len(for_two)


async def test_the_successful_can_be_left_out(api: Api, cast: Cast, db: Database) -> None:
    """Scenario 19: done and info are hidden, the other eight are shown."""
    for number, status in enumerate(STATUSES):
        await actors.noop.send_with_options_async(args=(number,))
        await _put_into(await Task.get(state=QUEUED, attempt=0), status)

    answer = await api.execute(
        cast.sam, "{ tasks(filter: {excludeSuccessful: {eq: true}}) { nodes { aggregatedStatus } } }"
    )

    shown = {node["aggregatedStatus"] for node in answer["tasks"]["nodes"]}
    assert shown == {status.upper() for status in STATUSES} - {"DONE", "INFO"}


async def _put_into(task: Task, status: str) -> None:
    """Write the status into the row, as no runner is there to bring it there."""
    state = status if status in list(TaskState) else "done"
    await fetch(
        """UPDATE task SET state = $2::text, ready = false, attempt = 1, worst_level = $3::text,
        worker_id = CASE WHEN $2::text IN ('queued', 'done', 'rejected') THEN NULL ELSE gen_random_uuid() END,
        expires_at = CASE WHEN $2::text IN ('done', 'rejected') THEN now() END WHERE id = $1""",
        task.id,
        state,
        status if status in ("info", "warning", "error") else "done",
    )


# Runners of their own ---------------------------------------------------------------------------------------------------


async def test_the_task_of_a_killed_runner_runs_on_another(owndb: Database, tmp_path: Path) -> None:
    """Scenario 20: that the first was not seen for 30 seconds is written into its row, not waited for."""
    path = tmp_path / "marks"
    async with run_runner(owndb.credentials) as first:
        sent = await actors.held_at_first.send_async(str(path))
        await until(lambda: marks(path) == ["began-1"])
        lost = (await until_state(sent, RUNNING)).worker_id
        assert lost is not None
        async with run_runner(owndb.credentials):
            await first.kill()
            await lose(lost)
            task = await until_state(sent, DONE, limit=20)

    assert marks(path) == ["began-1", "began-2", "ended-2"]
    assert (task.crashes, task.attempt, task.retries) == (1, 2, 0)
    naming = [line for line in await lines_of(task) if str(lost) in f"{line.event} {line.attributes}"]
    assert naming and "lost" in naming[0].event
    await assert_consistent()


async def test_a_runner_that_is_told_to_stop_ends_what_it_runs_and_gives_back_the_rest(
    owndb: Database, tmp_path: Path
) -> None:
    """Scenario 21: one task of two seconds, and fifty behind it."""
    path = tmp_path / "marks"
    async with run_runner(owndb.credentials, TASK_CONCURRENCY="1") as runner:
        running = await actors.marked.send_async(str(path), "slow", 2)
        await until(lambda: marks(path) == ["began-slow"])
        await asyncio.gather(*[actors.noop.send_async(number) for number in range(50)])

        runner.process.terminate()
        began = time.monotonic()
        code = await runner.ended(5)
        took = time.monotonic() - began

    assert code == 0, runner.output
    assert took < 5
    assert (await Task.get(message_id=running.message_id)).state is DONE
    assert marks(path) == ["began-slow", "ended-slow"]
    assert await ours().filter(state=QUEUED, ready=True).count() == 50
    assert await rows_of("worker_status") == 0
    await assert_consistent()


RUNNERS = "query($alive: Boolean) { workerStatuses(alive: $alive) { id hostname alive } }"


async def test_two_runners_of_one_host_are_two_and_a_killed_one_is_not_alive(
    databases: Any, db: Database, api: Api, cast: Cast
) -> None:
    """Scenario 22: that 30 seconds have passed is written into the row of the killed one."""
    async with run_runner(db.credentials) as first, run_runner(db.credentials):
        both = (await api.execute(cast.sam, RUNNERS, alive=True))["workerStatuses"]
        await first.kill()
        (dead,) = await fetch("SELECT id FROM worker_status WHERE pid = $1", first.pid)
        await lose(dead["id"])
        left = (await api.execute(cast.sam, RUNNERS, alive=True))["workerStatuses"]

    assert len({worker["id"] for worker in both}) == 2
    assert len({worker["hostname"] for worker in both}) == 1
    assert [worker["alive"] for worker in both] == [True, True]
    assert len(left) == 1 and left[0] in both


# Schedules --------------------------------------------------------------------------------------------------------------


async def declare(**changes: Any) -> Schedule:
    """The schedule of noop, every minute."""
    await declare_schedules([ScheduleSpec(actors.noop, "* * * * *", identifier="every minute", **changes)])
    return await Schedule.get(identifier="every minute")


async def let_it_be_due(schedule: Schedule) -> None:
    await fetch("UPDATE schedule SET next_run = now() - interval '1 hour' WHERE id = $1", schedule.id)


async def test_a_missed_schedule_runs_once_although_two_look_at_once(db: Database) -> None:
    """Scenario 23."""
    schedule = await declare()
    await let_it_be_due(schedule)

    await asyncio.gather(send_due_schedules(), send_due_schedules())

    task = await Task.get().select_related("rel_obj_content_type")
    kind = task.rel_obj_content_type
    assert kind is not None and (kind.app_label, kind.model) == ("tasks", "schedule")
    assert task.rel_obj_id == str(schedule.id)
    assert now() < (await Schedule.get(id=schedule.id)).next_run <= now() + timedelta(minutes=1)


SCHEDULE = "schedule { id paused crontab nextRun }"


async def test_a_paused_schedule_is_sent_by_hand_only(api: Api, cast: Cast, db: Database) -> None:
    """Scenario 24."""
    schedule = await declare()
    await api.mutate(
        cast.sam, "updateSchedule", SCHEDULE, id=gid(schedule), paused=True, crontab="*/5 * * * *"
    )
    await send_due_schedules()
    assert await rows_of("task") == 0

    before = (await Schedule.get()).next_run
    by_hand = await api.mutate(cast.sam, "sendSchedule", TASK, id=gid(schedule))
    after = await Schedule.get()
    await declare()  # as a restart does
    restarted = await Schedule.get()

    assert by_hand.done["task"]["state"] == "QUEUED"
    assert await rows_of("task") == 1
    assert after.next_run == before
    assert (restarted.paused, restarted.crontab) == (True, "*/5 * * * *")


async def test_a_schedule_that_is_no_longer_paused_runs_at_once(api: Api, cast: Cast, db: Database) -> None:
    """Scenario 24: un-pausing."""
    schedule = await declare(paused=True)
    assert await rows_of("task") == 0

    answer = await api.mutate(cast.sam, "updateSchedule", SCHEDULE, id=gid(schedule), paused=False)
    await send_due_schedules()

    assert answer.done["schedule"]["paused"] is False
    assert (await Task.get()).rel_obj_id == str(schedule.id)


# Live -------------------------------------------------------------------------------------------------------------------

FOLLOW = """subscription($id: ID, $after: Cursor) {
  taskUpdated(id: $id, after: $after) { cursor previousState state } }"""


async def test_who_follows_a_task_sees_each_state_once_and_can_go_on_from_any(
    api: Api, cast: Cast, db: Database
) -> None:
    """Scenario 25."""
    begin = await api.cursor()
    sent = await actors.noop.send_with_options_async(workspace_id=cast.lab.id)
    id = gid(await until_state(sent, QUEUED))

    async with api.subscribe(cast.bob, FOLLOW, id=id, after=begin) as events, start_runner(db):
        seen = await events.take(6)
    again = []
    for number, event in enumerate(seen[:-1]):
        async with api.subscribe(cast.bob, FOLLOW, id=id, after=event["cursor"]) as rest:
            again.append(await rest.take(5 - number))

    assert [event["state"].lower() for event in seen] == WHOLE_LIFE
    assert [event["previousState"] for event in seen] == [None] + [event["state"] for event in seen[:-1]]
    assert again == [seen[number + 1 :] for number in range(5)]
