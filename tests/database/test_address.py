"""DATABASE_URL: what it becomes, and what is said when it cannot work."""

import ssl
from typing import Any

import pytest

from app.database.address import parse_database_url
from app.settings import SettingsError


@pytest.mark.parametrize(
    ("url", "credentials"),
    [
        ("postgresql://u@h/d", {"host": "h", "port": 5432, "user": "u", "database": "d"}),
        (
            "postgres://u%40x:p%2Fw@h:6432/d",
            {"host": "h", "port": 6432, "user": "u@x", "password": "p/w", "database": "d"},
        ),
        ("asyncpg://h/d", {"host": "h", "port": 5432, "database": "d"}),
        ("postgresql:///d?host=/run/postgresql", {"host": "/run/postgresql", "port": 5432, "database": "d"}),
        ("postgresql://h/d?sslmode=require", {"host": "h", "port": 5432, "database": "d", "ssl": "require"}),
        (
            "postgresql://h/d?statement_cache_size=0&connect_timeout=3&application_name=mine",
            {
                "host": "h",
                "port": 5432,
                "database": "d",
                "statement_cache_size": 0,
                "timeout": 3,
                "server_settings": {"application_name": "mine"},
            },
        ),
        ("postgresql://[::1]:5433/d", {"host": "::1", "port": 5433, "database": "d"}),
    ],
)
def test_a_url_becomes_what_asyncpg_takes(url: str, credentials: dict[str, Any]) -> None:
    assert parse_database_url(url) == credentials


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("mysql://u:secret@h/d", "it begins with 'mysql'"),
        ("workyard", "it begins with 'workyard'"),
        ("postgresql://u:secret@h", "it names no database"),
        ("postgresql:///d", "it names no host"),
        (
            "postgresql://u:secret@h:port/d",
            "it has a flaw: Port could not be cast to integer value as 'port'",
        ),
        (
            "postgresql://u:secret@h/d?sslmode=yes",
            "sslmode is 'yes', which is none of disable, allow, prefer,",
        ),
        ("postgresql://u:secret@h/d?connect_timeout=x", "connect_timeout is 'x', which is no number"),
        ("postgresql://u:secret@h/d?sslrootcert=/none", "sslrootcert '/none' cannot be read: No such file"),
        ("postgresql://u:secret@h/d?pool=9", "it has the parameter 'pool': Workyard knows host, sslmode,"),
    ],
)
def test_a_url_that_cannot_work_says_why_and_keeps_the_password(url: str, why: str) -> None:
    with pytest.raises(SettingsError) as refused:
        parse_database_url(url)

    assert why in str(refused.value)
    assert "secret" not in str(refused.value)


def test_a_certificate_makes_the_server_prove_its_name() -> None:
    certificates = ssl.get_default_verify_paths().cafile
    if not certificates:
        pytest.skip("no certificates on this machine")

    context = parse_database_url(f"postgresql://h/d?sslmode=verify-full&sslrootcert={certificates}")["ssl"]

    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname
