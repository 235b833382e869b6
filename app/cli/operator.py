"""What commands on the server's machine do first: open the database, and act as its operator."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from app.settings import load_settings

if TYPE_CHECKING:
    from app.access import Viewer


def as_operator(command: "Callable[[Viewer], Awaitable[None]]") -> None:
    """Run a command on the database of the settings, with every right in the default tenant."""
    asyncio.run(_run(command))


async def _run(command: "Callable[[Viewer], Awaitable[None]]") -> None:
    from app.access import Viewer
    from app.actions.accounts import default_tenant_id
    from app.database import open_database

    async with open_database(load_settings()):
        await command(Viewer.operator(await default_tenant_id()))
