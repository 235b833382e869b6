"""Brings a database up to date. Several processes may ask for it at once: one does it, the others wait."""

import asyncio
from pathlib import Path

import asyncpg
from tortoise.context import TortoiseContext

from app.database.address import Credentials
from app.database.config import APP, tortoise_config

MIGRATIONS = Path(__file__).parents[2] / "migrations"
LOCK = 0x776F726B79617264  # "workyard": the advisory lock that whoever migrates holds

# Aerich's own table of what was applied, as its model has it. Our migrations hold our tables alone.
RECORD = """
CREATE TABLE IF NOT EXISTS aerich (
    id serial PRIMARY KEY,
    version varchar(255) NOT NULL,
    app varchar(100) NOT NULL,
    content jsonb NOT NULL
)
"""


async def upgrade(credentials: Credentials) -> list[str]:
    """Apply the migrations that the database lacks; return their file names."""
    patient = _patient(credentials)
    guard = await asyncpg.connect(**patient)
    try:
        await guard.execute("SELECT pg_advisory_lock($1)", LOCK)
        await guard.execute(RECORD)
        if await _is_up_to_date(guard):
            return []
        # A task of its own, because aerich works on whatever Tortoise context is current.
        return await asyncio.create_task(_upgrade(patient))
    finally:
        await guard.close()


def _patient(credentials: Credentials) -> Credentials:
    """The credentials without limits of time: a migration takes as long as it takes, and others wait for it."""
    server_settings = {**credentials.get("server_settings", {}), "statement_timeout": "0"}
    return {**credentials, "server_settings": server_settings, "command_timeout": None}


async def _is_up_to_date(guard: asyncpg.Connection) -> bool:
    """True when nothing is to be applied, as at most starts of a program: aerich takes a fifth of a second to find that out."""
    applied = await guard.fetch("SELECT version FROM aerich WHERE app = $1", APP)
    return {file.name for file in (MIGRATIONS / APP).glob("[0-9]*.py")} <= {row["version"] for row in applied}


async def _upgrade(credentials: Credentials) -> list[str]:
    from aerich import Command  # only who migrates needs it

    config = tortoise_config({**credentials, "minsize": 1, "maxsize": 2})
    async with TortoiseContext() as context:
        await context.init(config)
        command = Command(config, app=APP, location=str(MIGRATIONS))
        await command.init()
        applied: list[str] = await command.upgrade()
        return applied
