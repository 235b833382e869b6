"""The PostgreSQL that tests run on: one cluster for all runs on this machine, one database for each run."""

import hashlib
import os
import shutil
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from uuid import uuid4

import asyncpg

from app.database.address import Credentials
from app.database.embedded import Cluster
from app.database.migrate import MIGRATIONS, upgrade
from app.database.opening import SERVER_SETTINGS

FAST = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "max_connections": "400",
}
ROOM = 1 << 30
TEMPLATES_KEPT = 4


def directory() -> Path:
    """In memory where there is room (making a database takes 15 ms instead of 400), else on the disk."""
    shared = Path("/dev/shm")
    in_memory = shared.is_mount() and shutil.disk_usage(shared).free > ROOM
    return (shared if in_memory else Path("/var/tmp")) / f"workyard-tests-{os.getuid()}"


@asynccontextmanager
async def run_cluster() -> AsyncIterator[Credentials]:
    """The cluster of all runs, up until the last of them ends. WORKYARD_POSTGRES_BIN chooses another PostgreSQL.

    The processes of one run have one each: a transaction that is open holds events back in all databases of a cluster.
    """
    told = os.environ.get("WORKYARD_POSTGRES_BIN")
    name = hashlib.sha256(told.encode()).hexdigest()[:8] if told else "wheel"
    cluster = Cluster.at(
        directory() / (name + os.environ.get("PYTEST_XDIST_WORKER", "")),
        Path(told) if told else None,
        FAST,
    )
    async with cluster.use() as credentials:
        yield {**credentials, "server_settings": SERVER_SETTINGS | {"statement_timeout": "10s"}}


class Databases:
    """Makes databases from a template that is migrated once for each state of the migrations."""

    def __init__(self, admin: asyncpg.Connection, credentials: Credentials) -> None:
        self.admin, self.credentials = admin, credentials

    async def make(self) -> Credentials:
        """A database of this run, migrated."""
        name = f"test_{os.getpid()}_{uuid4().hex[:8]}"
        template = await self._template()
        with suppress(asyncpg.InvalidCatalogNameError):
            return await self._copy(template, name)
        return await self._copy(await self._template(), name)  # another checkout's run had cleared it away

    async def make_empty(self) -> Credentials:
        """A database of this run without a table."""
        return await self._copy("template0", f"test_{os.getpid()}_{uuid4().hex[:8]}")

    async def drop(self, credentials: Credentials) -> None:
        await self.admin.execute(f'DROP DATABASE IF EXISTS "{credentials["database"]}" WITH (FORCE)')

    async def clear_away(self) -> None:
        """Drop what runs left that were killed, and templates of older migrations."""
        for name in await self._names("test\\_%", "making\\_%"):
            if not _runs(int(name.split("_")[1])):
                await self.drop({"database": name})
        for name in (await self._names("template\\_%"))[:-TEMPLATES_KEPT]:
            with suppress(asyncpg.ObjectInUseError):
                await self.admin.execute(f'DROP DATABASE IF EXISTS "{name}"')

    async def _names(self, *patterns: str) -> list[str]:
        rows = await self.admin.fetch(
            "SELECT datname FROM pg_database WHERE datname LIKE ANY ($1) ORDER BY oid", patterns
        )
        return [row["datname"] for row in rows]

    async def _copy(self, template: str, name: str) -> Credentials:
        await self.admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY file_copy')
        return {**self.credentials, "database": name}

    async def _template(self) -> str:
        name = f"template_{_digest(sorted(MIGRATIONS.rglob('*.py')))}"
        if name not in await self._names(name.replace("_", "\\_")):
            making = await self._copy("template0", f"making_{os.getpid()}_{uuid4().hex[:8]}")
            try:
                await upgrade(making)
                with suppress(asyncpg.DuplicateDatabaseError):
                    await self.admin.execute(f'ALTER DATABASE "{making["database"]}" RENAME TO "{name}"')
            finally:
                await self.drop(making)
        return name


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _digest(files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


class Wiper:
    """Returns a database to what the migrations left in it, faster than TRUNCATE by two orders."""

    def __init__(self, connection: asyncpg.Connection, statements: str) -> None:
        self.connection, self.statements = connection, statements

    @classmethod
    async def prepare(cls, connection: asyncpg.Connection) -> "Wiper":
        """Remember the rows that the migrations made, to put them back after each wipe."""
        tables = [
            row["relname"]
            for row in await connection.fetch(
                "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace "
                "AND relname <> 'aerich' ORDER BY relname"
            )
        ]
        wipes = [f'DELETE FROM "{table}";' for table in tables]
        await connection.execute("CREATE SCHEMA seed")
        for table in tables:
            if await connection.fetchval(f'SELECT EXISTS (SELECT FROM "{table}")'):
                columns = await connection.fetchval(
                    "SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute "
                    "WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''",
                    f'"{table}"',
                )
                await connection.execute(f'CREATE TABLE seed."{table}" AS SELECT {columns} FROM "{table}"')
                wipes.append(
                    f'INSERT INTO "{table}" ({columns}) OVERRIDING SYSTEM VALUE SELECT {columns} FROM seed."{table}";'
                )
        await connection.execute("SET session_replication_role = replica")  # no foreign keys, no triggers
        await connection.execute("SET lock_timeout = '5s'")  # a test that left a transaction open
        return cls(connection, "BEGIN;" + "".join(wipes) + "COMMIT;")

    async def wipe(self) -> None:
        try:
            await self.connection.execute(self.statements)
        except asyncpg.PostgresError:
            await self.connection.execute("ROLLBACK")  # one test's failure is not that of all after it
            raise
