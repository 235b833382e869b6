"""What commands on the server's machine do first: open the database, and act as its operator."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from app.settings import load_settings

if TYPE_CHECKING:
    from app.access import Viewer


DEFAULT_TENANT = "default"


def as_operator(command: "Callable[[Viewer], Awaitable[None]]", tenant: str = DEFAULT_TENANT) -> None:
    """Run a command on the database of the settings, with every right in the tenant."""
    asyncio.run(_run(command, tenant))


async def _run(command: "Callable[[Viewer], Awaitable[None]]", tenant: str) -> None:
    from app.access import Viewer
    from app.actions.tenants import tenant_named
    from app.database import open_database

    async with open_database(load_settings()):
        await command(Viewer.operator((await tenant_named(tenant)).id))
