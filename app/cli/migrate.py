"""python -m app migrate"""

import asyncio

import typer

from app.settings import Settings, load_settings


def register(cli: typer.Typer) -> None:
    cli.command()(migrate)


def migrate() -> None:
    """Bring the database up to date. Starting the server does so by itself."""
    applied = asyncio.run(_migrate(load_settings()))
    print("\n".join(f"applied {name}" for name in applied) or "the database is up to date")


async def _migrate(settings: Settings) -> list[str]:
    from app.database import reach_database
    from app.database.migrate import upgrade

    async with reach_database(settings) as database:
        return await upgrade(database.direct)
