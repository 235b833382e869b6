"""The SQL in the operator's guide does what the guide says."""

import asyncio

import pytest

from app import events
from app.actions.outbox import record
from app.database import Database, fetch, transaction
from app.errors import CursorExpired
from app.events import START, Position
from app.models import Tenant, Workspace
from app.models.outbox import end_of_log, read_log
from tests.cast import workspace
from tests.docs.pages import ROOT, blocks

FAR_AHEAD = 10**9  # a transaction id that no test reaches


async def test_after_a_restore_the_log_begins_anew_and_new_events_are_read(owndb: Database) -> None:
    workspace = await _workspace()
    await record(events.WorkspaceCreated, workspace.id)
    before = await end_of_log()
    # What a dump of a cluster that is ahead brings along:
    await fetch(f"UPDATE outbox_event SET xid = '{FAR_AHEAD}' RETURNING 1")
    assert await readable(START) == []

    await _execute(owndb, _sql("event_log_state"))

    start = await end_of_log()
    await record(events.WorkspaceChanged, workspace.id)
    async with asyncio.timeout(
        10
    ):  # whatever else ends just now in the cluster may hold it back for a moment
        while not (found := await readable(start)):
            await asyncio.sleep(0.01)
    assert found == ["workspace.changed"]
    with pytest.raises(CursorExpired):
        await read_log(before, 10)


async def test_what_holds_events_back_is_found_in_the_activity(owndb: Database) -> None:
    workspace = await _workspace()

    async with transaction():
        await record(events.WorkspaceChanged, workspace.id)
        connection = await owndb.connect()
        found = await connection.fetch(_sql("pg_stat_activity"))
        await connection.close()

    assert [row["state"] for row in found if row["datname"] == owndb.credentials["database"]] == [
        "idle in transaction"
    ]


async def readable(after: Position) -> list[object]:
    """The types of the events that a reader gets after a position."""
    return [row["event_type"] for row in (await read_log(after, 10)).rows]


async def _workspace() -> Workspace:
    return await workspace(await Tenant.get(name="default"), "lab")


async def _execute(database: Database, sql: str) -> None:
    connection = await database.connect()
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


def _sql(word: str) -> str:
    """The guide's statement that has this word."""
    return next(code for code in blocks(ROOT / "docs/guides/operating.md", "sql") if word in code)
