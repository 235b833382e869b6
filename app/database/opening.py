"""Opens the database: start or reach it, migrate it, give Tortoise its pool, close all of it at the end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import asyncpg
from pydantic import SecretStr
from tortoise.context import TortoiseContext

from app.database.address import Credentials, parse_database_url
from app.database.arrays import make_known
from app.database.config import tortoise_config
from app.database.embedded import Cluster
from app.database.migrate import upgrade
from app.settings import Settings

NAME = "workyard"  # of the database in the embedded cluster

SERVER_SETTINGS = {
    "application_name": "workyard",
    "timezone": "UTC",
    "datestyle": "ISO",  # compiled reads take instants as text: app/graphql/plan/leaves.py
    "jit": "off",  # LIMIT $1 is costed as a tenth of the table, which starts JIT on statements of a millisecond
    "idle_in_transaction_session_timeout": "60s",  # a transaction left open holds back every reader of events
}

KNOWN_TO_POOLERS = ("application_name", "timezone", "datestyle")
"""The settings that PgBouncer keeps for each of its clients. The others are the role's then: ALTER ROLE … SET."""

OLDEST = 150000
TROUBLE = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)


class DatabaseUnavailable(Exception):
    """The database that DATABASE_URL names cannot be used; the message says why."""


@dataclass(frozen=True)
class Database:
    """An open database. `credentials` are what asyncpg.connect() takes."""

    credentials: Credentials
    embedded: bool
    migrated: tuple[str, ...] = ()
    """The migrations that this opening applied."""
    past_pooler: Credentials | None = None
    """How to reach it by DATABASE_DIRECT_URL, if that is set."""

    @property
    def direct(self) -> Credentials:
        """Credentials for connections that keep a session: LISTEN, locks beyond a transaction, settings, migrations."""
        return self.credentials if self.past_pooler is None else self.past_pooler

    async def connect(self, **overrides: Any) -> asyncpg.Connection:
        """A connection beside the pool that keeps its session; its owner closes it."""
        connection = await asyncpg.connect(**{**self.direct, **overrides})
        make_known(connection)
        return connection


@asynccontextmanager
async def reach_database(settings: Settings) -> AsyncIterator[Database]:
    """The database by DATABASE_URL, or the embedded one, running until this ends; neither migrated nor in use."""
    if settings.database_url:
        database = _database_at(settings.database_url, settings)
        await _check(database.credentials, "DATABASE_URL")
        if database.past_pooler is not None:
            await _check(database.past_pooler, "DATABASE_DIRECT_URL")
        yield database
        return
    cluster = Cluster.at(settings.data_dir / "postgresql", settings.postgres_bin)
    async with cluster.use() as found:
        credentials = {**found, "database": NAME}
        await _create(credentials, maintenance=found["database"])
        yield Database(_with_defaults(credentials, settings), embedded=True)


@asynccontextmanager
async def open_database(settings: Settings, *, migrate: bool = True) -> AsyncIterator[Database]:
    """Reach the database, bring it up to date, and let the models use it until this ends.

    One per process: every task sees it, whichever opened it.
    """
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(reach_database(settings))
        applied = await upgrade(database.direct) if migrate else []
        await stack.enter_async_context(use_models(database, pool_size=settings.database_pool_size))
        yield replace(database, migrated=tuple(applied))


@asynccontextmanager
async def use_models(database: Database, *, pool_size: int) -> AsyncIterator[None]:
    """Let the models use an up-to-date database until this ends."""
    pool = {"minsize": 1, "maxsize": pool_size, "connect": _connect}
    context = TortoiseContext()
    with (
        context
    ):  # for now only: what stays entered is seen by this task alone, and requests run in their own
        await context.init(tortoise_config({**database.credentials, **pool}), _enable_global_fallback=True)
    loop = asyncio.get_running_loop()
    _homes.append(loop)
    try:
        yield
    finally:
        _homes.remove(loop)
        await context.close_connections()


def models_loop() -> asyncio.AbstractEventLoop | None:
    """The event loop of this process on which the models can be used, for code in threads; None: no database is open."""
    return _homes[-1] if _homes else None


_homes: list[asyncio.AbstractEventLoop] = []


async def _connect(*args: Any, **kwargs: Any) -> asyncpg.Connection:
    """A connection for the pool. Raises ConnectionError whatever keeps PostgreSQL out of reach, even a missing socket."""
    try:
        connection = await asyncpg.connect(*args, **kwargs)
    except OSError as error:
        raise ConnectionError(f"cannot connect to PostgreSQL: {_words(error)}") from error
    make_known(connection)
    return connection


def _database_at(url: SecretStr, settings: Settings) -> Database:
    credentials = parse_database_url(url.get_secret_value())
    if settings.database_direct_url is None:
        return Database(_with_defaults(credentials, settings), embedded=False)
    direct = parse_database_url(settings.database_direct_url.get_secret_value(), "DATABASE_DIRECT_URL")
    return Database(
        _through_pooler(_with_defaults(credentials, settings)),
        embedded=False,
        past_pooler=_with_defaults(direct, settings),
    )


def _through_pooler(credentials: Credentials) -> Credentials:
    """Leave out the settings that poolers refuse, and statements that a connection remembers, unless the URL wants those."""
    known = {
        name: value for name, value in credentials["server_settings"].items() if name in KNOWN_TO_POOLERS
    }
    return {"statement_cache_size": 0, **credentials, "server_settings": known}


def _with_defaults(credentials: Credentials, settings: Settings) -> Credentials:
    timeout = {"statement_timeout": f"{settings.statement_timeout_seconds}s"}
    server_settings = SERVER_SETTINGS | timeout | credentials.get("server_settings", {})
    # PostgreSQL ends a long statement itself; only a connection that is dead without a word takes longer than this.
    patience = settings.statement_timeout_seconds + 5
    return {"timeout": 10, "command_timeout": patience, **credentials, "server_settings": server_settings}


async def _create(credentials: Credentials, maintenance: str) -> None:
    try:
        connection = await asyncpg.connect(**credentials)
    except asyncpg.InvalidCatalogNameError:
        connection = await asyncpg.connect(**{**credentials, "database": maintenance})
        try:
            await connection.execute(f'CREATE DATABASE "{credentials["database"]}"')
        except (asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError):
            pass  # another process was faster
        finally:
            await connection.close()
    else:
        await connection.close()


async def _check(credentials: Credentials, setting: str) -> None:
    """Fail at start, in words for the operator, rather than in the first request."""
    where = "the database {host}:{port}/{database} of ".format(**credentials) + setting
    try:
        connection = await asyncpg.connect(**credentials)
    except TROUBLE as error:
        raise DatabaseUnavailable(f"cannot use {where}: {_words(error)}") from error
    try:
        version = int(await connection.fetchval("SHOW server_version_num"))
    finally:
        await connection.close()
    if version < OLDEST:
        raise DatabaseUnavailable(f"{where} is PostgreSQL {version // 10000}; Workyard needs 15 or later")


def _words(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "it did not answer in time"
    return str(error) or type(error).__name__
