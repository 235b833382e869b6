"""How PostgreSQL finds the request to claim: by looking it up, however many wait and whatever it knows of them."""

import re
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from app.actions.statistics import analyze_what_has_grown
from app.actions.work.running import _CLAIM
from app.database import Database, fetch, transaction
from tests.cast import Machine, make_cast

WAITING, TAG_SETS = 20_000, 200

FILL = """
INSERT INTO work_request (workspace_id, created_by_id, task_name, tag_set_id, required_tags, priority_base, created_at)
SELECT (SELECT min(id) FROM workspace), (SELECT min(id) FROM "user"), 'noop', tag_set.id, tag_set.tags,
       number % 7, now() - make_interval(secs => number)
FROM generate_series(1, $1) AS number JOIN tag_set ON tag_set.id = (SELECT min(id) FROM tag_set) + number % $2
"""


@pytest.fixture
async def machine(owndb: Database) -> Machine:
    """A worker that can run everything, and no work yet."""
    return (await make_cast()).machine


@pytest.fixture
async def connection(owndb: Database, machine: Machine) -> "AsyncIterator[asyncpg.Connection[Any]]":
    """A connection that plans the claim once and keeps to it, as the server's do."""
    connection = await owndb.connect()
    await connection.execute("SET plan_cache_mode = force_generic_plan")
    await connection.execute(f"PREPARE claim (bigint, int) AS {_CLAIM}")
    yield connection
    await connection.close()


async def test_twenty_thousand_waiting_are_looked_up_whatever_postgresql_knows_of_them(
    connection: "asyncpg.Connection[Any]", machine: Machine
) -> None:
    await fill(machine)
    knowing_nothing = await read_whole(connection, machine)

    await fetch("ANALYZE")
    knowing_all = await read_whole(connection, machine)

    assert knowing_nothing == knowing_all == []
    assert await claimed(connection, machine) == 1


async def test_statistics_from_when_there_was_no_work_do_no_harm(owndb: Database, machine: Machine) -> None:
    await fetch("VACUUM ANALYZE")
    await fill(machine)

    for mode in ("force_generic_plan", "force_custom_plan"):
        connection = await owndb.connect(server_settings={"plan_cache_mode": mode})
        await connection.execute(f"PREPARE claim (bigint, int) AS {_CLAIM}")
        assert await read_whole(connection, machine) == []
        await connection.close()


async def test_a_plan_from_when_there_was_no_work_is_given_up_when_much_comes(
    connection: "asyncpg.Connection[Any]", machine: Machine
) -> None:
    await fetch("VACUUM ANALYZE")
    before = await read_whole(connection, machine)
    await fill(machine)
    kept = await read_whole(connection, machine)

    grown = await analyze_what_has_grown()

    assert before and kept  # else there would be nothing to give up
    assert grown == ["work_request"]
    assert await read_whole(connection, machine) == []
    assert await analyze_what_has_grown() == []


async def fill(machine: Machine) -> None:
    """Let requests wait, of so many kinds; the machine can run all of them."""
    tags = [f"zone:{number}" for number in range(TAG_SETS)]
    await fetch("DELETE FROM tag_set")
    await fetch(
        "INSERT INTO tag_set (tags) SELECT ARRAY['task:noop', tag] FROM unnest($1::text[]) AS tag", tags
    )
    await fetch(
        "UPDATE worker SET provided_tags = provided_tags || $1::text[] WHERE id = $2", tags, machine.worker.id
    )
    async with transaction():
        await fetch(FILL, WAITING, TAG_SETS)
        await fetch("SELECT pg_stat_force_next_flush()")  # with its end, the number of rows is known


async def read_whole(connection: "asyncpg.Connection[Any]", machine: Machine) -> list[str]:
    """The nodes of the claim's plan that read all work requests."""
    plan = await connection.fetch(f"EXPLAIN EXECUTE claim ({machine.worker.id}, 60)")
    return [row[0].strip() for row in plan if re.search(r"Seq Scan on work_request\b", row[0])]


async def claimed(connection: "asyncpg.Connection[Any]", machine: Machine) -> int:
    return len(await connection.fetch(f"EXECUTE claim ({machine.worker.id}, 60)"))
