"""Tasks, their logs, their counts and their runners, live."""

import random
from datetime import datetime
from typing import Any
from uuid import uuid4

import orjson
import pytest

from app.actions import workspaces
from app.actions.tasks.runners import RunnerInfo, register_runner, stop_runner
from app.clock import now
from app.database import Database, atomic, fetch
from app.events import CATALOGUE
from app.graphql.ids import decode_event_place, event_cursor
from app.models import Task, TaskLog, TaskState
from tests import task_actors as actors
from tests.api import Api, gid
from tests.cast import Cast
from tests.statements import statements
from tests.task_actors import Stage
from tests.tasks_yard import WHOLE_LIFE, acted, paths_of_all, start_runner, until_state

__all__ = ["acted"]  # a fixture

UPDATED = """subscription($id: ID, $f: TaskFilter, $c: Cursor) { taskUpdated(id: $id, filter: $f, after: $c) {
    cursor type time at state previousState retries attempt reason task { id state } } }"""
STATES = (
    "subscription($id: ID, $c: Cursor) { taskUpdated(id: $id, after: $c) { cursor state previousState } }"
)
LOG = """subscription($id: ID!, $l: LogLevel, $c: Cursor) { taskLogAppended(taskId: $id, minLevel: $l, after: $c) {
    cursor type line { number event logLevel previous task { id } } } }"""


async def lived(db: Database, cast: Cast, *args: Any, **where: Any) -> Task:
    """A task that a runner has run."""
    task = await cast.task(*args, **where)
    async with start_runner(db):
        return await until_state(task, TaskState.DONE, TaskState.REJECTED)


# States --------------------------------------------------------------------------------------------------------------


async def test_each_state_comes_once_in_order_with_the_one_before(
    api: Api, db: Database, cast: Cast, acted: Stage
) -> None:
    async with api.subscribe(cast.vic, UPDATED) as events:
        task = await lived(db, cast, 1)
        seen = await events.take(6)

    assert [event["state"].lower() for event in seen] == WHOLE_LIFE
    assert [event["previousState"] for event in seen] == [None, *(event["state"] for event in seen[:-1])]
    assert {event["task"]["id"] for event in seen} == {gid(task)}
    times = [datetime.fromisoformat(event["at"]) for event in seen]
    assert times == sorted(times) and times[-1] <= now()
    assert [event["attempt"] for event in seen] == [0, 1, 1, 1, 1, 1]
    assert len({event["cursor"] for event in seen}) == 6


async def test_after_any_cursor_comes_the_rest_without_gap_or_repeat(
    api: Api, db: Database, cast: Cast, acted: Stage
) -> None:
    """Also from the middle of an event that told of several states."""
    start = await api.cursor()
    task = await lived(db, cast, ["raise", "info"], "", actor=actors.acts)
    async with api.subscribe(cast.bob, UPDATED, c=start) as events:
        seen = await events.take(len(WHOLE_LIFE) + 5)

    assert seen[-1]["state"] == "DONE"
    assert any(decode_event_place(event["cursor"])[1] for event in seen)
    for number, cursor in enumerate([start, *(event["cursor"] for event in seen)]):
        async with api.subscribe(cast.bob, UPDATED, id=gid(task), c=cursor) as again:
            assert await again.take(len(seen) - number) == seen[number:]
            await api.mutate(
                cast.bob, "enqueueTask", actorName=actors.noop.actor_name, workspace=gid(cast.lab)
            )


async def test_other_streams_take_a_cursor_from_inside_an_event_and_miss_nothing(
    api: Api, db: Database, cast: Cast, acted: Stage
) -> None:
    start = await api.cursor()
    await lived(db, cast)
    async with api.subscribe(cast.bob, UPDATED, c=start) as events:
        inside = next(
            event["cursor"]
            for event in await events.take(len(WHOLE_LIFE))
            if decode_event_place(event["cursor"])[1]
        )

    stream = "subscription($c: Cursor) { events(after: $c) { type subject } }"
    async with api.subscribe(cast.bob, stream, c=inside) as rest:
        assert (await rest.next())["type"] == "task.done"


async def test_a_retry_and_a_loss_tell_why_and_from_which_state(
    api: Api, db: Database, cast: Cast, acted: Stage
) -> None:
    start = await api.cursor()
    task = await lived(db, cast, ["raise"], "", actor=actors.acts)
    rejected = await lived(db, cast, actor=actors.fails)
    await api.mutate(cast.bob, "retryTask", id=gid(rejected))
    cancelled = await cast.task()
    await api.mutate(cast.bob, "cancelTask", id=gid(cancelled))

    async def told(task: Task, count: int) -> list[tuple[Any, ...]]:
        async with api.subscribe(cast.bob, UPDATED, id=gid(task), c=start) as events:
            return [
                (event["previousState"], event["state"], event["reason"])
                for event in await events.take(count)
            ][-2:]

    assert ("POSTPROCESS", "QUEUED", "retry") in (await told(task, 6))
    assert await told(rejected, 7) == [
        ("POSTPROCESS", "REJECTED", None),
        ("REJECTED", "QUEUED", "retried_by_hand"),
    ]
    assert await told(cancelled, 2) == [(None, "QUEUED", None), ("QUEUED", "REJECTED", None)]


@atomic()
async def tell(task: Task, kind: str, *states: str, **data: Any) -> None:
    """Write an event of this task as the engine would, whatever its row says."""
    told = {
        "message_id": str(task.message_id),
        "state": states[-1] if states else "running",
        "retries": 0,
        "attempt": 1,
        "log_count": task.log_count,
        "transitions": [[state, now()] for state in states],
    }
    await fetch(
        """INSERT INTO outbox_event (event_type, source, subject, partition_key, data, tenant_id, workspace_id, audience)
        VALUES ($1, 'test', $2, $2, $3, $4, $5, $6)""",
        kind,
        f"task/{task.id}",
        orjson.dumps({**told, **data}).decode(),
        task.tenant_id,
        task.workspace_id,
        CATALOGUE[kind].audience.value,
    )


async def test_where_an_event_does_not_say_it_the_state_before_is_that_of_the_event_before(
    api: Api, cast: Cast
) -> None:
    task, other = await cast.task(), await cast.task()
    start = await api.cursor()
    await tell(task, "task.progressed", "consumed", "preprocess", "running")
    await tell(other, "task.progressed", "consumed", "preprocess")
    await tell(task, "task.progressed")  # of lines alone
    await tell(task, "task.requeued", "queued", reason="runner_lost")
    await tell(task, "task.requeued", "consumed", "queued", reason="given_back")
    await tell(task, "task.rejected", "rejected")

    async with api.subscribe(cast.bob, UPDATED, id=gid(task), c=start) as events:
        seen = await events.take(7)

    assert [(event["previousState"], event["state"], event["reason"]) for event in seen] == [
        ("QUEUED", "CONSUMED", None),
        ("CONSUMED", "PREPROCESS", None),
        ("PREPROCESS", "RUNNING", None),
        ("RUNNING", "QUEUED", "runner_lost"),
        ("QUEUED", "CONSUMED", None),
        ("CONSUMED", "QUEUED", "given_back"),
        ("QUEUED", "REJECTED", None),
    ]


async def test_only_the_states_of_tasks_that_satisfy_the_filter_come(api: Api, cast: Cast) -> None:
    wanted = {"uid": {"eq": f"{actors.noop.actor_name}:a"}}
    async with api.subscribe(cast.vic, UPDATED, f=wanted) as events:
        await cast.task(uid="b")
        task = await cast.task(uid="a")
        assert (await events.next())["task"]["id"] == gid(task)


async def test_who_follows_one_task_costs_no_statement_when_another_changes(
    api: Api, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = await cast.task()
    start = await api.cursor()
    for _ in range(5):
        await cast.task()
    await api.mutate(cast.bob, "cancelTask", id=gid(task))

    with statements(monkeypatch) as sent:
        async with api.subscribe(cast.bob, STATES, id=gid(task), c=start) as events:
            assert (await events.next())["state"] == "REJECTED"

    assert not [each for each in sent if '"task"' in each and "message" not in each]


async def test_a_filter_is_asked_about_many_events_at_once(
    api: Api, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And only after they have happened: what is satisfied by the end of an event is told."""
    start = await api.cursor()
    tasks = [await cast.task(uid="a" if number % 2 else "b") for number in range(40)]
    wanted = {"uid": {"eq": f"{actors.noop.actor_name}:a"}, "state": {"in": ["QUEUED", "REJECTED"]}}
    await api.caught_up()

    with statements(monkeypatch) as sent:
        async with api.subscribe(
            cast.bob, UPDATED.replace("task { id state }", ""), f=wanted, c=start
        ) as events:
            assert len(await events.take(20)) == 20
            asked = [each for each in sent if each.startswith('SELECT "id" "id" FROM "task"')]
            await api.mutate(cast.bob, "cancelTask", id=gid(tasks[0]))
            await api.mutate(cast.bob, "cancelTask", id=gid(tasks[1]))
            assert (await events.next())["state"] == "REJECTED"

    assert len(asked) < 10


async def test_a_task_that_one_may_not_see_is_not_found(api: Api, cast: Cast) -> None:
    task = await cast.task()

    for id in (gid(task), gid(Task(id=2**40))):
        for document in (UPDATED, LOG):
            async with api.subscribe(cast.eve, document, id=id) as events:
                assert await events.end() == "NOT_FOUND"


async def test_each_sees_the_states_of_the_tasks_that_they_may_see(api: Api, cast: Cast) -> None:
    start = await api.cursor()
    of_lab, of_staff = await cast.task(), await cast.task(workspace_id=None)
    theirs = await cast.task(workspace_id=cast.theirs.id, tenant_id=cast.theirs.tenant_id)
    open_ = await workspaces.create_workspace(await cast.root.viewer(), name="open", public=True)
    of_open = await cast.task(workspace_id=open_.id)

    for who, tasks in (
        (cast.vic, [of_lab, of_open]),
        (cast.sam, [of_lab, of_staff, of_open]),
        (cast.eve, [of_open]),
        (None, [of_open]),
        (cast.zoe, [theirs]),
    ):
        async with api.subscribe(who, UPDATED, c=start) as events:
            seen = await events.take(len(tasks))
        assert [event["task"]["id"] for event in seen] == [gid(task) for task in tasks]


async def test_who_may_no_longer_see_a_task_hears_no_more_of_it(api: Api, cast: Cast) -> None:
    task = await cast.task()
    async with (
        api.subscribe(cast.vic, STATES, id=gid(task)) as of_vic,
        api.subscribe(cast.ann, STATES, id=gid(task)) as of_ann,
    ):
        await workspaces.set_workspace_role(
            await cast.ann.viewer(), cast.lab.id, None, user_id=cast.vic.user.id
        )
        await api.mutate(cast.bob, "cancelTask", id=gid(task))
        assert (await of_ann.next())["state"] == "REJECTED"
        await api.mutate(cast.root, "updateUser", id=gid(cast.vic.user), isActive=False)
        await api.mutate(cast.bob, "retryTask", id=gid(task))
        assert await of_vic.end() == "UNAUTHENTICATED"  # and nothing before


async def test_nothing_is_lost_or_repeated_by_who_comes_and_goes(
    api: Api, db: Database, cast: Cast, acted: Stage
) -> None:
    dice = random.Random(5)
    start = cursor = await api.cursor()
    tasks = [await cast.task(["raise", "ask"][: number % 3], "", actor=actors.acts) for number in range(12)]
    async with start_runner(db, task_concurrency=4):
        for task in tasks:
            await until_state(task, TaskState.DONE)
    count = sum(map(len, (await paths_of_all()).values()))

    async with api.subscribe(cast.bob, STATES, c=start) as events:
        whole = await events.take(count)
    pieces: list[dict[str, Any]] = []
    while len(pieces) < len(whole):
        async with api.subscribe(cast.bob, STATES, c=cursor) as events:
            pieces += await events.take(min(dice.randint(1, 5), len(whole) - len(pieces)))
            cursor = pieces[-1]["cursor"]

    assert pieces == whole
    assert len({event["cursor"] for event in whole}) == count > 80


# Logs ----------------------------------------------------------------------------------------------------------------


async def test_lines_come_one_by_one_as_they_are_written(
    api: Api, db: Database, cast: Cast, acted: Stage
) -> None:
    start = await api.cursor()
    task = await cast.task(["raise", "wait"], "gate", actor=actors.acts)
    other = await cast.task(actor=actors.says)
    async with api.subscribe(cast.vic, LOG, id=gid(task), c=start) as events, start_runner(db):
        seen = [await events.next()]
        while seen[-1]["line"]["event"] != "waiting":  # while it still runs
            seen.append(await events.next())
        acted.gates["gate"].set()
        await until_state(task, TaskState.DONE)
        await until_state(other, TaskState.DONE)
        row = await Task.get(id=task.id)
        seen += await events.take(row.log_count - len(seen))

    assert [event["line"]["number"] for event in seen] == list(range(1, row.log_count + 1))
    assert {event["line"]["task"]["id"] for event in seen} == {gid(task)}
    stored = await TaskLog.filter(task_id=task.id).order_by("number")
    assert [event["line"]["event"] for event in seen] == [line.event for line in stored]
    for number, event in enumerate(seen, start=1):
        async with api.subscribe(cast.vic, LOG, id=gid(task), c=event["cursor"]) as again:
            rest = await again.take(len(seen) - number)
        assert [each["line"]["number"] for each in rest] == list(range(number + 1, len(seen) + 1))


async def test_lines_below_a_level_are_left_out(api: Api, db: Database, cast: Cast) -> None:
    start = await api.cursor()
    task = await lived(db, cast, "info", "debug", "warning", "error", "info", actor=actors.says)

    async with api.subscribe(cast.bob, LOG, id=gid(task), l="WARNING", c=start) as events:
        seen = [(await events.next())["line"]["logLevel"] for _ in "ab"]

    assert seen == ["WARNING", "ERROR"]


async def test_without_a_cursor_come_the_lines_from_now_on(api: Api, cast: Cast) -> None:
    task = await cast.task()
    await api.caught_up()
    async with api.subscribe(cast.bob, LOG, id=gid(task)) as events:
        await api.mutate(cast.bob, "cancelTask", id=gid(task))
        line = (await events.next())["line"]

    assert (line["number"], line["event"]) == (2, "Task has been cancelled")


async def test_a_cursor_of_the_log_of_events_gives_the_lines_after_it(
    api: Api, db: Database, cast: Cast
) -> None:
    before = await api.cursor()
    task = await cast.task("info", "error", actor=actors.says)
    between = await api.cursor()
    async with start_runner(db):
        await until_state(task, TaskState.DONE)
    after = await api.cursor()
    await api.mutate(cast.bob, "enqueueTask", actorName=actors.noop.actor_name, workspace=gid(cast.lab))
    count = (await Task.get(id=task.id)).log_count

    for cursor, first in ((before, 1), (between, 2)):
        async with api.subscribe(cast.bob, LOG, id=gid(task), c=cursor) as events:
            numbers = [(await events.next())["line"]["number"] for _ in range(first, count + 1)]
        assert numbers == list(range(first, count + 1))
    async with api.subscribe(cast.bob, LOG, id=gid(task), c=after) as events:
        await tell(task, "task.progressed", log_count=count)
        await fetch(
            """INSERT INTO task_log (id, task_id, event, log_level, logger, timestamp, number)
            VALUES ($1, $2, 'new', 'info', 'x', now(), $3)""",
            uuid4(),
            task.id,
            count + 1,
        )
        await tell(task, "task.progressed", log_count=count + 1)
        assert (await events.next())["line"]["event"] == "new"


async def test_thousands_of_lines_come_in_order(api: Api, cast: Cast) -> None:
    task = await cast.task()
    start = await api.cursor()
    await fetch(
        """INSERT INTO task_log (id, task_id, event, log_level, logger, timestamp, number)
        SELECT gen_random_uuid(), $1, 'line', 'info', 'x', now(), number FROM generate_series(2, 2501) AS number""",
        task.id,
    )
    await tell(task, "task.progressed", log_count=2501)

    async with api.subscribe(cast.bob, LOG, id=gid(task), c=start) as events:
        assert [(await events.next())["line"]["number"] for _ in range(2500)] == list(range(2, 2502))


# Counts --------------------------------------------------------------------------------------------------------------

COUNTS = """subscription($f: TaskFilter, $i: Int) { taskStatusSummaryChanged(filter: $f, intervalMs: $i) {
    cursor summary { queued rejected total } } }"""


async def test_counts_come_at_once_and_then_only_when_they_have_changed(api: Api, cast: Cast) -> None:
    task = await cast.task()
    async with api.subscribe(cast.bob, COUNTS, i=250) as events:
        first = await events.next()
        await cast.task(workspace_id=None)  # not for bob
        await tell(task, "task.progressed", "consumed")  # which changes no count
        await api.mutate(cast.bob, "cancelTask", id=gid(task))
        second = await events.next()
        await cast.task()
        third = await events.next()

    assert [event["summary"] for event in (first, second, third)] == [
        {"queued": 1, "rejected": 0, "total": 1},
        {"queued": 0, "rejected": 1, "total": 1},
        {"queued": 1, "rejected": 1, "total": 2},
    ]


async def test_many_changes_within_the_interval_come_as_one(api: Api, cast: Cast) -> None:
    async with api.subscribe(cast.bob, COUNTS, i=500, f={"priority": {"eq": 1}}) as events:
        first = await events.next()
        for _ in range(20):
            await cast.task(priority=1)
            await cast.task()
        seen = [await events.next()]
        while seen[-1]["summary"]["total"] < 20:
            seen.append(await events.next())

    assert first["summary"]["total"] == 0
    assert len(seen) <= 3


@pytest.mark.parametrize("interval", [249, 0, -1, 60_001])
async def test_an_interval_out_of_bounds_is_bad_input(api: Api, cast: Cast, interval: int) -> None:
    async with api.subscribe(cast.bob, COUNTS, i=interval) as events:
        assert await events.end() == "BAD_INPUT"


async def test_counts_end_with_the_right_to_see_them(api: Api, cast: Cast) -> None:
    async with api.subscribe(cast.vic, COUNTS, i=250) as events:
        await events.next()
        await api.mutate(cast.root, "updateUser", id=gid(cast.vic.user), isActive=False)
        await cast.task()
        assert await events.end() == "UNAUTHENTICATED"


# Runners -------------------------------------------------------------------------------------------------------------

RUNNERS = """subscription($c: Cursor) { workersChanged(after: $c) {
    cursor type workerStatus { hostname } workerStatuses { hostname } } }"""


async def test_the_start_and_the_end_of_a_runner_are_told_to_staff(api: Api, cast: Cast) -> None:
    runner = RunnerInfo(uuid4(), "yard", "1", 7)
    start = await api.cursor()
    async with api.subscribe(cast.sam, RUNNERS) as events, api.subscribe(cast.ann, RUNNERS) as of_ann:
        await register_runner(runner)
        started = await events.next()
        await stop_runner(runner.id)
        stopped = await events.next()
        await api.mutate(cast.root, "updateUser", id=gid(cast.ann.user), isActive=False)
        await register_runner(RunnerInfo(uuid4(), "other", "1", 7))
        assert await of_ann.end() == "UNAUTHENTICATED"  # and nothing before

    assert (started["type"], started["workerStatus"]) == ("worker_status.started", {"hostname": "yard"})
    assert started["workerStatuses"] == [{"hostname": "yard"}]
    assert (stopped["type"], stopped["workerStatus"], stopped["workerStatuses"]) == (
        "worker_status.stopped",
        None,
        [],
    )
    async with api.subscribe(cast.sam, RUNNERS, c=start) as again:
        assert [event["type"] for event in await again.take(2)] == [started["type"], stopped["type"]]


def test_a_step_is_part_of_a_cursor_and_none_is_the_whole_event() -> None:
    from app.events import Position
    from app.graphql.ids import decode_event_cursor

    position = Position(7, 9)

    assert decode_event_place(event_cursor(position)) == (position, 0)
    assert decode_event_place(event_cursor(position, 3)) == (position, 3)
    assert decode_event_cursor(event_cursor(position)) == position
    assert decode_event_cursor(event_cursor(position, 3)) == Position(7, 8)
