"""How to reach the database: what asyncpg's connect() takes, from DATABASE_URL or the embedded cluster."""

import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from app.settings import SettingsError

SCHEMES = ("postgresql", "postgres", "asyncpg")
SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
SHAPE = "postgresql://user:password@host:port/database?sslmode=require"

Credentials = dict[str, Any]


def parse_database_url(url: str, setting: str = "DATABASE_URL") -> Credentials:
    """Keyword arguments for asyncpg.connect(). Raises SettingsError in words that never show the password."""
    try:
        return _parse(url)
    except _Unusable as why:
        raise SettingsError(f"expected {setting} to be like {SHAPE}, but {why}") from None


class _Unusable(Exception):
    """What is wrong with the URL."""


def _parse(url: str) -> Credentials:
    try:
        parts = urlsplit(url)
        port, database = parts.port or 5432, unquote(parts.path[1:])
    except ValueError as error:
        raise _Unusable(f"it has a flaw: {error}") from None
    if parts.scheme not in SCHEMES:
        raise _Unusable(f"it begins with {parts.scheme or url[:12]!r}")
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    host = query.pop("host", "") or unquote(parts.hostname or "")
    if not host or not database:
        raise _Unusable("it names no " + ("database" if host else "host"))
    given = {"user": parts.username, "password": parts.password}
    return {
        "host": host,
        "port": port,
        "database": database,
        **{name: unquote(value) for name, value in given.items() if value},
        **_options(query),
    }


def _options(query: Mapping[str, str]) -> Credentials:
    options: Credentials = {}
    for name, value in query.items():
        match name:
            case "sslmode" | "ssl":
                if value not in SSL_MODES:
                    raise _Unusable(f"{name} is {value!r}, which is none of {', '.join(SSL_MODES)}")
                options["ssl"] = value
            case "sslrootcert":
                options["ssl"] = _verifying(value, query.get("sslmode", "verify-full"))
            case "application_name":
                options["server_settings"] = {"application_name": value}
            case "connect_timeout" | "statement_cache_size":
                if not value.isdecimal():
                    raise _Unusable(f"{name} is {value!r}, which is no number")
                options["timeout" if name == "connect_timeout" else name] = int(value)
            case _:
                raise _Unusable(
                    f"it has the parameter {name!r}: Workyard knows host, sslmode, sslrootcert, application_name, "
                    "connect_timeout and statement_cache_size"
                )
    return options


def _verifying(certificate: str, mode: str) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=certificate)
    except OSError as error:
        raise _Unusable(f"sslrootcert {certificate!r} cannot be read: {error.strerror or error}") from None
    context.check_hostname = mode == "verify-full"
    return context
