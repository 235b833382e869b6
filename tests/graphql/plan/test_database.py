"""Compiled reads and what happens to the database meanwhile: altered tables, callers who leave."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from app.database import Database
from tests.access.world import World, make_world
from tests.api import Api, run_api
from tests.cast import make_cast
from tests.graphql.plan.test_equality import compiled_fields

WORKERS = "{ workers { nodes { name concurrency token { prefix } } } }"
LIMIT = 60.0


@pytest.fixture
async def own_world(owndb: Database) -> World:
    """The world, in a database whose tables may be altered."""
    return await make_world(await make_cast())


@pytest.fixture
async def own_api(owndb: Database) -> AsyncIterator[Api]:
    """The API on it."""
    async with run_api(owndb) as found:
        yield found


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE worker ALTER COLUMN name TYPE text; ALTER TABLE worker ALTER COLUMN concurrency TYPE bigint",
        "ALTER TABLE worker ADD COLUMN more text; ALTER TABLE worker RENAME TO old; ALTER TABLE old RENAME TO worker",
    ],
    ids=["types", "names"],
)
async def test_statements_that_were_prepared_before_a_migration_are_prepared_anew(
    owndb: Database, own_world: World, own_api: Api, change: str
) -> None:
    root, before = own_world.cast.root, compiled_fields()
    first = [await own_api.execute(root, WORKERS) for _ in range(8)][-1]  # all connections know it
    connection = await owndb.connect()
    try:
        await connection.execute(change)
    finally:
        await connection.close()

    again = await asyncio.gather(*[own_api.execute(root, WORKERS) for _ in range(8)])

    assert [each["workers"] for each in again] == [first["workers"]] * 8
    assert compiled_fields() == before + 16


async def test_a_caller_who_leaves_takes_the_statement_with_it(
    owndb: Database, own_world: World, own_api: Api
) -> None:
    root = own_world.cast.root
    await own_api.execute(root, WORKERS)
    holder, looker = await owndb.connect(), await owndb.connect()
    waiting = """SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
                 AND wait_event_type = 'Lock' AND query LIKE '%"$page"%'"""
    try:
        await holder.execute("BEGIN; LOCK TABLE worker IN ACCESS EXCLUSIVE MODE")
        asking = asyncio.create_task(own_api.execute(root, WORKERS))
        async with asyncio.timeout(LIMIT):
            while await looker.fetchval(waiting) != 1:
                await asyncio.sleep(0.01)

        asking.cancel()

        async with asyncio.timeout(LIMIT):
            while await looker.fetchval(waiting) != 0:
                await asyncio.sleep(0.01)
        await asyncio.wait([asking])
        assert asking.cancelled()
    finally:
        await holder.close()
        await looker.close()
    assert (await own_api.execute(root, WORKERS))["workers"]["nodes"]
