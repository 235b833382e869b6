"""The connections of a process to its database: a stack of free ones, taken and given back without a word to PostgreSQL.

asyncpg's own pool costs as much again as a small statement: a timer, a future and a task for each use. This one is as safe:
nobody gets a connection on which something is still going on, whoever was cancelled in the midst of what. Nor has a statement a
timer of its own, which costs a fifth of what a small one does: one for all looks now and then for connections that are dead.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
from asyncpg.pool import PoolConnectionProxy
from asyncpg.protocol import NO_TIMEOUT
from tortoise.backends.asyncpg.client import AsyncpgDBClient

WAIT_SECONDS = 30.0
"""So long somebody waits for a connection before that is an error."""
SETTLE_SECONDS = 10.0
IDLE_SECONDS = 300.0
AGAIN = 3
SWEEP_SECONDS = 60.0
WATCH_SECONDS = 5.0

Connection = Any
"""asyncpg.Connection, whose inner state is looked at here as asyncpg's own pool does."""
Connect = Callable[[], Awaitable[Connection]]


class PoolExhausted(ConnectionError):
    """All connections were in use for too long."""


class Pool:
    """At most `most` connections, opened when they are needed; more than `least` are closed when they are idle for long."""

    def __init__(self, connect: Connect, *, least: int, most: int, patience: float | None = None) -> None:
        """A connection that does not answer a `fetch` for longer than `patience` seconds is cut."""
        self._connect = connect
        self._patience = patience
        self._asked: dict[Connection, float] = {}  # those that have yet to answer, and since when
        self._least, self._most = least, most
        self._room = most  # so many more may have a connection
        self._waiting: deque[tuple[asyncio.Future[None], float]] = deque()  # and since when
        self._free: list[tuple[Connection, float]] = []  # and since when
        self._open: set[Connection] = set()
        self._settling: set[asyncio.Task[None]] = set()
        self._closing = False
        self._loop = asyncio.get_running_loop()
        self._sweeper = self._loop.call_later(SWEEP_SECONDS, self._sweep)
        self._watcher = self._loop.call_later(WATCH_SECONDS, self._watch)
        self._impatient: asyncio.TimerHandle | None = None

    async def fetch(self, sql: str, args: tuple[object, ...]) -> list[asyncpg.Record]:
        """The rows of one statement, on any connection."""
        connection = self._take_at_once() or await self.take()
        self._asked[connection] = self._loop.time()
        try:
            for _ in range(AGAIN):
                try:
                    return await _ask(connection, sql, args)
                except (
                    asyncpg.InvalidCachedStatementError
                ):  # it was not run: a table was altered after it was prepared
                    self._drop_statement_cache()
                except asyncpg.OutdatedSchemaCacheError:  # it was run, but a type was altered
                    await connection.reload_schema_state()
                    if not _reads(sql):
                        raise
            return await _ask(connection, sql, args)
        finally:
            del self._asked[connection]
            self.give_back(connection)

    async def take(self) -> Connection:
        """A connection to be given back. Raises ConnectionError when none can be had."""
        if self._closing:
            raise asyncpg.InterfaceError("the pool of connections is closed")
        if found := self._take_at_once():
            return found
        if self._room:
            self._room -= 1
        else:
            await self._wait()
        try:
            return self._take_free() or await self._open_one()
        except BaseException:
            self._make_room()
            raise

    def give_back(self, connection: Connection) -> None:
        """Let others have it: as soon as nothing goes on there any more."""
        if connection.is_closed() or self._closing:
            self._end(connection)
        elif _busy(connection):
            task = self._loop.create_task(self._settle(connection))
            self._settling.add(task)
            task.add_done_callback(self._settling.discard)
            return
        else:
            self._free.append((connection, self._loop.time()))
        self._make_room()

    async def close(self) -> None:
        """Close all connections, those in use when they are given back."""
        self._closing = True
        self._sweeper.cancel()
        self._watcher.cancel()
        for connection, _ in self._free:
            self._open.discard(connection)
            await connection.close()
        self._free.clear()
        for _ in range(self._most):
            if self._room:
                self._room -= 1
            else:
                await self._wait()
        if self._impatient is not None:
            self._impatient.cancel()

    def terminate(self) -> None:
        """Cut all connections."""
        self._closing = True
        self._sweeper.cancel()
        self._watcher.cancel()
        for connection in self._open:
            connection.terminate()

    def get_size(self) -> int:
        """How many connections are open."""
        return len(self._open)

    def get_idle_size(self) -> int:
        """How many of them nobody uses."""
        return len(self._free)

    # What Tortoise calls -------------------------------------------------------------------------------------------

    async def acquire(self) -> PoolConnectionProxy:
        """A connection that is cut off from its user when it is given back: tasks may outlive a transaction."""
        return PoolConnectionProxy(self, await self.take())  # as its holder, with a _pool

    async def release(self, proxy: PoolConnectionProxy) -> None:
        """Give back what `acquire` gave."""
        connection = proxy._detach()
        if connection is not None:
            self.give_back(connection)

    @property
    def _pool(self) -> "Pool":
        return self

    def _drop_statement_cache(self) -> None:
        """A statement that was prepared before a table was altered: asyncpg says so once, for all connections."""
        for connection in self._open:
            connection._drop_local_statement_cache()

    # ---------------------------------------------------------------------------------------------------------------

    def _take_at_once(self) -> Connection | None:
        """A free one, if that is all that it takes."""
        found = self._take_free() if self._room and not self._closing else None
        if found is not None:
            self._room -= 1
        return found

    def _take_free(self) -> Connection | None:
        while self._free:
            connection, _ = self._free.pop()
            if not connection.is_closed():
                return connection
            self._open.discard(connection)
        return None

    async def _open_one(self) -> Connection:
        connection = await self._connect()
        self._open.add(connection)
        return connection

    async def _wait(self) -> None:
        """Until one of those who have a connection makes room, which is then ours."""
        future = self._loop.create_future()
        self._waiting.append((future, self._loop.time()))
        if self._impatient is None:
            self._impatient = self._loop.call_later(WAIT_SECONDS, self._give_up)
        try:
            await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled() and future.exception() is None:
                self._make_room()  # it was ours already
            raise

    def _make_room(self) -> None:
        while self._waiting:
            future, _ = self._waiting.popleft()
            if not future.done():
                future.set_result(None)
                return
        self._room += 1

    def _give_up(self) -> None:
        """Tell those who wait for too long. (One timer for all: it is seldom that anybody waits so long.)"""
        self._impatient = None
        now = self._loop.time()
        while self._waiting and self._waiting[0][1] <= now - WAIT_SECONDS + 0.001:
            future, _ = self._waiting.popleft()
            if not future.done():
                future.set_exception(
                    PoolExhausted(
                        f"all {self._most} connections to the database were in use for {WAIT_SECONDS:.0f} seconds"
                    )
                )
        if self._waiting:
            left = self._waiting[0][1] + WAIT_SECONDS - now
            self._impatient = self._loop.call_later(max(left, 0), self._give_up)

    async def _settle(self, connection: Connection) -> None:
        """Wait until PostgreSQL has heard that a statement is cancelled, and roll back what was left open."""
        try:
            async with asyncio.timeout(SETTLE_SECONDS):
                await connection._protocol._wait_for_cancellation(None)
                await connection._reset()
                await _forget_unknown(connection)
        except BaseException:
            connection.terminate()
            self._end(connection)
        else:
            if connection.is_closed() or self._closing:
                self._end(connection)
            else:
                self._free.append((connection, self._loop.time()))
        finally:
            self._make_room()

    def _end(self, connection: Connection) -> None:
        self._open.discard(connection)
        connection.terminate()

    def _sweep(self) -> None:
        """Close what was not used for long: the bottom of the stack."""
        self._sweeper = self._loop.call_later(SWEEP_SECONDS, self._sweep)
        since = self._loop.time() - IDLE_SECONDS
        while self._free and len(self._open) > self._least and self._free[0][1] < since:
            self._end(self._free.pop(0)[0])

    def _watch(self) -> None:
        """Cut what has not answered for too long. PostgreSQL ends long statements itself: nobody is at the other end."""
        self._watcher = self._loop.call_later(WATCH_SECONDS, self._watch)
        if self._patience is not None:
            since = self._loop.time() - self._patience
            for connection in [each for each, asked in self._asked.items() if asked < since]:
                connection.terminate()


class Client(AsyncpgDBClient):
    """Tortoise's client, on this pool."""

    async def create_pool(self, **options: Any) -> Any:
        """Called by Tortoise when the first statement is to be sent."""
        least, most = options.pop("min_size"), options.pop("max_size")
        connect = options.pop("connect", asyncpg.connect)
        options.pop("loop")

        async def connect_anew() -> Connection:
            return await connect(**options)

        pool = Pool(connect_anew, least=least, most=most, patience=options.get("command_timeout"))
        pool.give_back(await pool.take())  # so that what is wrong with the address shows now
        return pool


async def opened(client: Any) -> Pool:
    """The pool of a client that has not sent anything yet."""
    async with client._pool_init_lock:
        if client._pool is None:
            await client.create_connection(with_db=True)
    pool: Pool = client._pool
    return pool


def _busy(connection: Connection) -> bool:
    """True when something was left open there, or PostgreSQL has yet to hear that a statement is cancelled."""
    return (
        connection._top_xact is not None
        or connection._protocol.is_in_transaction()
        or connection._protocol._is_cancelling()
    )


async def _forget_unknown(connection: Connection) -> None:
    """Let PostgreSQL forget statements of which nobody knows: whoever was cancelled while they were prepared, or closed.

    They would be kept as long as the connection is.
    """
    if not connection._stmt_cache_enabled:  # none has a name, and a pooler may show us those of others
        return
    there = await connection.fetch("SELECT name FROM pg_prepared_statements")
    known = {each.name for each in (*connection._stmt_cache.iter_statements(), *connection._stmts_to_close)}
    lost = [name for (name,) in there if name.startswith("__asyncpg_") and name not in known]
    if lost:
        await connection.execute("; ".join(f'DEALLOCATE "{name}"' for name in lost))


def _ask(connection: Connection, sql: str, args: tuple[object, ...]) -> Awaitable[list[asyncpg.Record]]:
    """The rows. A statement that asyncpg has prepared is sent as its `fetch` would, without the timer and four calls."""
    statement = connection._stmt_cache.get((sql, asyncpg.Record, False))
    rows: Awaitable[list[asyncpg.Record]] = (
        connection.fetch(sql, *args)
        if statement is None
        else connection._protocol.bind_execute(statement, args, "", 0, False, NO_TIMEOUT)
    )
    return rows


def _reads(sql: str) -> bool:
    return sql.lstrip()[:6].upper() == "SELECT"


client_class = Client
"""By which Tortoise finds it: the `engine` of a connection is a module."""
