"""What Tortoise and aerich are told."""

from typing import Any

from app.database.address import Credentials

APP = "models"
MODULES = ["app.models", "aerich.models"]


def tortoise_config(credentials: Credentials) -> dict[str, Any]:
    return {
        "connections": {"default": {"engine": "app.database.pool", "credentials": credentials}},
        "apps": {APP: {"models": MODULES, "default_connection": "default"}},
        "use_tz": True,
        "timezone": "UTC",
    }


# For aerich's own commands, which write migrations and need no database: aerich migrate --offline
TORTOISE_ORM = tortoise_config({})
