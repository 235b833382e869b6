"""Tasks, sent and changed by people: what happens to the rows, and what is refused in which words."""

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import orjson
import pytest

from app.access import Role
from app.actions import workspaces
from app.actions.tasks.claiming import claim
from app.actions.tasks.finishing import End, flush
from app.actions.tasks.promoting import Cancelled, look_for_tasks
from app.clock import now
from app.database import Database, fetch
from app.models import LogEntry, Schedule, Task, TaskLog, TaskState
from app.tasks import Outcome
from app.tasks.messages import decode
from tests import task_actors as actors
from tests.api import Api, gid, rows_of, state
from tests.cast import Cast, Person
from tests.task_actors import Stage
from tests.tasks_yard import acted, assert_consistent, start_runner, until, until_state

__all__ = ["acted"]  # a fixture

TASK = "task { id messageId state aggregatedStatus retries attempt eta priority uid args kwargs queueName }"


async def refused(api: Api, who: Any, mutation: str, **input: Any) -> dict[str, Any]:
    """The error of a mutation that is refused and changes nothing."""
    before = await state()
    answer = await api.mutate(who, mutation, **input)
    assert await state() == before
    return answer.refused


async def send(api: Api, cast: Cast, who: Any = None, **input: Any) -> dict[str, Any]:
    answer = await api.mutate(who or cast.bob, "enqueueTask", f"absorbed {TASK}", **{**noop(cast), **input})
    return answer.done


def noop(cast: Cast) -> dict[str, Any]:
    return {"actorName": actors.noop.actor_name, "workspace": gid(cast.lab)}


async def events_of(task: Task) -> list[tuple[str, dict[str, Any]]]:
    rows = await fetch(
        "SELECT event_type, data FROM outbox_event WHERE subject = $1 ORDER BY xid, seq", f"task/{task.id}"
    )
    return [(row["event_type"], orjson.loads(row["data"])) for row in rows]


# Sending -------------------------------------------------------------------------------------------------------------


async def test_a_task_is_sent_with_all_that_was_said(api: Api, cast: Cast) -> None:
    eta = now() + timedelta(hours=1)

    done = await send(
        api,
        cast,
        args=[1, {"a": None}],
        kwargs={"b": "ü\0"},
        queueName="other",
        eta=eta.isoformat(),
        priority=-5,
        uid="mine",
        relObj=gid(cast.lab),
    )

    task = await Task.get()
    assert done["absorbed"] is False
    assert done["task"] == {
        "id": gid(task),
        "messageId": str(task.message_id),
        "state": "QUEUED",
        "aggregatedStatus": "QUEUED",
        "retries": 0,
        "attempt": 0,
        "eta": eta.isoformat(),
        "priority": -5,
        "uid": f"{actors.noop.actor_name}:mine",
        "args": [1, {"a": None}],
        "kwargs": {"b": "ü\0"},
        "queueName": "other",
    }
    assert (task.workspace_id, task.tenant_id, task.rel_obj_id) == (
        cast.lab.id,
        cast.tenant.id,
        str(cast.lab.id),
    )
    assert not task.ready
    await assert_consistent()


async def test_a_delay_is_from_now_and_a_time_that_has_passed_is_none(api: Api, cast: Cast) -> None:
    begin = now()
    later = (await send(api, cast, delay="PT90S"))["task"]["eta"]
    at_once = (await send(api, cast, delay="PT0S"))["task"]["eta"]
    long_ago = (await send(api, cast, eta="2001-01-01T00:00:00Z"))["task"]["eta"]

    assert begin + timedelta(seconds=90) <= datetime.fromisoformat(later) <= now() + timedelta(seconds=90)
    assert at_once is None and long_ago is None


async def test_a_task_lives_in_the_workspace_of_its_object(api: Api, cast: Cast) -> None:
    request = await cast.request()

    await send(api, cast, workspace=None, relObj=gid(request))

    assert (await Task.get()).workspace_id == cast.lab.id


async def test_a_task_without_a_workspace_is_for_staff(api: Api, cast: Cast) -> None:
    assert (await refused(api, cast.bob, "enqueueTask", **noop(cast) | {"workspace": None}))[
        "code"
    ] == "FORBIDDEN"

    await send(api, cast, cast.sam, workspace=None)

    assert (await Task.get()).workspace_id is None


async def test_only_actors_that_are_remote_take_tasks_from_outside(api: Api, cast: Cast) -> None:
    """Those who do not see the others are not told of them."""
    await workspaces.set_workspace_role(
        await cast.root.viewer(), cast.lab.id, Role.CONTRIBUTOR, user_id=cast.sam.user.id
    )
    for name in ("tests.task_actors.silent", "os.system", "", "x" * 100_000):
        error = await refused(api, cast.bob, "enqueueTask", **{**noop(cast), "actorName": name})
        assert (error["__typename"], error["code"]) == ("NotFoundError", "UNKNOWN_ACTOR")
        assert error["path"] == ["input", "actorName"]
    error = await refused(
        api, cast.sam, "enqueueTask", **{**noop(cast), "actorName": "tests.task_actors.silent"}
    )
    assert (error["code"], error["path"]) == ("FORBIDDEN", ["input", "actorName"])
    assert "remote=True" in error["message"]


@pytest.mark.parametrize(
    ("input", "code", "path"),
    [
        ({"args": {"a": 1}}, "VALIDATION", "args"),
        ({"args": "text"}, "VALIDATION", "args"),
        ({"kwargs": [1]}, "VALIDATION", "kwargs"),
        ({"args": ["x" * 256 * 1024]}, "MESSAGE_TOO_LARGE", "args"),
        ({"queueName": ""}, "VALIDATION", "queueName"),
        ({"queueName": "no queue"}, "VALIDATION", "queueName"),
        ({"queueName": "q" * 101}, "VALIDATION", "queueName"),
        ({"delay": "PT1S", "eta": "2027-01-01T00:00:00Z"}, "VALIDATION", "eta"),
        ({"delay": "P367D"}, "VALIDATION", "delay"),
        ({"eta": "9999-12-31T23:59:59Z"}, "VALIDATION", "eta"),
        ({"priority": 1001}, "VALIDATION", "priority"),
        ({"priority": -1001}, "VALIDATION", "priority"),
        ({"uid": ""}, "VALIDATION", "uid"),
        ({"uid": "u" * 256}, "VALIDATION", "uid"),
        ({"uid": "a\0b"}, "VALIDATION", "uid"),
        ({"uniqueKey": ""}, "VALIDATION", "uniqueKey"),
        ({"uniqueKey": "a\0b"}, "VALIDATION", "uniqueKey"),
        ({"idempotencyKey": ""}, "VALIDATION", "idempotencyKey"),
    ],
)
async def test_what_breaks_a_rule_is_refused_with_the_path_to_it(
    api: Api, cast: Cast, input: dict[str, Any], code: str, path: str
) -> None:
    error = await refused(api, cast.bob, "enqueueTask", **{**noop(cast), **input})

    assert (error["code"], error["path"]) == (code, ["input", path])


async def test_an_object_that_is_hidden_or_in_another_workspace_is_refused(api: Api, cast: Cast) -> None:
    elsewhere = await cast.request(by=cast.zoe, workspace_id=cast.theirs.id)
    second = await workspaces.create_workspace(await cast.root.viewer(), name="second")
    await workspaces.set_workspace_role(
        await cast.root.viewer(), second.id, Role.OWNER, user_id=cast.bob.user.id
    )

    hidden = await refused(api, cast.bob, "enqueueTask", **{**noop(cast), "relObj": gid(elsewhere)})
    other = await refused(api, cast.bob, "enqueueTask", **{**noop(cast), "relObj": gid(second)})
    unknown = await refused(api, cast.bob, "enqueueTask", **{**noop(cast), "workspace": gid(cast.theirs)})

    assert (hidden["code"], other["path"], unknown["code"]) == (
        "NOT_FOUND",
        ["input", "workspace"],
        "NOT_FOUND",
    )


async def test_a_key_makes_one_task_and_is_refused_for_another_input(api: Api, cast: Cast) -> None:
    first = await send(api, cast, idempotencyKey="k")
    again = await send(api, cast, idempotencyKey="k")

    assert again == first
    assert await rows_of("task") == 1
    error = await refused(api, cast.bob, "enqueueTask", **noop(cast), args=[2], idempotencyKey="k")
    assert (error["code"], error["path"]) == ("CONFLICT", ["input", "idempotencyKey"])


async def test_an_unfinished_task_absorbs_another_with_its_key(api: Api, cast: Cast) -> None:
    first = await send(api, cast, uniqueKey="only")
    second = await send(api, cast, uniqueKey="only", args=[2])
    other = await send(api, cast, uniqueKey="another")

    assert (second["absorbed"], second["task"]["id"]) == (True, first["task"]["id"])
    assert other["absorbed"] is False
    await api.mutate(cast.bob, "cancelTask", id=first["task"]["id"])
    assert (await send(api, cast, uniqueKey="only"))["absorbed"] is False


MANY = f"absorbed {TASK.replace('task ', 'tasks ')}"


async def test_tasks_are_sent_in_order_and_all_or_none(api: Api, cast: Cast) -> None:
    tasks = [{**noop(cast), "args": [number]} for number in range(1000)]

    done = (await api.mutate(cast.bob, "enqueueTasks", MANY, tasks=tasks)).done
    error = await refused(
        api, cast.bob, "enqueueTasks", tasks=[*tasks[:2], {**noop(cast), "priority": 5000}, *tasks[:2]]
    )

    assert [task["args"] for task in done["tasks"]] == [[number] for number in range(1000)]
    ids = [task["id"] for task in done["tasks"]]
    assert [gid(task) for task in await Task.all().order_by("id")] == ids
    assert error["path"] == ["input", "tasks", "2", "priority"]
    await assert_consistent()


async def test_each_refusal_of_one_of_many_leads_to_it(api: Api, cast: Cast) -> None:
    good = noop(cast)
    for bad, code, path in (
        ({"actorName": "no.such"}, "UNKNOWN_ACTOR", ["input", "tasks", "1", "actorName"]),
        ({"args": ["x" * 256 * 1024]}, "MESSAGE_TOO_LARGE", ["input", "tasks", "1", "args"]),
        ({"uid": ""}, "VALIDATION", ["input", "tasks", "1", "uid"]),
        ({"workspace": gid(cast.theirs)}, "NOT_FOUND", ["input", "tasks", "1"]),
    ):
        error = await refused(api, cast.bob, "enqueueTasks", tasks=[good, {**good, **bad}])
        assert (error["code"], error["path"]) == (code, path)
    answer = await api.mutate(cast.bob, "enqueueTasks", tasks=[good, {**good, "relObj": "x"}])
    assert (answer.code, answer.path) == ("BAD_INPUT", ["input", "tasks", "1", "relObj"])
    for tasks in ([], [good] * 1001):
        assert (await refused(api, cast.bob, "enqueueTasks", tasks=tasks))["path"] == ["input", "tasks"]


async def test_a_key_makes_many_tasks_once(api: Api, cast: Cast) -> None:
    tasks = [{**noop(cast), "args": [number]} for number in range(3)]

    first = (await api.mutate(cast.bob, "enqueueTasks", MANY, tasks=tasks, idempotencyKey="k")).done
    again = (await api.mutate(cast.bob, "enqueueTasks", MANY, tasks=tasks, idempotencyKey="k")).done

    assert again == first and len(first["tasks"]) == 3
    assert await rows_of("task") == 3
    assert {decode(task.message or b"").message_id for task in await Task.all()} == {
        task["messageId"] for task in first["tasks"]
    }
    other = await refused(api, cast.bob, "enqueueTasks", tasks=tasks[:2], idempotencyKey="k")
    assert other["code"] == "CONFLICT"


async def test_a_token_of_another_tenant_sends_into_its_own(api: Api, cast: Cast) -> None:
    await send(api, cast, cast.zoe, workspace=gid(cast.theirs))
    await send(api, cast, cast.zoe, workspace=None)

    assert {task.tenant_id for task in await Task.all()} == {cast.theirs.tenant_id}


# Trying again --------------------------------------------------------------------------------------------------------


async def failed(db: Database, cast: Cast) -> Task:
    """A task that a runner has tried in vain."""
    task = await cast.task(actor=actors.fails)
    async with start_runner(db):
        return await until_state(task, TaskState.REJECTED)


async def test_a_rejected_task_runs_again_as_the_same_task(
    api: Api, db: Database, cast: Cast, acted: Stage
) -> None:
    task = await failed(db, cast)
    lines = await TaskLog.filter(task_id=task.id).count()

    done = (await api.mutate(cast.bob, "retryTask", TASK, id=gid(task))).done["task"]

    row = await Task.get(id=task.id)
    assert done["messageId"] == str(task.message_id)
    assert (done["state"], done["retries"], done["attempt"], done["eta"]) == ("QUEUED", 0, 1, None)
    assert row.ready and row.expires_at is None and row.worst_level == "info"
    assert row.log_count == lines + 1
    (last,) = await TaskLog.filter(task_id=task.id, previous=False)
    assert (last.event, last.number, last.attempt) == ("Task will be retried", lines + 1, 1)
    kind, data = (await events_of(task))[-1]
    assert (kind, data["reason"], data["state"]) == ("task.requeued", "retried_by_hand", "queued")
    assert [state for state, _ in data["transitions"]] == ["queued"]
    async with start_runner(db):
        await until_state(task, TaskState.REJECTED)
    assert acted.numbers("fails") == [0, 0]
    await assert_consistent()


async def test_retries_count_anew_unless_one_says_otherwise(
    api: Api, db: Database, cast: Cast, acted: Stage
) -> None:
    task = await cast.task(["raise"] * 6, "never", actor=actors.acts)
    async with start_runner(db):
        for reset, attempts in ((None, 3), (False, 4), (True, 7)):
            if reset is not None:
                await api.mutate(cast.bob, "retryTask", id=gid(task), resetRetries=reset)
            await until(lambda attempts=attempts: len(acted.runs) == attempts)
            row = await until_state(task, *([TaskState.REJECTED] if attempts < 7 else [TaskState.DONE]))
            assert row.attempt == attempts
    await assert_consistent()


@pytest.mark.parametrize("wrong", ["queued", "running", "done"])
async def test_only_a_rejected_task_can_be_tried_again(
    api: Api, db: Database, cast: Cast, acted: Stage, wrong: str
) -> None:
    task = await cast.task("gate", actor=actors.waits)
    async with start_runner(db):
        if wrong != "queued":
            await until_state(task, TaskState.RUNNING)
        else:
            task = await cast.task(delay_ms=60_000)
        if wrong == "done":
            acted.gates["gate"].set()
            await until_state(task, TaskState.DONE)
        error = (await api.mutate(cast.bob, "retryTask", id=gid(task))).refused
        acted.gates["gate"].set()

    assert (error["__typename"], error["currentState"]) == ("InvalidStateError", wrong.upper())


async def test_a_task_whose_message_nobody_can_read_is_not_tried_again(api: Api, cast: Cast) -> None:
    task = await cast.rejected_task()
    await Task.filter(id=task.id).update(message=b"no message")

    for reset in (True, False):
        error = await refused(api, cast.bob, "retryTask", id=gid(task), resetRetries=reset)
        assert (error["code"], error["currentState"]) == ("INVALID_STATE", "REJECTED")
    many = await api.mutate(cast.bob, "retryTasks", "count", filter={})
    assert many.done["count"] == 0


async def test_many_are_tried_again_the_oldest_first_and_where_one_may(api: Api, cast: Cast) -> None:
    tasks = [await cast.rejected_task(number) for number in range(5)]
    waiting = await cast.task()
    of_staff = await cast.rejected_task(workspace_id=None)
    in_open = await workspaces.create_workspace(await cast.root.viewer(), name="open", public=True)
    seen_only = await cast.rejected_task(workspace_id=in_open.id)
    filter = {"actorName": {"eq": actors.noop.actor_name}}

    first = (await api.mutate(cast.bob, "retryTasks", "count", filter=filter, limit=2)).done
    queued = [task.id for task in await Task.filter(state="queued").order_by("id")]
    rest = (await api.mutate(cast.bob, "retryTasks", "count", filter=filter)).done

    assert (first["count"], rest["count"]) == (2, 3)
    assert queued == [tasks[0].id, tasks[1].id, waiting.id]
    for untouched in (of_staff, seen_only):
        assert (await Task.get(id=untouched.id)).state is TaskState.REJECTED
    assert (await api.mutate(cast.sam, "retryTasks", "count", filter=filter)).done["count"] == 2
    for limit in (0, 1001):
        error = await refused(api, cast.bob, "retryTasks", filter=filter, limit=limit)
        assert error["path"] == ["input", "limit"]


async def test_a_malformed_filter_is_bad_input(api: Api, cast: Cast) -> None:
    before = await state()

    for mutation, more in (("retryTasks", {}), ("purgeTasks", {"olderThan": "PT0S"})):
        answer = await api.mutate(cast.sam, mutation, filter={"id": {"eq": "x"}}, **more)
        assert (answer.code, answer.path) == ("BAD_INPUT", ["filter", "id", "eq"])
    assert await state() == before


# Stopping ------------------------------------------------------------------------------------------------------------


async def test_a_task_that_waits_is_rejected_at_once(
    api: Api, db: Database, cast: Cast, acted: Stage
) -> None:
    for task in (await cast.task(), await cast.task(delay_ms=60_000)):
        done = (await api.mutate(cast.bob, "cancelTask", TASK, id=gid(task))).done["task"]

        assert (done["state"], done["aggregatedStatus"], done["eta"]) == ("REJECTED", "REJECTED", None)
        row = await Task.get(id=task.id)
        assert row.expires_at is not None and row.worst_level == "warning" and not row.ready
        last = await TaskLog.filter(task_id=task.id).order_by("-number").first()
        assert last is not None
        assert (last.event, last.log_level) == ("Task has been cancelled", "warning")
        kind, data = (await events_of(task))[-1]
        assert (kind, data["log_count"]) == ("task.rejected", 2)
        assert (await refused(api, cast.bob, "cancelTask", id=gid(task)))["currentState"] == "REJECTED"
    async with start_runner(db):
        await until_state(await cast.task(7), TaskState.DONE)
    assert acted.numbers("noop") == [7]
    await assert_consistent()


async def test_a_task_that_a_runner_has_just_taken_is_stopped_by_it_although_its_row_did_not_say_so(
    api: Api, db: Database, cast: Cast
) -> None:
    task, runner_id = await cast.task(), uuid4()
    connection = await db.connect()
    [claimed] = await claim(connection, runner_id, "default", 1)
    before = (await Task.get(id=task.id)).state

    answer = await api.mutate(cast.bob, "cancelTask", "task { state cancelRequestedAt }", id=gid(task))

    row = await Task.get(id=task.id)
    seen = await look_for_tasks(runner_id)
    outcome = Outcome(TaskState.QUEUED, transitions=[(TaskState.QUEUED, now())], reason="given_back")
    await flush(connection, runner_id, [End(claimed, outcome, 2, "info", 60.0)])
    await connection.close()
    assert (before, answer.done["task"]["state"]) == (TaskState.QUEUED, "CONSUMED")
    assert (row.held_on, row.attempt, row.cancel_requested_at is None) == (runner_id, 1, False)
    assert seen.cancelled == (Cancelled(task.id, 1),)
    assert (await Task.get(id=task.id)).state is TaskState.REJECTED


async def test_a_task_in_work_is_stopped_and_then_rejected(
    api: Api, db: Database, cast: Cast, acted: Stage
) -> None:
    task = await cast.task("never", 5, actor=actors.waits)
    async with start_runner(db):
        await until_state(task, TaskState.RUNNING)

        answers = [
            await api.mutate(cast.bob, "cancelTask", "task { cancelRequestedAt }", id=gid(task)) for _ in "ab"
        ]

        asked = {answer.done["task"]["cancelRequestedAt"] for answer in answers}
        assert len(asked) == 1 and None not in asked
        row = await until_state(task, TaskState.REJECTED, limit=2)
    assert acted.cancelled == [5]
    assert row.expires_at is not None
    await assert_consistent()


# Clearing away -------------------------------------------------------------------------------------------------------


async def test_ended_tasks_are_removed_by_age_and_filter_and_it_is_noted(api: Api, cast: Cast) -> None:
    old = [await cast.rejected_task(number) for number in range(3)]
    for task in old:
        await fetch("UPDATE task SET mtime = now() - interval '2 days' WHERE id = $1", task.id)
    new, waiting = await cast.rejected_task(), await cast.task(delay_ms=1000)
    await fetch("UPDATE task SET mtime = now() - interval '2 days' WHERE id = $1", waiting.id)
    theirs = await cast.rejected_task(workspace_id=cast.theirs.id, tenant_id=cast.theirs.tenant_id)
    await fetch("UPDATE task SET mtime = now() - interval '2 days' WHERE id = $1", theirs.id)

    two = (await api.mutate(cast.sam, "purgeTasks", "count", filter={}, olderThan="P1D", limit=2)).done
    left = [task.id for task in await Task.all().order_by("id")]
    one = (await api.mutate(cast.sam, "purgeTasks", "count", filter={}, olderThan="P1D")).done
    none = (await api.mutate(cast.sam, "purgeTasks", "count", filter={}, olderThan="P1D")).done

    assert (two["count"], one["count"], none["count"]) == (2, 1, 0)
    assert left == [old[2].id, new.id, waiting.id, theirs.id]
    assert {task.id for task in await Task.all()} == {new.id, waiting.id, theirs.id}
    assert {line.task_id for line in await TaskLog.all()} == {new.id, waiting.id, theirs.id}
    notes = await LogEntry.filter(object_type="Task").order_by("id")
    assert [(note.object_repr, note.user_id) for note in notes] == [
        ("2 tasks", cast.sam.user.id),
        ("1 tasks", cast.sam.user.id),
    ]


# Schedules -----------------------------------------------------------------------------------------------------------

SCHEDULE = "schedule { crontab paused nextRun version }"


async def schedule(cast: Cast, **columns: Any) -> Schedule:
    return await Schedule.create(
        **{
            "tenant_id": cast.tenant.id,
            "actor_name": actors.noop.actor_name,
            "crontab": "0 0 * * *",
            "next_run": now() + timedelta(days=1),
            **columns,
        }
    )


async def test_a_schedule_is_changed_and_counts_from_now(api: Api, cast: Cast) -> None:
    row = await schedule(cast)

    changed = (await api.mutate(cast.sam, "updateSchedule", SCHEDULE, id=gid(row), crontab="* * * * *")).done
    paused = (await api.mutate(cast.sam, "updateSchedule", SCHEDULE, id=gid(row), paused=True)).done
    resumed = (await api.mutate(cast.sam, "updateSchedule", SCHEDULE, id=gid(row), paused=False)).done

    assert changed["schedule"]["crontab"] == "* * * * *"
    assert now() <= datetime.fromisoformat(changed["schedule"]["nextRun"]) <= now() + timedelta(minutes=1)
    assert paused["schedule"] == {**changed["schedule"], "paused": True, "version": 3}
    assert datetime.fromisoformat(resumed["schedule"]["nextRun"]) <= now()
    assert await LogEntry.filter(object_type="Schedule").count() == 3


@pytest.mark.parametrize(
    "crontab", ["", "* * * *", "61 * * * *", "0 0 30 2 *", "x" * 300, "@never", "* * * * \0"]
)
async def test_a_crontab_that_cannot_be_is_refused(api: Api, cast: Cast, crontab: str) -> None:
    row = await schedule(cast)

    error = await refused(api, cast.sam, "updateSchedule", id=gid(row), crontab=crontab)

    assert (error["__typename"], error["path"]) == ("ValidationError", ["input", "crontab"])


async def test_a_schedule_that_somebody_else_changed_first_is_a_conflict(api: Api, cast: Cast) -> None:
    row = await schedule(cast)
    await api.mutate(cast.sam, "updateSchedule", id=gid(row), paused=True, ifVersion=1)

    error = await refused(api, cast.root, "updateSchedule", id=gid(row), crontab="@daily", ifVersion=1)

    assert (error["code"], error["currentVersion"]) == ("CONFLICT", 2)


async def test_a_schedule_is_sent_by_hand_once_for_a_key(api: Api, cast: Cast) -> None:
    row = await schedule(cast, paused=True, args=[3])
    selection = "task { id args relObj { node { id } } }"

    first = (await api.mutate(cast.sam, "sendSchedule", selection, id=gid(row), idempotencyKey="k")).done
    again = (await api.mutate(cast.sam, "sendSchedule", selection, id=gid(row), idempotencyKey="k")).done

    assert again == first
    assert first["task"]["args"] == [3] and first["task"]["relObj"]["node"] == {"id": gid(row)}
    assert await rows_of("task") == 1
    assert (await Schedule.get(id=row.id)).next_run == row.next_run


async def test_a_schedule_of_an_actor_that_is_gone_is_not_sent(api: Api, cast: Cast) -> None:
    row = await schedule(cast, actor_name="gone.away")

    assert (await refused(api, cast.sam, "sendSchedule", id=gid(row)))["code"] == "UNKNOWN_ACTOR"


# At once -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("others", ["cancelTask", "retryTask", "both"])
async def test_people_and_runners_at_once_leave_each_task_with_a_history_that_fits(
    api: Api, db: Database, cast: Cast, acted: Stage, others: str
) -> None:
    """No fault, no deadlock; each task goes from state to state as states may follow."""
    mutations = ["cancelTask", "retryTask"] if others == "both" else [others]
    people: list[Person] = [cast.bob, cast.ann, cast.root]
    tasks = [
        await cast.task(number, actor=actors.fails if number % 2 else actors.noop) for number in range(24)
    ]

    async def act(person: Person, mutation: str) -> None:
        for task in tasks:
            answer = await api.mutate(person, mutation, id=gid(task))
            errors = answer.payload["userErrors"]
            assert {error["code"] for error in errors} <= {"INVALID_STATE"}
            await api.mutate(person, "retryTasks", filter={"id": {"eq": gid(task)}})

    async with start_runner(db), start_runner(db):
        await asyncio.gather(*[act(person, mutation) for person in people for mutation in mutations])
        for task in tasks:
            await until_state(task, TaskState.DONE, TaskState.REJECTED)
    await assert_consistent()
