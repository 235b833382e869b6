"""What is cleared away, and when."""

from datetime import timedelta
from uuid import uuid4

import pytest

from app.actions.tasks import purging
from app.actions.tasks.purging import empty_results, purge_tasks
from app.clock import now
from app.database import Database
from app.models import Task, TaskLog
from tests.task_rows import ended, task

PAST, FUTURE = timedelta(days=-1), timedelta(days=1)


async def test_a_task_is_removed_with_its_log_once_it_was_kept_long_enough(db: Database) -> None:
    old, young = await ended(now() + PAST), await ended(now() + FUTURE)
    waiting = await task(created_at=now() - timedelta(days=1000))
    await TaskLog.create(
        id=uuid4(), task_id=old.id, event="x", log_level="info", logger="l", timestamp=now(), number=1
    )

    assert await purge_tasks() == 1

    assert {row.id for row in await Task.all()} == {young.id, waiting.id}
    assert await TaskLog.all().count() == 0


async def test_a_task_stays_while_its_result_is_kept(db: Database) -> None:
    kept = await ended(now() + PAST, result=b"1", result_expiry=now() + FUTURE)
    await ended(now() + PAST, result_expiry=now() + PAST)

    assert await purge_tasks() == 1

    assert [row.id for row in await Task.all()] == [kept.id]


async def test_a_result_is_emptied_when_its_time_is_over(db: Database) -> None:
    over = await ended(now() + FUTURE, result=b"1", result_expiry=now() + PAST)
    kept = await ended(now() + FUTURE, result=b"2", result_expiry=now() + FUTURE)

    assert await empty_results() == 1

    assert (await Task.get(id=over.id)).result is None
    assert (await Task.get(id=over.id)).result_expiry is not None
    assert (await Task.get(id=kept.id)).result == b"2"
    assert await empty_results() == 0


async def test_no_more_than_a_batch_goes_at_a_time(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(purging, "BATCH", 2)
    for _ in range(3):
        await ended(now() + PAST)

    assert [await purge_tasks() for _ in range(3)] == [2, 1, 0]


async def test_what_is_kept_as_long_as_most_is_found_by_its_age(db: Database) -> None:
    long_ago = now() - timedelta(days=31)
    done = await ended(now() + PAST, created_at=long_ago, purge_at=None)
    late = await ended(now() + FUTURE, created_at=long_ago, purge_at=None)
    waiting = await task(created_at=long_ago, purge_at=None)
    young = await ended(now() + FUTURE, purge_at=None)

    assert await purge_tasks() == 1

    rows = {row.id: row.purge_at for row in await Task.all()}
    assert done.id not in rows and rows[young.id] is None
    assert rows[late.id] == (await Task.get(id=late.id)).expires_at
    again = rows[waiting.id]
    assert again is not None and timedelta(minutes=58) < again - now() < timedelta(minutes=61)


async def test_whoever_is_not_over_yet_is_looked_at_again(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(purging, "BATCH", 2)
    waiting = [await task() for _ in range(3)]
    await ended(now() + PAST, purge_at=now())

    assert await purge_tasks() == 1

    assert {row.id for row in await Task.all()} == {row.id for row in waiting}
    await Task.filter(id=waiting[0].id).update(
        state="done", ready=False, expires_at=now() + PAST, purge_at=now() + PAST
    )
    assert await purge_tasks() == 1
