"""What an operator is told of the queues."""

from datetime import timedelta

import pytest

from app.actions.tasks.counting import count_queues, count_runners
from app.clock import now
from app.database import Database
from tests.task_rows import held_by, lose, runner, task


async def test_queues_are_counted_with_what_waits_and_who_serves_them(db: Database) -> None:
    everything = await runner()
    await runner(queues=("mail", "reports"))
    await task(queue_name="mail", mtime=now() - timedelta(seconds=60))
    await task(queue_name="mail")
    await task(queue_name="mail", ready=False, eta=now() + timedelta(days=1))
    await task(queue_name="other")
    await held_by(everything.id, queue_name="busy")

    queues = await count_queues()

    assert [(queue.name, queue.ready, queue.delayed, queue.runners) for queue in queues] == [
        ("mail", 2, 1, 2),
        ("other", 1, 0, 1),
        ("reports", 0, 0, 2),
    ]
    assert [queue.oldest_seconds for queue in queues] == pytest.approx([60, 0, 0], abs=5)


async def test_lost_runners_are_not_counted(db: Database) -> None:
    await runner(version="1")
    await runner(version="1")
    lost = await runner(version="2")
    await lose(lost.id)

    assert await count_runners() == {"1": 2}


async def test_nothing_is_counted_where_nothing_is(db: Database) -> None:
    assert await count_queues() == []
    assert await count_runners() == {}
