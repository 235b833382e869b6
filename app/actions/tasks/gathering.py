"""Many senders at the same time, each without a transaction: what they send goes into one statement, and costs a tenth."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from weakref import WeakKeyDictionary

import asyncpg
from tortoise.exceptions import DBConnectionError

from app.tasks.messages import Enqueued, NewTask

MOST = 1000
"""So many tasks are stored together, but for those of one sender, which are never parted."""
AWAY = (OSError, asyncpg.InterfaceError, asyncpg.PostgresConnectionError, DBConnectionError)
"""The database cannot be reached: whether it has stored anything nobody knows, so nothing is sent again."""

Store = Callable[[Sequence[NewTask]], Awaitable[list[Enqueued]]]
Waiting = tuple[Sequence[NewTask], "asyncio.Future[list[Enqueued]]"]


class Gathering:
    """The first sender waits for nobody. Whoever sends meanwhile is stored together with the others of that time; when
    that is refused, each by itself, so that nobody suffers from what another sends."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: list[Waiting] = []
        self._storing = False
        self._work: asyncio.Task[None] | None = None

    async def store(self, tasks: Sequence[NewTask]) -> list[Enqueued]:
        """Store these, all or none. Whoever is cancelled while waiting may or may not have sent them."""
        if self._storing:
            stored: asyncio.Future[list[Enqueued]] = asyncio.get_running_loop().create_future()
            self._waiting.append((tasks, stored))
            return await stored
        self._storing = True
        try:
            return await self._store(tasks)
        finally:
            if self._waiting:
                # In a context of its own: what the sender has open is no concern of the others.
                self._work = asyncio.get_running_loop().create_task(self._store_waiting(), context=Context())
            else:
                self._storing = False

    async def _store_waiting(self) -> None:
        try:
            while part := self._next_part():
                await self._store_part(part)
                # Whoever was told just now may have more to send: with those who wait already, and not after them.
                await asyncio.sleep(0)
        finally:
            self._storing = False

    def _next_part(self) -> list[Waiting]:
        part: list[Waiting] = []
        size = 0
        while self._waiting and (not part or size + len(self._waiting[0][0]) <= MOST):
            tasks, stored = self._waiting.pop(0)
            if not stored.done():
                part.append((tasks, stored))
                size += len(tasks)
        return part

    async def _store_part(self, part: list[Waiting]) -> None:
        try:
            rows = await self._store([task for tasks, _ in part for task in tasks])
        except Exception as error:
            if len(part) > 1 and not isinstance(error, AWAY):
                for each in part:
                    await self._store_part([each])
                return
            for _, stored in part:
                if not stored.done():
                    stored.set_exception(error)
            return
        start = 0
        for tasks, stored in part:
            if not stored.done():
                stored.set_result(rows[start : start + len(tasks)])
            start += len(tasks)


def gathering(store: Store) -> Gathering:
    """That of the running loop."""
    loop = asyncio.get_running_loop()
    found = _gatherings.get(loop)
    if found is None:
        found = _gatherings[loop] = Gathering(store)
    return found


_gatherings: WeakKeyDictionary[asyncio.AbstractEventLoop, Gathering] = WeakKeyDictionary()
