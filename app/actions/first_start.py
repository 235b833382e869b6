"""What a new installation has to have before anybody can use it."""

import asyncio
import secrets

from app.access import Capability, Viewer
from app.actions.accounts import create_user, default_tenant_id, hash_password
from app.actions.artifacts import register_builtin_categories
from app.actions.work import register_builtin_task_types
from app.database import atomic, fetch
from app.models import Permission, User

ADMIN = "admin"


async def prepare_installation(password: str | None) -> str | None:
    """Make the built-in task types, categories and permissions known and, when there is no user, the administrator `admin`.

    Returns the administrator's password when it was made up now: print it, this once. Safe to call at every start, also
    by several processes at once.
    """
    await register_builtin_task_types()
    await register_builtin_categories()
    await _register_permissions()
    if await User.exists():
        return None
    made_up = None if password else secrets.token_urlsafe(12)
    hash = await asyncio.to_thread(hash_password, password or made_up or "")
    return made_up if await _create_admin(hash) else None


@atomic()
async def _register_permissions() -> None:
    for capability in Capability:
        await Permission.get_or_create(
            codename=capability.value, defaults={"name": capability.value.replace("_", " ")}
        )


@atomic()
async def _create_admin(password_hash: str) -> bool:
    await fetch("SELECT pg_advisory_xact_lock(3, 0)")
    if await User.exists():
        return False
    operator = Viewer.operator(await default_tenant_id())
    await create_user(operator, username=ADMIN, password_hash=password_hash, is_staff=True, is_superuser=True)
    return True
