"""Sending tasks: rows, lines and events at once, in the caller's transaction, each key once."""

import asyncio
import contextvars
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest

from app.actions.outbox import call_when_written
from app.actions.tasks import Enqueued, NewTask, enqueue
from app.clock import now
from app.database import Database, fetch, transaction
from app.errors import Conflict, Invalid
from app.events import TaskQueued
from app.models import Task, TaskState, Tenant
from tests.cast import Cast
from tests.tasks_yard import lines_of, path_of


def task(**changes: Any) -> NewTask:
    message_id: UUID = changes.pop("message_id", None) or uuid4()
    return NewTask(message_id, "default", "tests.any", b"{}", **changes)


async def count() -> tuple[int, int, int]:
    """Rows, lines, events."""
    [row] = await fetch(
        "SELECT (SELECT count(*) FROM task) AS tasks, (SELECT count(*) FROM task_log) AS lines,"
        " (SELECT count(*) FROM outbox_event WHERE event_type = 'task.queued') AS events"
    )
    return row["tasks"], row["lines"], row["events"]


async def test_many_are_stored_in_the_order_given_with_a_line_and_an_event_each(db: Database) -> None:
    tasks = [task(priority=number % 3, uid=str(number)) for number in range(2500)]

    sent = await enqueue(tasks)

    rows = await Task.all().order_by("id")
    assert [row.message_id for row in rows] == [each.message_id for each in tasks]
    assert sent == [Enqueued(row.id, row.message_id) for row in rows]
    assert await count() == (2500, 2500, 2500)
    assert {(row.state, row.ready, row.log_count, row.worst_level) for row in rows} == {
        (TaskState.QUEUED, True, 1, "info")
    }


async def test_more_than_fit_into_one_statement_are_all_stored_or_none(db: Database) -> None:
    twice = uuid4()
    await enqueue([task() for _ in range(5001)])

    with pytest.raises(Conflict):
        await enqueue([task(message_id=twice), *(task() for _ in range(5000)), task(message_id=twice)])

    assert await count() == (5001, 5001, 5001)


async def test_a_line_and_an_event_only_where_they_are_wanted(db: Database) -> None:
    [quiet, untold] = await enqueue([task(log=False, events=False), task(events=False)])

    assert await count() == (2, 1, 0)
    assert (await Task.get(id=quiet.id)).worst_level == "done"
    assert await lines_of(await Task.get(id=quiet.id)) == []
    assert len(await lines_of(await Task.get(id=untold.id))) == 1


async def test_an_event_says_what_the_catalogue_says_and_the_transition(db: Database) -> None:
    [sent] = await enqueue([task(eta=now() + timedelta(hours=1))])

    [event] = await fetch("SELECT * FROM outbox_event WHERE subject = $1", f"task/{sent.id}")
    row = await Task.get(id=sent.id)
    data = orjson.loads(event["data"])
    assert data.keys() == {*TaskQueued.data, "transitions"}
    assert data["message_id"] == str(sent.message_id) and data["log_count"] == row.log_count
    assert (event["tenant_id"], event["audience"]) == (row.tenant_id, "workspace_and_staff")
    assert await path_of(row) == ["queued"]


async def test_nothing_is_left_when_the_callers_transaction_is_undone(db: Database) -> None:
    heard: list[None] = []
    forget = call_when_written(lambda: heard.append(None))

    with pytest.raises(ZeroDivisionError):
        async with transaction():
            await enqueue([task(), task(dedupe_key="key")])
            assert await count() == (2, 2, 2)
            raise ZeroDivisionError
    forget()

    assert await count() == (0, 0, 0) and heard == []


async def test_readers_of_events_are_told_after_the_commit(db: Database) -> None:
    heard: list[None] = []
    forget = call_when_written(lambda: heard.append(None))

    async with transaction():
        await enqueue([task()])
        assert heard == []
    assert heard == [None]
    await enqueue([task(events=False)])
    forget()

    assert heard == [None]


async def test_a_task_for_later_is_not_ready(db: Database) -> None:
    sent = await enqueue([task(eta=now() + timedelta(hours=1)), task(eta=now() - timedelta(hours=1))])

    assert [(await Task.get(id=each.id)).ready for each in sent] == [False, True]


async def test_a_task_belongs_to_the_tenant_of_its_workspace_or_to_the_default_one(cast: Cast) -> None:
    sent = await enqueue(
        [task(workspace_id=cast.theirs.id), task(), task(tenant_id=cast.theirs.tenant_id, dedupe_key="key")]
    )

    default = await Tenant.get(name="default")
    tenants = [(await Task.get(id=each.id)).tenant_id for each in sent]
    assert tenants == [cast.theirs.tenant_id, default.id, cast.theirs.tenant_id]


async def test_a_task_of_an_unknown_kind_of_object_or_tenant_is_refused(db: Database) -> None:
    with pytest.raises(Invalid, match="kind of object"):
        await enqueue([task(), task(rel_obj=("kitchen", "sink", "1"))])
    with pytest.raises(Exception, match="tenant"):
        await enqueue([task(tenant_id=10**9)])

    assert await count() == (0, 0, 0)


async def test_a_message_is_stored_once(db: Database) -> None:
    first = task()
    await enqueue([first])

    with pytest.raises(Conflict):
        await enqueue([task(), first])

    assert await count() == (1, 1, 1)


async def test_an_unfinished_task_with_the_key_absorbs_another(db: Database) -> None:
    first, other, unlike = task(dedupe_key="key"), task(dedupe_key="key"), task(dedupe_key="another")

    one = await enqueue([first])
    [absorbed, plain, third] = await enqueue([other, task(), unlike])

    assert absorbed == Enqueued(one[0].id, first.message_id, absorbed=True)
    assert not plain.absorbed and not third.absorbed
    assert await count() == (3, 3, 3)


async def test_equal_keys_in_one_call_are_one_task(db: Database) -> None:
    sent = await enqueue([task(dedupe_key="key") for _ in range(3)])

    assert [each.absorbed for each in sent] == [False, True, True]
    assert len({each.id for each in sent}) == 1
    assert await count() == (1, 1, 1)


async def test_keys_are_apart_in_each_tenant_queue_and_actor(cast: Cast) -> None:
    tasks = [
        task(dedupe_key="key"),
        task(dedupe_key="key", tenant_id=cast.theirs.tenant_id),
        NewTask(uuid4(), "other", "tests.any", b"{}", dedupe_key="key"),
        NewTask(uuid4(), "default", "tests.another", b"{}", dedupe_key="key"),
    ]

    sent = await enqueue(tasks)

    assert [each.absorbed for each in sent] == [False] * 4


async def test_a_key_is_free_again_when_its_task_has_ended(db: Database) -> None:
    [first] = await enqueue([task(dedupe_key="key")])
    await fetch(
        "UPDATE task SET state = 'done', ready = false, dedupe_key = NULL, expires_at = now() WHERE id = $1",
        first.id,
    )

    [second] = await enqueue([task(dedupe_key="key")])

    assert not second.absorbed and second.id != first.id


async def test_of_many_who_send_one_key_at_once_one_makes_a_task(db: Database) -> None:
    sent = await asyncio.gather(*(enqueue([task(dedupe_key="key")]) for _ in range(20)))

    assert sorted(each[0].absorbed for each in sent) == [False] + [True] * 19
    assert len({each[0].id for each in sent}) == 1
    assert await count() == (1, 1, 1)


async def test_a_sender_that_waits_for_another_with_its_key_gets_its_own_when_that_one_gives_up(
    db: Database,
) -> None:
    try:
        async with transaction():
            await enqueue([task(dedupe_key="key")])
            waiting = asyncio.create_task(_send_apart())
            while not await fetch("SELECT FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'"):
                await asyncio.sleep(0.01)
            raise ZeroDivisionError
    except ZeroDivisionError:
        [sent] = await waiting

    assert not sent.absorbed
    assert await count() == (1, 1, 1)


async def _send_apart() -> list[Enqueued]:
    """Not in the transaction of whoever started this."""
    return await asyncio.get_running_loop().create_task(
        enqueue([task(dedupe_key="key")]), context=contextvars.Context()
    )
