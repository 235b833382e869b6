"""Sending: awaited, in the caller's transaction; and from plain code, wherever that runs."""

import asyncio
import os
import sys
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from dramatiq.middleware import Middleware

from app.clock import now
from app.database import Database, fetch, transaction
from app.errors import MessageTooLarge
from app.models import Task
from app.tasks import EnqueueOnLoop, broker, decode, enqueue, group, pipeline
from tests.cast import Cast
from tests.live import url_of
from tests.task_actors import answer, noop

COUNTS = "SELECT (SELECT count(*) FROM task) + (SELECT count(*) FROM task_log) AS rows"


async def args_of_tasks() -> list[tuple[Any, ...]]:
    """The arguments of all tasks, in the order in which they come."""
    tasks = await Task.all().order_by("id")
    return [decode(task.message or b"").args for task in tasks]


async def test_a_sent_task_belongs_to_the_transaction_of_its_sender(db: Database) -> None:
    with pytest.raises(RuntimeError, match="undone"):
        async with transaction():
            await noop.send_async(1)
            assert await Task.all().count() == 1
            raise RuntimeError("undone")

    assert await fetch(COUNTS) == [{"rows": 0}]
    async with transaction():
        sent = await noop.send_async(2)
    task = await Task.get(id=sent.id)
    assert (task.message_id, sent.absorbed) == (sent.message_id, False)


async def test_options_go_with_one_task(cast: Cast) -> None:
    before = now()
    sent = await noop.send_with_options_async(
        args=(1,), delay=timedelta(minutes=1), uid="x", priority=-3, rel_obj=cast.lab
    )

    task = await Task.get(id=sent.id).select_related("rel_obj_content_type")
    assert task.uid == "tests.task_actors.noop:x"
    assert task.eta is not None and timedelta(0) <= task.eta - before - timedelta(minutes=1) < timedelta(
        seconds=9
    )
    assert (task.ready, task.priority, task.workspace_id) == (False, -3, cast.lab.id)
    assert task.rel_obj_content_type is not None
    assert (task.rel_obj_content_type.app_label, task.rel_obj_id) == ("workspaces", str(cast.lab.id))


async def test_many_are_sent_at_once_in_their_order(db: Database) -> None:
    sent = await enqueue(noop.message(number) for number in range(5))

    assert [task.id for task in sent] == sorted(task.id for task in sent)
    assert await args_of_tasks() == [(number,) for number in range(5)]
    assert await enqueue([]) == []


async def test_of_many_all_are_sent_or_none(db: Database) -> None:
    with pytest.raises(MessageTooLarge):
        await enqueue([noop.message(1), noop.message("x" * 300_000)])  # type: ignore[arg-type]

    assert await fetch(COUNTS) == [{"rows": 0}]


async def test_of_a_pipeline_the_first_is_sent_and_knows_the_rest_and_of_a_group_each(db: Database) -> None:
    await enqueue(pipeline([noop.message(1), noop.message(2)]))
    await enqueue(group([noop.message(3), pipeline([noop.message(4), noop.message(5)])]))  # type: ignore[no-untyped-call]

    assert await args_of_tasks() == [(1,), (3,), (4,)]
    first = await Task.all().order_by("id").first()
    assert first is not None and first.message is not None
    assert decode(first.message).options["pipe_target"]["args"] == [2]


async def test_the_longer_of_two_delays_counts(db: Database) -> None:
    message = noop.message_with_options(args=(1,), delay=60_000)

    await enqueue([message, noop.message(2)], delay=1_000)

    first, second = await Task.all().order_by("id")
    assert first.eta is not None and second.eta is not None
    assert timedelta(seconds=58) < first.eta - second.eta < timedelta(seconds=60)


async def test_one_that_waits_already_is_meant(db: Database) -> None:
    first = await noop.send_with_options_async(args=(1,), unique=True)
    again = await noop.send_with_options_async(args=(1,), unique=True)
    other = await noop.send_with_options_async(args=(2,), unique=True)

    assert (again.id, again.message_id, again.absorbed) == (first.id, first.message_id, True)
    assert other.id != first.id and not other.absorbed


async def test_a_coroutine_must_not_wait_and_is_told_what_to_write(db: Database) -> None:
    with pytest.raises(EnqueueOnLoop, match=r"await tests\.task_actors\.noop\.send_async"):
        noop.send(1)
    with pytest.raises(EnqueueOnLoop):
        pipeline([noop.message(1), answer.message()]).run()  # type: ignore[no-untyped-call]

    assert await Task.all().count() == 0


async def test_a_thread_has_sent_when_send_returns(db: Database) -> None:
    def work() -> str:
        return noop.send_with_options(args=(7,), uid="x", delay=60_000).message_id

    message_id = await asyncio.to_thread(work)

    task = await Task.get(message_id=message_id)
    assert task.uid == "tests.task_actors.noop:x" and not task.ready
    assert await args_of_tasks() == [(7,)]


async def test_a_thread_that_a_transaction_waits_for_sends_in_it(db: Database) -> None:
    with pytest.raises(RuntimeError, match="undone"):
        async with transaction():
            await asyncio.to_thread(noop.send, 1)
            assert await Task.all().count() == 1
            raise RuntimeError("undone")

    assert await Task.all().count() == 0


async def test_a_thread_is_told_which_one_is_meant_and_what_is_wrong(db: Database) -> None:
    def work(number: object) -> str:
        return noop.send_with_options(args=(number,), unique="one").message_id

    first = await asyncio.to_thread(work, 1)
    again = await asyncio.to_thread(work, 2)

    assert again == first
    with pytest.raises(MessageTooLarge):
        await asyncio.to_thread(noop.send, "x" * 300_000)  # type: ignore[arg-type]


async def test_a_script_sends_without_a_loop_or_a_database_of_its_own(owndb: Database) -> None:
    script = "from tests.task_actors import noop; noop.send(1); noop.send(2)"

    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "error", "-c", script),
        env={**os.environ, "DATABASE_URL": url_of(owndb.credentials)},
    )
    async with asyncio.timeout(30):
        code = await process.wait()

    assert code == 0
    assert await args_of_tasks() == [(1,), (2,)]


class Notes(Middleware):
    """Notes what is sent, and labels it."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, Any, float | None]] = []

    def before_enqueue(self, broker: Any, message: Any, delay: float | None) -> None:
        message.options["uid"] = "noted"
        self.seen.append(("before", message.args, delay))

    def after_enqueue(self, broker: Any, message: Any, delay: float | None) -> None:
        self.seen.append(("after", message.args, delay))


@pytest.fixture
def notes() -> Iterator[Notes]:
    middleware = Notes()
    before = list(broker.middleware)
    broker.add_middleware(middleware)
    yield middleware
    broker.set_middleware(before)


async def test_middlewares_see_what_is_sent_either_way(db: Database, notes: Notes) -> None:
    await noop.send_async(1)
    await asyncio.to_thread(noop.send_with_options, args=(2,), delay=1_000)

    assert notes.seen == [
        ("before", (1,), None),
        ("after", (1,), None),
        ("before", (2,), 1_000),
        ("after", (2,), 1_000),
    ]
    assert [task._uid for task in await Task.all()] == ["noted", "noted"]
