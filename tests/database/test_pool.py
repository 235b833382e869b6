"""The connections of a process: taken, waited for, given back, whatever happens meanwhile."""

import asyncio
import select
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from tortoise import connections

from app.database import Database, fetch, fetch_records, transaction
from app.database.address import parse_database_url
from app.database.pool import Pool, PoolExhausted
from app.graphql.response import refusal
from tests.faults.pooler import run_pooler

LIMIT = 30.0
SLEEP = "SELECT pg_sleep(60) /* asleep in test_pool */"
ASLEEP = "SELECT pid FROM pg_stat_activity WHERE query = $1 AND state = 'active'"


@pytest.fixture
async def pool(db: Database) -> AsyncIterator[Pool]:
    """Of at most two connections."""

    async def connect() -> asyncpg.Connection:
        return await asyncpg.connect(**db.credentials)

    pool = Pool(connect, least=1, most=2)
    yield pool
    async with asyncio.timeout(LIMIT):
        await pool.close()
    assert pool.get_size() == 0


async def all_idle(pool: Pool) -> None:
    """Wait until nobody has a connection."""
    async with asyncio.timeout(LIMIT):
        while pool.get_idle_size() < pool.get_size():
            await asyncio.sleep(0.01)


async def pid(pool: Pool) -> int:
    return int((await pool.fetch("SELECT pg_backend_pid()", ()))[0][0])


async def test_whoever_comes_when_all_are_in_use_waits(pool: Pool) -> None:
    found = await asyncio.gather(
        *[pool.fetch("SELECT $1::int FROM pg_sleep(0.002)", (number,)) for number in range(50)]
    )

    assert [rows[0][0] for rows in found] == list(range(50))
    assert pool.get_size() == pool.get_idle_size() == 2


async def test_the_last_one_given_back_is_the_first_one_taken(pool: Pool) -> None:
    one, other = await pool.take(), await pool.take()
    pool.give_back(other)
    pool.give_back(one)

    assert await pool.take() is one
    pool.give_back(one)


async def test_waiting_for_too_long_is_an_error_that_says_so(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.database.pool.WAIT_SECONDS", 0.05)
    taken = [await pool.take(), await pool.take()]

    with pytest.raises(PoolExhausted, match="all 2 connections") as exhausted:
        await pool.fetch("SELECT 1", ())

    assert refusal(exhausted.value).code == "UNAVAILABLE"
    for connection in taken:
        pool.give_back(connection)
    assert (await pool.fetch("SELECT 1", ()))[0][0] == 1


async def test_whoever_is_cancelled_while_waiting_takes_nothing_away(pool: Pool) -> None:
    taken = [await pool.take(), await pool.take()]
    waiting = [asyncio.create_task(pool.fetch("SELECT 1", ())) for _ in range(6)]
    await asyncio.sleep(0)

    for task in waiting[::2]:
        task.cancel()
    pool.give_back(taken[0])
    waiting[1].cancel()  # who may have been promised it
    pool.give_back(taken[1])
    found = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), LIMIT)

    assert [isinstance(each, asyncio.CancelledError) for each in found] == [
        number % 2 == 0 or number == 1 for number in range(6)
    ]
    assert pool.get_idle_size() == 2


async def test_a_cancelled_statement_is_cancelled_at_the_server(pool: Pool) -> None:
    task = asyncio.create_task(pool.fetch(SLEEP, ()))
    async with asyncio.timeout(LIMIT):
        while not await pool.fetch(ASLEEP, (SLEEP,)):
            await asyncio.sleep(0.01)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    async with asyncio.timeout(LIMIT):
        while await pool.fetch(ASLEEP, (SLEEP,)):
            await asyncio.sleep(0.01)
    await all_idle(pool)
    assert pool.get_size() == 2  # neither was cut


async def test_statements_that_are_cancelled_at_any_moment_spoil_no_other(pool: Pool) -> None:
    for turns in range(60):
        doomed = [asyncio.create_task(pool.fetch("SELECT pg_sleep(0.001)", ())) for _ in range(2)]
        for _ in range(turns):
            await asyncio.sleep(0)
        for task in doomed:
            task.cancel()

        found = await asyncio.gather(
            *[pool.fetch("SELECT $1::int", (turns + number,)) for number in range(4)]
        )

        assert [rows[0][0] for rows in found] == [turns + number for number in range(4)]
    await all_idle(pool)


async def test_what_was_left_open_is_rolled_back_before_another_gets_the_connection(pool: Pool) -> None:
    connection = await pool.take()
    await connection.execute("BEGIN")
    await connection.execute("CREATE TABLE left_open ()")

    pool.give_back(connection)
    await all_idle(pool)

    found = await pool.fetch("SELECT to_regclass('left_open'), pg_backend_pid()", ())
    assert found[0][0] is None


async def test_a_connection_that_was_killed_is_replaced(pool: Pool) -> None:
    killed, killer = await pool.take(), await pool.take()
    pool.give_back(killed)
    await killer.execute("SELECT pg_terminate_backend($1)", killed.get_server_pid())
    async with asyncio.timeout(LIMIT):
        while not killed.is_closed():
            await asyncio.sleep(0.01)
    pool.give_back(killer)
    pool._free.sort(key=lambda free: free[0] is killed)  # the dead one on top

    assert await asyncio.gather(pid(pool), pid(pool))
    assert pool.get_size() == 2


async def test_a_connection_that_does_not_answer_for_too_long_is_cut(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def connect() -> asyncpg.Connection:
        return await asyncpg.connect(**db.credentials)

    monkeypatch.setattr("app.database.pool.WATCH_SECONDS", 0.01)
    pool = Pool(connect, least=1, most=1)
    await pool.fetch("SELECT pg_sleep($1)", (0.0,))  # is prepared from now on
    pool._patience = 0.02

    with pytest.raises(asyncpg.ConnectionDoesNotExistError):
        await asyncio.wait_for(pool.fetch("SELECT pg_sleep($1)", (3.0,)), LIMIT)

    pool._patience = None
    assert (await pool.fetch("SELECT 1", ()))[0][0] == 1
    assert pool.get_size() == pool.get_idle_size() == 1
    await asyncio.wait_for(pool.close(), LIMIT)


async def test_what_was_idle_for_long_is_closed_but_the_least(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await asyncio.gather(*[pool.fetch("SELECT pg_sleep(0.01)", ()) for _ in range(2)])
    assert pool.get_size() == 2

    pool._sweep()
    assert pool.get_size() == 2
    monkeypatch.setattr("app.database.pool.IDLE_SECONDS", -1)
    pool._sweep()

    assert pool.get_size() == pool.get_idle_size() == 1


async def test_a_closed_pool_gives_nothing(db: Database) -> None:
    async def connect() -> asyncpg.Connection:
        return await asyncpg.connect(**db.credentials)

    pool = Pool(connect, least=1, most=2)
    connection = await pool.take()
    closing = asyncio.create_task(pool.close())
    await asyncio.sleep(0)

    with pytest.raises(asyncpg.InterfaceError, match="closed"):
        await pool.take()
    assert not closing.done()
    pool.give_back(connection)
    await asyncio.wait_for(closing, LIMIT)
    assert connection.is_closed()


async def test_without_a_server_each_attempt_fails_and_none_is_lost() -> None:
    async def refuse() -> asyncpg.Connection:
        raise ConnectionError("nobody there")

    pool = Pool(refuse, least=1, most=2)

    for _ in range(5):
        with pytest.raises(ConnectionError):
            await pool.fetch("SELECT 1", ())
    await asyncio.wait_for(pool.close(), LIMIT)


# Statements --------------------------------------------------------------------------------------------------------------


async def test_in_a_transaction_everything_uses_its_connection(db: Database) -> None:
    async with transaction():
        found = [(await fetch_records("SELECT pg_backend_pid()"))[0][0] for _ in range(2)]
        together = await asyncio.gather(*[fetch("SELECT pg_backend_pid() AS pid") for _ in range(3)])

    assert len({*found, *[rows[0]["pid"] for rows in together]}) == 1


async def test_a_task_that_outlives_its_transaction_gets_nobody_elses_connection(db: Database) -> None:
    ended = asyncio.Event()

    async def late() -> object:
        await ended.wait()
        return await fetch("SELECT 1")

    async with transaction():
        await fetch("SELECT 1")
        task = asyncio.create_task(late())
    ended.set()

    with pytest.raises(asyncpg.InterfaceError, match="released"):
        await task


async def test_a_statement_prepared_before_a_table_was_altered_is_prepared_anew(db: Database) -> None:
    await fetch("CREATE TABLE altered (id bigint, name text)")
    await fetch("INSERT INTO altered VALUES (1, 'one')")
    done = False
    seen: list[int] = []

    async def read() -> None:
        while not done:
            seen.append(len((await fetch_records("SELECT * FROM altered WHERE id = $1", 1))[0]))

    readers = [asyncio.create_task(read()) for _ in range(8)]
    try:
        for number in range(10):
            await fetch(f"ALTER TABLE altered ADD COLUMN more_{number} int DEFAULT 0")
            await fetch(f"ALTER TABLE altered ALTER COLUMN name TYPE {'varchar' if number % 2 else 'text'}")
            before = len(seen)
            async with asyncio.timeout(LIMIT):
                while len(seen) < before + 20:
                    await asyncio.sleep(0.001)
        done = True
        await asyncio.gather(*readers)
    finally:
        for reader in readers:
            reader.cancel()
        await fetch("DROP TABLE altered")

    assert seen[-1] == 12
    assert {3, 12} <= set(seen)


COUNT = "SELECT count(*) FROM pg_prepared_statements"


async def test_a_connection_remembers_a_bounded_number_of_statements(pool: Pool) -> None:
    for number in range(150):
        await pool.fetch(f"SELECT {number}", ())

    assert pool.get_size() == 1
    assert (await pool.fetch(COUNT, ()))[0][0] <= 101


async def test_of_statements_that_were_cancelled_while_they_were_prepared_none_is_left(pool: Pool) -> None:
    connection = await pool.take()
    pool.give_back(connection)
    for number in range(20):
        task = asyncio.create_task(pool.fetch(f"SELECT {number}", ()))
        await asyncio.sleep(0)  # PostgreSQL is asked to prepare it
        answered, _, _ = select.select([connection._transport.get_extra_info("socket")], [], [], LIMIT)
        assert answered  # and nobody has read that it did
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await all_idle(pool)

    names = {row[0] for row in await pool.fetch("SELECT name FROM pg_prepared_statements", ())}
    assert names == {each.name for each in connection._stmt_cache.iter_statements()}
    assert not connection.is_closed()


async def test_through_a_pooler_that_keeps_no_session_statements_go_on_working(
    db: Database, base: Path
) -> None:
    async with run_pooler(db.credentials, base) as url:
        credentials = {**parse_database_url(url), "statement_cache_size": 0}

        async def connect() -> asyncpg.Connection:
            return await asyncpg.connect(**credentials)

        pool = Pool(connect, least=1, most=4)
        for turns in range(0, 40, 4):
            doomed = asyncio.create_task(pool.fetch("SELECT pg_sleep(0.001)", ()))
            for _ in range(turns):
                await asyncio.sleep(0)
            doomed.cancel()
            found = await asyncio.gather(
                *[pool.fetch("SELECT $1::int, $2::text", (number, "x")) for number in range(20)]
            )
            assert [rows[0][0] for rows in found] == list(range(20))
        await all_idle(pool)
        await asyncio.wait_for(pool.close(), LIMIT)


async def test_the_models_use_the_same_connections(db: Database) -> None:
    assert isinstance(connections.get("default")._pool, Pool)
