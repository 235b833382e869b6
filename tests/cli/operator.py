"""Commands as an operator types them."""

import asyncio
import os
import sys

from app.database import Database
from tests.live import url_of

LIMIT = 60


async def workyard(
    database: Database, *arguments: str, typed: str = "", **environment: str
) -> tuple[int, str]:
    """Run a command against a database; its exit code and all that it printed."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "app", *arguments),
        env={**os.environ, "DATABASE_URL": url_of(database.credentials), "COLUMNS": "200", **environment},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(LIMIT):
        output, _ = await process.communicate(typed.encode())
    assert process.returncode is not None
    return process.returncode, output.decode()
