"""Migrating, and whether what the migrations make is what the models believe."""

import asyncio
import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from aerich.utils import compress_dict, decompress_dict, get_models_describe
from dictdiffer import diff  # type: ignore[import-untyped]
from tortoise import Tortoise
from tortoise.fields.data import CharEnumFieldInstance, IntEnumFieldInstance
from tortoise.models import Model

from app.database import Database
from app.database.config import APP
from app.database.migrate import MIGRATIONS, upgrade
from tests.database.cluster import Databases

FILES = sorted((MIGRATIONS / APP).glob("[0-9]*_*.py"), key=lambda file: int(file.name.split("_")[0]))

COLUMNS_WITHOUT_A_FIELD: set[str] = set()
"""Columns, as table.column, that only SQL uses."""

NOT_LOOKED_FOR = {("outbox_event", "id"), ("task_log", "id")}
"""Ids that are unique by the way they are made. Nobody looks for them, or they tell where to look: an index costs each row."""
OTHER_TYPES = {"outbox_event.xid": "xid8", "outbox_event.data": "json"}
"""Columns of another type than Tortoise has for their fields."""


@pytest.fixture
async def connection(db: Database) -> Any:
    connection = await db.connect()
    yield connection
    await connection.close()


def models() -> Iterator[tuple[str, type[Model]]]:
    """The models with their tables, which are known once the models are in use."""
    for name, model in Tortoise.apps[APP].items():
        if name != "Aerich":
            yield model._meta.db_table, model


async def test_three_who_upgrade_an_empty_database_at_once_do_it_once(databases: Databases) -> None:
    credentials = await databases.make_empty()

    applied = await asyncio.gather(*(upgrade(credentials) for _ in range(3)))

    assert sorted(applied, key=len) == [[], [], [file.name for file in FILES]]
    assert await upgrade(credentials) == []
    await databases.drop(credentials)


async def test_tasks_of_before_wait_and_are_recovered_after_the_upgrade_that_gave_them_a_table_to_wait_in(
    databases: Databases,
) -> None:
    credentials = await databases.make_empty()
    connection = await asyncpg.connect(**credentials)
    for file in FILES[:3]:
        await connection.execute(_module(file).UPGRADE)
    await connection.execute(
        "INSERT INTO tenant (name) SELECT 'default' WHERE NOT EXISTS (SELECT FROM tenant)"
    )
    waiting, taken, delayed, done = await connection.fetch(
        """INSERT INTO task (message_id, actor_name, message, tenant_id, ready, eta)
        SELECT gen_random_uuid(), 'any', '{}', (SELECT min(id) FROM tenant), number <> 3,
            CASE number WHEN 3 THEN now() + interval '1 hour' END
        FROM generate_series(1, 4) AS number RETURNING id"""
    )
    await connection.execute("UPDATE task SET priority = 1 WHERE id = $1", waiting["id"])
    runner = "11111111-1111-1111-1111-111111111111"
    [claimed] = await connection.fetch("SELECT id FROM claim_tasks($1, 'default', 1)", runner)
    await connection.execute(
        "UPDATE task SET state = 'done', ready = false, expires_at = now() WHERE id = $1", done["id"]
    )

    await connection.execute(_module(FILES[3]).UPGRADE)

    assert claimed["id"] == taken["id"]
    assert [tuple(row) for row in await connection.fetch("SELECT * FROM task_waiting")] == [
        ("default", 1, waiting["id"])
    ]
    assert await connection.fetch("SELECT id FROM task WHERE delayed_until IS NOT NULL") == [delayed]
    assert await connection.fetchval("SELECT claim_counts(task_claim) FROM task_claim") is True
    assert await connection.fetch("SELECT id FROM take_tasks($1, 'default', 9)", runner) == [waiting]
    await connection.close()
    await databases.drop(credentials)


async def test_the_newest_migration_has_the_models_of_the_code(db: Database) -> None:
    newest = _module(FILES[-1])
    believed = decompress_dict(compress_dict(get_models_describe(APP)))

    changes = list(diff(decompress_dict(newest.MODELS_STATE), believed))

    assert changes == [], (
        "the models changed: `aerich migrate --offline --name WHAT` writes the migration to fill in"
    )


def _module(file: Path) -> Any:
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


GENERATED_OR_NULL = ("task.held_on", "task.rejected", "task.delayed_until")


async def test_tables_have_the_columns_of_the_models(connection: asyncpg.Connection) -> None:
    rows = await connection.fetch(
        "SELECT c.relname AS table, a.attname AS column, format_type(a.atttypid, a.atttypmod) AS type, "
        "       NOT a.attnotnull AS nullable "
        "FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid "
        "WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped"
    )
    made = {(row["table"], row["column"]): (row["type"], row["nullable"]) for row in rows}
    tables = dict(models())
    believed = {}
    for table, model in tables.items():
        for name, column in model._meta.fields_db_projection.items():
            field = model._meta.fields_map[name]
            kind = OTHER_TYPES.get(f"{table}.{column}") or await _type(connection, field)
            # Tortoise wants a generated column nullable; the database knows better.
            null_too = not field.generated or f"{table}.{column}" in GENERATED_OR_NULL
            believed[table, column] = (kind, field.null and null_too)

    assert believed == {
        key: value
        for key, value in made.items()
        if key[0] in tables and ".".join(key) not in COLUMNS_WITHOUT_A_FIELD
    }


async def _type(connection: asyncpg.Connection, field: Any) -> str:
    """The type of a field in PostgreSQL's own words."""
    declared = field.get_for_dialect("postgres", "SQL_TYPE")
    async with connection.transaction():
        await connection.execute(f"CREATE TEMP TABLE typed (value {declared}) ON COMMIT DROP")
        return str(
            await connection.fetchval(
                "SELECT format_type(atttypid, atttypmod) FROM pg_attribute "
                "WHERE attrelid = 'pg_temp.typed'::regclass AND attnum = 1"
            )
        )


async def test_times_have_a_zone(connection: asyncpg.Connection) -> None:
    rows = await connection.fetch(
        "SELECT table_name, column_name FROM information_schema.columns "
        "WHERE table_schema = 'public' AND data_type IN ('timestamp without time zone', 'time without time zone')"
    )

    assert rows == []


async def test_every_relation_is_a_foreign_key(connection: asyncpg.Connection) -> None:
    rows = await connection.fetch(
        "SELECT conrelid::regclass::text AS table, a.attname AS column, confrelid::regclass::text AS target "
        "FROM pg_constraint k JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1] "
        "WHERE k.contype = 'f' AND cardinality(k.conkey) = 1"
    )
    made = {(row["table"].strip('"'), row["column"], row["target"].strip('"')) for row in rows}
    believed = set()
    for table, model in models():
        for name in model._meta.fk_fields | model._meta.o2o_fields:
            field: Any = model._meta.fields_map[name]
            if field.db_constraint:
                believed.add((table, field.source_field, field.related_model._meta.db_table))

    assert believed - made == set()


async def test_a_relation_without_a_foreign_key_is_checked_by_statement(
    connection: asyncpg.Connection,
) -> None:
    rows = await connection.fetch(
        "SELECT tgrelid::regclass::text AS table, tgargs AS args FROM pg_trigger "
        "WHERE tgfoid IN ('refuse_unknown_owners'::regproc, 'refuse_unknown_tasks'::regproc)"
    )
    made = set()
    for row in rows:
        args = row["args"].decode().split("\0")[:-1]
        made |= {(row["table"], *pair) for pair in zip(args[::2], args[1::2], strict=True)}
    believed = set()
    for table, model in models():
        for name in model._meta.fk_fields | model._meta.o2o_fields:
            field: Any = model._meta.fields_map[name]
            if not field.db_constraint:
                believed.add((table, field.source_field, field.related_model._meta.db_table))

    assert believed == made


async def test_what_is_checked_by_statement_holds_as_a_foreign_key_does(
    owndb: Database,
) -> None:
    connection = await owndb.connect()
    task = (
        "INSERT INTO task (message_id, actor_name, message, tenant_id, workspace_id) "
        "VALUES (gen_random_uuid(), 'a', '{}', $1, $2) RETURNING id"
    )
    task_of = (
        "INSERT INTO task (message_id, actor_name, message, tenant_id, rel_obj_content_type_id, rel_obj_id) "
        "VALUES (gen_random_uuid(), 'a', '{}', $1, $2, '1') RETURNING id"
    )
    event = (
        "INSERT INTO outbox_event (event_type, source, audience, tenant_id, workspace_id) "
        "VALUES ('e', 's', 'staff', $1, $2)"
    )
    line = (
        "INSERT INTO task_log (id, task_id, event, log_level, logger, timestamp, number) "
        "VALUES (gen_random_uuid(), $1, 'e', 'info', 'l', now(), 1)"
    )
    counts = "SELECT (SELECT count(*) FROM task), (SELECT count(*) FROM task_log), (SELECT count(*) FROM outbox_event)"
    try:
        named = "INSERT INTO tenant (name) VALUES ($1) RETURNING id"
        tenant = await connection.fetchval(named, "brief")
        other = await connection.fetchval(named, "other")
        workspace = await connection.fetchval(
            "INSERT INTO workspace (tenant_id, name) VALUES ($1, 'brief') RETURNING id", other
        )
        for values in ((tenant, None), (other, workspace)):
            await connection.execute(line, await connection.fetchval(task, *values))
        kind = await connection.fetchval("SELECT min(id) FROM content_type")
        await connection.execute(line, await connection.fetchval(task_of, tenant, kind))
        await connection.execute(event, other, workspace)

        refused: list[tuple[str, tuple[int | None, ...]]] = [
            (task, (other + 1, None)),
            (task, (other, workspace + 1)),
            (task_of, (other, 1_000_000)),
            (event, (other + 1, None)),
            (event, (other, workspace + 1)),
            (line, (1_000_000,)),
        ]
        for statement, given in refused:
            with pytest.raises(asyncpg.ForeignKeyViolationError):
                await connection.execute(statement, *given)
        for change in (
            "UPDATE task SET tenant_id = tenant_id - 1",
            f"UPDATE task SET workspace_id = {workspace + 1}",
            "UPDATE task SET rel_obj_content_type_id = 1000000, rel_obj_id = '1'",
            f"UPDATE outbox_event SET workspace_id = {workspace + 1}",
            "UPDATE task_log SET task_id = task_id + 1",
        ):
            with pytest.raises(asyncpg.ForeignKeyViolationError):
                await connection.execute(change)
        left = []
        for gone in (
            f"DELETE FROM content_type WHERE id = {kind}",
            f"DELETE FROM workspace WHERE id = {workspace}",
            f"DELETE FROM tenant WHERE id = {tenant}",
        ):
            await connection.execute(gone)
            left.append(tuple(await connection.fetchrow(counts)))

        assert left == [(2, 2, 1), (1, 1, 0), (0, 0, 0)]
    finally:
        await connection.close()


async def test_every_foreign_key_is_indexed(connection: asyncpg.Connection) -> None:
    rows = await connection.fetch(
        "SELECT conrelid::regclass::text AS table, conname FROM pg_constraint k WHERE contype = 'f' AND NOT EXISTS ("
        "  SELECT FROM pg_index i WHERE i.indrelid = k.conrelid AND i.indisvalid "
        "  AND (i.indpred IS NULL OR pg_get_expr(i.indpred, i.indrelid) = ("
        "    SELECT format('(%I IS NOT NULL)', attname) FROM pg_attribute "
        "    WHERE attrelid = k.conrelid AND attnum = k.conkey[1])) "
        "  AND (i.indkey::int2[])[0:cardinality(k.conkey) - 1] @> k.conkey)"
    )

    assert [tuple(row) for row in rows] == []


async def test_every_enum_is_checked_by_the_database(connection: asyncpg.Connection) -> None:
    wrong = []
    for table, model in models():
        for name, column in model._meta.fields_db_projection.items():
            field: Any = model._meta.fields_map[name]
            if isinstance(field, CharEnumFieldInstance | IntEnumFieldInstance):
                values = [member.value for member in field.enum_type]
                kind = "text" if isinstance(field, CharEnumFieldInstance) else "int"
                stranger = "no such" if kind == "text" else max(values) + 1
                checks = await _checks(connection, table, column)
                taken = [
                    value
                    for value in [*values, stranger]
                    if await _passes(connection, checks, column, kind, value)
                ]
                if taken != values:
                    wrong.append(f"{table}.{column} takes {taken}, its enum has {values}")

    assert wrong == []


async def _checks(connection: asyncpg.Connection, table: str, column: str) -> list[str]:
    """The CHECKs of one column alone."""
    rows = await connection.fetch(
        "SELECT pg_get_expr(k.conbin, k.conrelid) AS test FROM pg_constraint k "
        "JOIN pg_attribute a ON a.attrelid = k.conrelid AND k.conkey = ARRAY[a.attnum] "
        "WHERE k.contype = 'c' AND k.conrelid = $1::regclass AND a.attname = $2",
        f'"{table}"',
        column,
    )
    return [row["test"] for row in rows]


async def _passes(
    connection: asyncpg.Connection, checks: list[str], column: str, kind: str, value: object
) -> bool:
    tests = " AND ".join(f"({check})" for check in checks) or "true"
    return bool(
        await connection.fetchval(f'SELECT {tests} FROM (SELECT $1::{kind} AS "{column}") AS row', value)
    )


async def test_what_the_models_call_unique_is_unique(connection: asyncpg.Connection) -> None:
    rows = await connection.fetch(
        "SELECT i.indrelid::regclass::text AS table, array_agg(a.attname ORDER BY a.attname) AS columns "
        "FROM pg_index i JOIN pg_attribute a "
        "  ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey[:i.indnkeyatts - 1]) "
        "WHERE i.indisunique AND i.indpred IS NULL GROUP BY i.indexrelid, i.indrelid"
    )
    made = {(row["table"].strip('"'), *map(str, row["columns"])) for row in rows}
    believed: set[tuple[str, ...]] = set()
    for table, model in models():
        columns = model._meta.fields_db_projection
        for name in columns:
            if model._meta.fields_map[name].unique:
                believed.add((table, columns[name]))
        for together in model._meta.unique_together:
            named = [_column(model, name) for name in together]
            believed.add((table, *sorted(named)))
        for name in model._meta.m2m_fields:
            pair: Any = model._meta.fields_map[name]
            if pair.unique and not pair._generated:
                believed.add((pair.through, *sorted((pair.forward_key, pair.backward_key))))

    assert believed - made == NOT_LOOKED_FOR


def _column(model: type[Model], name: str) -> str:
    field: Any = model._meta.fields_map[name]
    return str(getattr(field, "source_field", None) or model._meta.fields_db_projection.get(name, name))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_migration_says_why_it_is_and_when_it_runs(file: Any) -> None:
    header = re.match(r'"""(.+?)"""', file.read_text(), re.DOTALL)

    assert header, "a migration begins with a docstring"
    assert re.search(r"\b(before|after)\b", header[1], re.IGNORECASE), (
        "say whether it runs before or after the new code"
    )
