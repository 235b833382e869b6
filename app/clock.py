"""The one clock. Everything that needs the time asks here, so that tests can hold it still."""

from datetime import UTC, datetime


def now() -> datetime:
    """The current time, aware, in UTC."""
    return datetime.now(UTC)
