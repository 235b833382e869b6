"""Transactions on the pool that open_database() made, and what happens after they commit."""

import asyncio
import contextlib
import functools
import logging
import random
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextvars import Context, ContextVar, Token
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar

import asyncpg
from tortoise.backends.base.client import TransactionalDBClient, TransactionContext, TransactionContextPooled
from tortoise.context import require_context
from tortoise.exceptions import IntegrityError, OperationalError, TransactionManagementError
from tortoise.transactions import in_transaction as begin

from app.database.pool import Client, Pool, opened

P = ParamSpec("P")
T = TypeVar("T")
Callback = Callable[[], object]

AGAIN = 3

log = logging.getLogger(__name__)


class _Pending:
    """What waits for the commit of the outermost transaction."""

    def __init__(self) -> None:
        self.callbacks: list[Callback] = []
        self.open = True


_pending: ContextVar[_Pending | None] = ContextVar("after_commit", default=None)


class transaction:  # noqa: N801  reads as a statement: async with transaction():
    """A transaction, or a savepoint inside one: everything that this task reads and writes belongs to it.

    Never yield from an async generator inside it, and start no task inside it that outlives it: both would go on
    using a connection that is no longer theirs.
    """

    def __init__(self) -> None:
        self._context: TransactionContext
        self._token: Token[_Pending | None] | None = None
        self._mine: _Pending
        self._mark = 0

    async def __aenter__(self) -> Self:
        pending = _pending.get()
        if pending is None or not pending.open:
            pending = _Pending()
            self._token = _pending.set(pending)
        self._mine, self._mark = pending, len(pending.callbacks)
        self._context = begin("default")
        try:
            await _begin(self._context)
        except BaseException:
            self._leave()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._context.__aexit__(kind, error, trace)
        except BaseException:
            del self._mine.callbacks[self._mark :]
            self._leave()
            raise
        if kind is not None:
            del self._mine.callbacks[self._mark :]
        if self._leave():
            for callback in self._mine.callbacks:
                _run(callback)

    def _leave(self) -> bool:
        """Restore what was before; true when this was the outermost transaction."""
        if self._token is None:
            return False
        self._mine.open = False
        _pending.reset(self._token)
        return True


async def _begin(context: TransactionContext) -> None:
    """Enter it. When BEGIN fails or is cancelled, Tortoise would keep the connection from the pool for ever."""
    try:
        await context.__aenter__()
    except BaseException:
        if isinstance(context, TransactionContextPooled) and context.client._connection is not None:
            await context.__aexit__(TransactionManagementError, None, None)  # gives it back, and nothing else
        raise


def on_commit(callback: Callback) -> None:
    """Call this once what the current transaction wrote is visible to all; never, if it rolls back.

    Without a transaction, at once. The callback must not block; a fault in it is logged, as the commit stands.
    """
    pending = _pending.get()
    if pending is not None and pending.open:
        pending.callbacks.append(callback)
    else:
        _run(callback)


def _run(callback: Callback) -> None:
    try:
        callback()
    except Exception:
        log.exception("a callback after a commit failed")


def atomic() -> Callable[[Callable[P, Awaitable[T]]], Callable[P, Coroutine[Any, Any, T]]]:
    """Run a coroutine function in a transaction().

    Again, a few times, when PostgreSQL ended the transaction because it and others waited for each other: what waits for
    what among work requests is the users' to say, so no order of locking rules that out. Nothing of it was done then.
    """

    def decorate(function: Callable[P, Awaitable[T]]) -> Callable[P, Coroutine[Any, Any, T]]:
        @functools.wraps(function)
        async def inside(*args: P.args, **kwargs: P.kwargs) -> T:
            for _ in range(0 if _in_transaction() else AGAIN):
                with contextlib.suppress(asyncpg.DeadlockDetectedError):
                    async with transaction():
                        return await function(*args, **kwargs)
                await asyncio.sleep(random.uniform(0, 0.05))
            async with transaction():
                return await function(*args, **kwargs)

        return inside

    return decorate


def in_transaction() -> bool:
    """True when a statement sent now would belong to an open transaction, be it ours or Tortoise's own."""
    client: Any = require_context().connections.get("default")
    return type(client) is not Client and isinstance(client, TransactionalDBClient)


def _in_transaction() -> bool:
    pending = _pending.get()
    return pending is not None and pending.open


async def apart(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run something outside of the open transaction, on a connection of its own: what it writes is there at once, and stays.

    The transaction keeps its connection meanwhile, and what it has locked: what needs the same rows waits in vain.
    """
    return await asyncio.get_running_loop().create_task(coroutine, context=Context())


async def fetch(sql: str, *args: object) -> list[dict[str, Any]]:
    """The rows of a statement, INSERT, UPDATE and DELETE … RETURNING included; part of the open transaction, if any.

    Columns of type jsonb arrive as text.
    """
    return [dict(row) for row in await fetch_records(sql, *args)]


async def fetch_records(sql: str, *args: object) -> Sequence[asyncpg.Record]:
    """`fetch`, without a dict for each row: their columns are found by number, too."""
    client: Any = require_context().connections.get("default")
    try:
        if type(client) is Client:  # and not a transaction; isinstance() with an abstract class costs more
            pool: Pool = client._pool or await opened(client)
            return await pool.fetch(sql, args)
        async with client.acquire_connection() as connection:
            rows: Sequence[asyncpg.Record] = await connection.fetch(sql, *args)
            return rows
    except (asyncpg.SyntaxOrAccessError, asyncpg.DataError) as error:
        raise OperationalError(error) from error
    except asyncpg.IntegrityConstraintViolationError as error:
        raise IntegrityError(error) from error
    except asyncpg.InvalidTransactionStateError as error:
        raise TransactionManagementError(error) from error
