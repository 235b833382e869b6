"""Counts the SQL statements that a block of a test sends, and nobody else's."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import asyncpg.connection
import pytest

_sent: ContextVar[list[str] | None] = ContextVar("sent", default=None)
"""Set in the block, and so in every task that it starts; the readers of the log run in tasks of their own."""


@contextmanager
def statements(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The statements sent in this block, transactions' begin and end included."""
    with monkeypatch.context() as patch:
        for name in ("_execute", "execute", "executemany"):
            patch.setattr(asyncpg.connection.Connection, name, _noting(name))
        patch.setattr("app.database.pool._ask", lambda connection, sql, args: connection.fetch(sql, *args))
        sent: list[str] = []
        token = _sent.set(sent)
        try:
            yield sent
        finally:
            _sent.reset(token)


def _noting(name: str) -> Any:
    original = getattr(asyncpg.connection.Connection, name)

    async def note(self: Any, query: str, *args: Any, **kwargs: Any) -> Any:
        noted = _sent.get()
        if noted is not None:
            noted.append(query)
        return await original(self, query, *args, **kwargs)

    return note
