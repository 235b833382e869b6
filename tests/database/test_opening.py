"""open_database(): reach, migrate, use, close."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import asyncpg
import pytest
import tortoise.context
from pydantic import SecretStr

from app.database import Database, DatabaseUnavailable, fetch, open_database, transaction
from app.settings import Settings, SettingsError
from tests.database.cluster import Databases


@pytest.fixture(autouse=True)
def no_other_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the database of the other tests aside: a process has one open at a time."""
    monkeypatch.setattr(tortoise.context, "_global_context", None)


def settings_for(host: str, database: str, user: str = "workyard", **others: object) -> Settings:
    url = f"postgresql://{quote(user)}:secret@/{database}?host={quote(host)}"
    return Settings.model_validate({"database_url": SecretStr(url), **others})


@pytest.fixture
async def empty(databases: Databases) -> AsyncIterator[Settings]:
    credentials = await databases.make_empty()
    yield settings_for(credentials["host"], credentials["database"])
    await databases.drop(credentials)


async def test_opening_migrates_once(empty: Settings) -> None:
    async with open_database(empty) as first:
        assert first.migrated
        assert not first.embedded
    async with open_database(empty) as second:
        assert second.migrated == ()


async def test_what_needs_a_session_passes_by_a_pooler(empty: Settings) -> None:
    assert empty.database_url
    url = empty.database_url.get_secret_value()
    settings = empty.model_copy(
        update={
            "database_url": SecretStr(f"{url}&application_name=pooled"),
            "database_direct_url": SecretStr(f"{url}&application_name=direct"),
        }
    )

    async with open_database(settings) as database:
        [pooled] = await fetch(
            "SELECT current_setting('application_name') AS name, current_setting('jit') AS jit"
        )
        connection = await database.connect()
        direct = await connection.fetchrow(
            "SELECT current_setting('application_name') AS name, current_setting('jit') AS jit"
        )
        await connection.close()

    assert database.migrated
    # A pooler refuses settings that it does not know, and the statements that a connection remembers may be another's.
    assert (pooled["name"], pooled["jit"], database.credentials["statement_cache_size"]) == (
        "pooled",
        "on",
        0,
    )
    assert (direct["name"], direct["jit"]) == ("direct", "off")
    assert "statement_cache_size" not in database.direct


async def test_a_flaw_in_the_address_past_the_pooler_is_said_with_its_name(empty: Settings) -> None:
    settings = empty.model_copy(update={"database_direct_url": SecretStr("mysql://u:secret@h/d")})

    with pytest.raises(SettingsError) as refused:
        async with open_database(settings):
            pass

    assert str(refused.value).startswith("expected DATABASE_DIRECT_URL to be like postgresql://")
    assert "secret" not in str(refused.value)


async def test_every_task_uses_what_one_has_opened(empty: Settings) -> None:
    opened, asked = asyncio.Event(), asyncio.Event()

    async def lifespan() -> None:
        async with open_database(empty):
            opened.set()
            await asked.wait()

    task = asyncio.create_task(lifespan())
    await opened.wait()
    rows = await fetch("SELECT count(*) FROM aerich")
    asked.set()
    await task

    assert len(rows) == 1
    with pytest.raises(RuntimeError):
        await fetch("SELECT 1")


async def test_connections_are_set_up_alike(empty: Settings) -> None:
    names = (
        "application_name",
        "timezone",
        "jit",
        "statement_timeout",
        "idle_in_transaction_session_timeout",
    )
    expected = ["workyard", "UTC", "off", "10s", "1min"]
    async with open_database(empty) as database:
        pooled = [
            (await fetch(f"SHOW {name}"))[0][name if name != "timezone" else "TimeZone"] for name in names
        ]
        beside = await database.connect()
        own = [await beside.fetchval(f"SHOW {name}") for name in names]
        await beside.close()

    assert pooled == own == expected


async def test_a_pooled_connection_returns_without_an_open_transaction(empty: Settings) -> None:
    tight = empty.model_copy(update={"database_pool_size": 2})
    async with open_database(tight):

        async def cancelled() -> None:
            async with transaction():
                await fetch("CREATE TABLE left_open ()")
                await asyncio.Event().wait()

        tasks = [asyncio.create_task(cancelled()) for _ in range(2)]
        async with asyncio.timeout(10):
            while await _waiting_for_lock_or_idle(empty) != 2:
                await asyncio.sleep(0.01)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

        assert await fetch("SELECT to_regclass('left_open') AS made") == [{"made": None}]


async def _waiting_for_lock_or_idle(settings: Settings) -> int:
    """Connections in the middle of a transaction: idle there, or waiting for the other one's lock."""
    from app.database.address import parse_database_url

    assert settings.database_url
    connection = await asyncpg.connect(**parse_database_url(settings.database_url.get_secret_value()))
    try:
        return int(
            await connection.fetchval(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
                "AND (state = 'idle in transaction' OR wait_event_type = 'Lock')"
            )
        )
    finally:
        await connection.close()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"database": "no_such"}, 'database "no_such" does not exist'),
        ({"user": "no_such"}, 'role "no_such" does not exist'),
        ({"host": "/no/such"}, "No such file or directory"),
    ],
)
async def test_a_database_that_cannot_be_used_is_named_with_the_reason(
    databases: Databases, change: dict[str, str], why: str
) -> None:
    good = {"host": databases.credentials["host"], "database": "postgres"}

    with pytest.raises(DatabaseUnavailable) as refused:
        async with open_database(settings_for(**{**good, **change})):
            pytest.fail("it opened")

    assert why in str(refused.value)
    assert "DATABASE_URL" in str(refused.value)
    assert "secret" not in str(refused.value)


async def test_without_a_url_it_opens_a_database_of_its_own(base: Path) -> None:
    settings = Settings.model_validate({"data_dir": base, "database_url": None})
    async with open_database(settings) as database:
        assert isinstance(database, Database)
        assert database.embedded
        assert database.migrated
        assert await fetch("SELECT current_database() AS name") == [{"name": "workyard"}]

    async with open_database(settings) as again:
        assert again.migrated == ()
