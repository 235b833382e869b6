"""Embedded or external PostgreSQL: launch, open, migrate, close; and transactions on it."""

from app.database.config import TORTOISE_ORM
from app.database.embedded import EmbeddedPostgresError
from app.database.opening import Database, DatabaseUnavailable, models_loop, open_database, reach_database
from app.database.transactions import (
    apart,
    atomic,
    fetch,
    fetch_records,
    in_transaction,
    on_commit,
    transaction,
)

__all__ = [
    "TORTOISE_ORM",
    "Database",
    "DatabaseUnavailable",
    "EmbeddedPostgresError",
    "apart",
    "atomic",
    "fetch",
    "fetch_records",
    "in_transaction",
    "models_loop",
    "on_commit",
    "open_database",
    "reach_database",
    "transaction",
]
