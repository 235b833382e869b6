"""Arrays that no connection has to look up first."""

import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import integers, lists, none
from tortoise.exceptions import OperationalError

from app.database import Database, fetch
from app.database.arrays import ARRAYS, write_ids
from app.database.opening import _connect

VALUES: dict[str, list[Any]] = {
    "bool": [True, None],
    "bytea": [b"\x00,", b""],
    "int2": [-1],
    "int4": [2**31 - 1, None],
    "int8": [2**63 - 1, None, -1],
    "float8": [0.5],
    "interval": [timedelta(days=1, seconds=2)],
    "timestamptz": [datetime(2026, 11, 22, tzinfo=UTC)],
    "uuid": [uuid.UUID(int=7)],
    "varchar": ['a,"b"', "", None],
}
KNOWN_TO_ASYNCPG = {"text", "oid"}


@pytest.fixture(params=["of the pool", "beside it"])
async def connection(
    db: Database, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator["asyncpg.Connection[Any]"]:
    """A new one, which may not look up types."""

    async def refuse(*given: object) -> None:
        raise AssertionError(f"types were looked up: {given[1]}")

    monkeypatch.setattr(asyncpg.Connection, "_introspect_types", refuse)
    connection = await (_connect(**db.credentials) if request.param == "of the pool" else db.connect())
    yield connection
    await connection.close()


@pytest.mark.parametrize("name", ARRAYS)
async def test_arrays_are_written_and_read_without_being_looked_up(
    connection: "asyncpg.Connection[Any]", name: str
) -> None:
    for value in (VALUES[name], [], None):
        found = await connection.fetchrow(
            f"SELECT $1::{name}[], pg_typeof($1::{name}[]) = '{name}[]'::regtype", value
        )
        assert found
        assert tuple(found) == (value, True)


@settings(
    max_examples=50,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
@given(ids=lists(none() | integers(-(2**63), 2**63 - 1)))
async def test_ids_are_written_and_read_as_postgresql_does(db: Database, ids: list[int | None]) -> None:
    text = f"{{{','.join('NULL' if id is None else str(id) for id in ids)}}}"

    for given_ids in (ids, write_ids(ids)):
        [row] = await fetch(
            "SELECT $1::bigint[] AS ids, $1::bigint[]::text AS text, $2::text::bigint[] AS of_text",
            given_ids,
            text,
        )
        assert row == {"ids": ids, "text": text, "of_text": ids}


@pytest.mark.parametrize("wrong", [["1"], [2**63], [[1]], 7])
async def test_what_is_no_id_is_refused(db: Database, wrong: Any) -> None:
    with pytest.raises(OperationalError, match="invalid input for query argument"):
        await fetch("SELECT $1::bigint[]", wrong)


async def test_ids_in_more_than_one_dimension_are_refused(db: Database) -> None:
    with pytest.raises(ValueError, match="dimension"):
        await fetch("SELECT '{{1,2},{3,4}}'::bigint[]")


async def test_their_ids_are_those_of_postgresql(connection: "asyncpg.Connection[Any]") -> None:
    found = await connection.fetch(
        "SELECT typname::text, typarray::text, oid::text FROM pg_type WHERE typnamespace = 'pg_catalog'::regnamespace"
    )

    there = {row[0]: (int(row[1]), int(row[2])) for row in found}
    assert {name: there[name] for name in ARRAYS} == ARRAYS


async def test_all_arrays_in_our_tables_and_functions_are_among_them(db: Database) -> None:
    connection = await db.connect()
    found = await connection.fetch(
        """SELECT DISTINCT element.typname FROM pg_type AS element WHERE element.typarray IN (
            SELECT atttypid FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
            WHERE relnamespace = 'public'::regnamespace AND attnum > 0
            UNION ALL SELECT unnest(proargtypes) FROM pg_proc WHERE pronamespace = 'public'::regnamespace)"""
    )
    await connection.close()

    assert {row[0] for row in found} <= ARRAYS.keys() | KNOWN_TO_ASYNCPG
    assert found
