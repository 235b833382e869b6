"""The isolation of tests: what the fixture `db` promises."""

import os
import subprocess
import sys

from app.database import Database, fetch
from tests.database.cluster import Databases, Wiper


async def test_wiping_leaves_what_the_migrations_made_and_nothing_else(owndb: Database) -> None:
    tables = await fetch(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY relname"
    )

    async def content() -> dict[str, list[str]]:
        return {
            table["relname"]: [
                row["row"] for row in await fetch(f'SELECT t::text AS row FROM "{table["relname"]}" t')
            ]
            for table in tables
        }

    connection = await owndb.connect()
    wiper = await Wiper.prepare(connection)
    before = await content()
    assert before["tenant"], "the migrations make a tenant"
    await fetch("INSERT INTO tenant (name) VALUES ('another')")
    await fetch("UPDATE tenant SET name = 'renamed' WHERE name <> 'another'")
    assert await content() != before

    await wiper.wipe()

    assert await content() == before
    await connection.close()


async def test_what_a_killed_run_left_is_cleared_away_and_what_runs_is_kept(databases: Databases) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    await databases.admin.execute(f'CREATE DATABASE "test_{gone.pid}_left"')
    ours = await databases.make_empty()

    await databases.clear_away()

    names = [row["datname"] for row in await databases.admin.fetch("SELECT datname FROM pg_database")]
    assert f"test_{gone.pid}_left" not in names
    assert ours["database"] in names
    assert ours["database"].startswith(f"test_{os.getpid()}_")
    await databases.drop(ours)
