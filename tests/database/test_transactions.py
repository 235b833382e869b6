"""transaction(), on_commit(), atomic() and fetch()."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from tortoise import connections

from app.database import Database, atomic, fetch, on_commit, transaction


@pytest.fixture(autouse=True)
async def notes(db: Database) -> AsyncIterator[None]:
    await fetch("CREATE TABLE note (text text)")
    yield
    await fetch("DROP TABLE note")


async def write(text: str) -> None:
    await fetch("INSERT INTO note VALUES ($1)", text)


async def written() -> list[str]:
    return [row["text"] for row in await fetch("SELECT text FROM note ORDER BY text")]


async def test_fetch_returns_the_rows_of_an_update_returning() -> None:
    await write("a")

    rows = await fetch("UPDATE note SET text = $1 RETURNING text", "b")

    assert rows == [{"text": "b"}]


async def test_fetch_is_part_of_the_open_transaction() -> None:
    with pytest.raises(ZeroDivisionError):
        async with transaction():
            await write("a")
            raise ZeroDivisionError

    assert await written() == []


async def test_an_inner_transaction_rolls_back_alone() -> None:
    async with transaction():
        await write("outer")
        with pytest.raises(ZeroDivisionError):
            async with transaction():
                await write("inner")
                raise ZeroDivisionError

    assert await written() == ["outer"]


async def test_a_callback_runs_after_the_outermost_commit() -> None:
    seen = []
    async with transaction():
        async with transaction():
            await write("a")
            on_commit(lambda: seen.append("called"))
        assert seen == []

    assert seen == ["called"]
    assert await written() == ["a"]


async def test_a_callback_of_a_rolled_back_transaction_never_runs() -> None:
    seen = []
    with pytest.raises(ZeroDivisionError):
        async with transaction():
            on_commit(lambda: seen.append("called"))
            raise ZeroDivisionError

    assert seen == []


async def test_a_rolled_back_savepoint_takes_only_its_own_callbacks_along() -> None:
    seen = []
    async with transaction():
        on_commit(lambda: seen.append("outer"))
        with pytest.raises(ZeroDivisionError):
            async with transaction():
                on_commit(lambda: seen.append("inner"))
                raise ZeroDivisionError
        async with transaction():
            on_commit(lambda: seen.append("second"))

    assert seen == ["outer", "second"]


async def test_a_callback_without_a_transaction_runs_at_once() -> None:
    seen = []

    on_commit(lambda: seen.append("called"))

    assert seen == ["called"]


async def test_a_task_that_outlives_the_transaction_does_not_lose_its_callback() -> None:
    seen = []
    over = asyncio.Event()

    async def later() -> None:
        await over.wait()
        on_commit(lambda: seen.append("called"))

    async with transaction():
        task = asyncio.create_task(later())
    over.set()
    await task

    assert seen == ["called"]


async def test_a_faulty_callback_does_not_undo_the_commit_nor_stop_the_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    seen = []
    async with transaction():
        await write("a")
        on_commit(lambda: 1 / 0)
        on_commit(lambda: seen.append("called"))

    assert seen == ["called"]
    assert await written() == ["a"]
    assert [record.message for record in caplog.records] == ["a callback after a commit failed"]


async def test_atomic_commits_what_returns_and_rolls_back_what_raises() -> None:
    @atomic()
    async def act(text: str, divisor: int) -> float:
        await write(text)
        return 1 / divisor

    assert await act("a", 2) == 0.5
    with pytest.raises(ZeroDivisionError):
        await act("b", 0)

    assert await written() == ["a"]


async def test_two_tasks_have_two_transactions() -> None:
    both = asyncio.Barrier(2)

    async def act(text: str) -> None:
        async with transaction():
            await write(text)
            await both.wait()
            assert await written() == [text]
            await both.wait()

    await asyncio.gather(act("a"), act("b"))

    assert await written() == ["a", "b"]


async def test_what_a_test_wrote_before_is_gone(db: Database) -> None:
    assert await written() == []


async def test_a_transaction_cancelled_at_any_moment_gives_its_connection_back() -> None:
    await write("a")  # so that the pool has a connection, whose statements take few turns of the loop
    pool = connections.get("default")._pool

    for turns in range(0, 200, 2):
        task = asyncio.create_task(_write_twice())
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])

    async with asyncio.timeout(5):
        while pool.get_idle_size() < pool.get_size():
            await asyncio.sleep(0.01)
    await write("b")


async def _write_twice() -> None:
    async with transaction():
        await write("c")
        await write("c")


async def test_actions_that_wait_for_each_other_are_both_done() -> None:
    for text in ("a", "b"):
        await write(text)
    both_hold_one = asyncio.Barrier(2)
    began: list[str] = []

    @atomic()
    async def double(first: str, second: str) -> None:
        began.append(first)
        await fetch("UPDATE note SET text = text || text WHERE text LIKE $1", f"{first}%")
        if len(began) <= 2:
            await both_hold_one.wait()
        await fetch("UPDATE note SET text = text || text WHERE text LIKE $1", f"{second}%")

    async with asyncio.timeout(20):
        await asyncio.gather(double("a", "b"), double("b", "a"))

    assert await written() == ["aaaa", "bbbb"]
    assert len(began) == 3  # one of them was ended, and began again
