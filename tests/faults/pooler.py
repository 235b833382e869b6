"""PgBouncer before a database of the tests, in the mode that keeps no session: each transaction may meet another backend."""

import asyncio
import os
import pwd
import shutil
from asyncio.subprocess import DEVNULL, STDOUT
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from app.database.address import Credentials
from tests.faults.wire import Wire
from tests.live import free_port

CONFIGURATION = """\
[databases]
{database} = host=127.0.0.1 port={port} user={user} dbname={database}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 8
max_client_conn = 100
server_round_robin = 1
ignore_startup_parameters = extra_float_digits,jit,statement_timeout,idle_in_transaction_session_timeout
"""


def find_pgbouncer() -> str:
    """The program, from PGBOUNCER or the path; without it the test is skipped, or fails with REQUIRE_ALL=1."""
    found = os.environ.get("PGBOUNCER") or shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    if not found:
        if os.environ.get("REQUIRE_ALL") == "1":
            pytest.fail("there is no pgbouncer: apt-get install pgbouncer, or name it by PGBOUNCER")
        pytest.skip("there is no pgbouncer on this machine")
    return found


@asynccontextmanager
async def run_pooler(credentials: Credentials, directory: Path) -> AsyncIterator[str]:
    """The DATABASE_URL of the database behind a pooler."""
    program, listen = find_pgbouncer(), free_port()
    log = directory / "pgbouncer.log"
    url = f"postgresql://{credentials['user']}@127.0.0.1:{listen}/{credentials['database']}?sslmode=disable"
    async with Wire(credentials) as wire:  # through which its user comes in as ours
        configuration = directory / "pgbouncer.ini"
        configuration.write_text(CONFIGURATION.format(**{**credentials, "port": wire.port}, listen=listen))
        configuration.chmod(0o644)
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                *(program, str(configuration)),
                stdin=DEVNULL,
                stdout=output,
                stderr=STDOUT,
                user=_ordinary_user(),
            )
        try:
            async with asyncio.timeout(10):
                while not await _answers(url):
                    assert process.returncode is None, log.read_text()
                    await asyncio.sleep(0.02)
            yield f"{url}&statement_cache_size=0"
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()


def _ordinary_user() -> int | None:
    """PgBouncer refuses to be root."""
    return pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else None


async def _answers(url: str) -> bool:
    address = url.partition("?")[0]
    try:
        connection = await asyncpg.connect(address, ssl=False, statement_cache_size=0)
    except (OSError, asyncpg.PostgresError):
        return False
    await connection.close()
    return True
