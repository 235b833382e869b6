"""Many writers at the same time, each without a transaction: what they write goes into one statement, and costs a fraction."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from contextvars import Context
from typing import Generic, TypeVar

import asyncpg
from tortoise.exceptions import DBConnectionError

Item = TypeVar("Item")
Stored = TypeVar("Stored")
Store = Callable[[Sequence[Item]], Awaitable[list[Stored]]]
"""Stores all or none, and returns what became of each."""

Waiting = tuple[Sequence[Item], "asyncio.Future[list[Stored]]"]

Outcome = tuple["asyncio.Future[list[Stored]]", list[Stored] | Exception]

MANY = 8
"""So many writers are parted: while PostgreSQL stores what one half writes, the other half makes up what it writes next. Of
fewer, two parts cost more than the time that is gained."""
AWAY = (OSError, asyncpg.InterfaceError, asyncpg.PostgresConnectionError, DBConnectionError)
"""The database cannot be reached: whether it has stored anything nobody knows, so nothing is sent again."""


class Gatherings(Generic[Item, Stored]):
    """For each loop and key, those who write at the moment. `most` items go together, but those of one writer are not parted."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._busy: dict[Hashable, Gathering[Item, Stored]] = {}

    def of(self, store: Store[Item, Stored], *key: Hashable) -> "Gathering[Item, Stored]":
        """Where to `store` items now, with others of the same key."""
        where = asyncio.get_running_loop(), *key
        found = self._busy.get(where)
        if found is None:
            found = Gathering(store, self._most, lambda: self._busy.pop(where, None))
            self._busy[where] = found
        return found


class Gathering(Generic[Item, Stored]):
    """The first writer waits for nobody. Whoever writes meanwhile is stored together with the others of that time, in the order
    in which they came, one statement after the other; when one is refused, each by itself, so that nobody suffers from what
    another writes."""

    def __init__(
        self, store: Store[Item, Stored], most: int, idle: Callable[[], object] = lambda: None
    ) -> None:
        self._store = store
        self._most = most
        self._idle = idle
        self._waiting: list[Waiting[Item, Stored]] = []
        self._storing = False
        self._work: asyncio.Task[None] | None = None

    async def store(self, items: Sequence[Item]) -> list[Stored]:
        """Store these, all or none. Whoever is cancelled while waiting may or may not have stored them."""
        if self._storing:
            stored: asyncio.Future[list[Stored]] = asyncio.get_running_loop().create_future()
            self._waiting.append((items, stored))
            return await stored
        self._storing = True
        try:
            return await self._store(items)
        finally:
            if self._waiting:
                # In a context of its own: what the writer has open is no concern of the others.
                self._work = asyncio.get_running_loop().create_task(self._store_waiting(), context=Context())
            else:
                self._rest()

    async def _store_waiting(self) -> None:
        outcomes: list[Outcome[Stored]] = []
        try:
            while self._waiting or outcomes:
                writers = len(self._waiting) + len(outcomes)
                if writers < MANY:
                    _tell(outcomes)
                    outcomes = []
                    # Whoever was told just now may have more to write: with those who wait already, and not after them.
                    await asyncio.sleep(0)
                    outcomes = await self._store_part(self._next_part(writers))
                else:
                    part = self._next_part((writers + 1) // 2)
                    storing = asyncio.get_running_loop().create_task(self._store_part(part))
                    await asyncio.sleep(0)  # until its statement is on its way
                    _tell(outcomes)
                    outcomes = []
                    outcomes = await storing
        finally:
            _tell(outcomes)
            self._rest()

    def _rest(self) -> None:
        self._storing = False
        self._idle()

    def _next_part(self, writers: int) -> "list[Waiting[Item, Stored]]":
        """What so many writers wait for, if that is not too much, without those that have given up."""
        part: list[Waiting[Item, Stored]] = []
        size = 0
        while (
            self._waiting
            and len(part) < writers
            and (not part or size + len(self._waiting[0][0]) <= self._most)
        ):
            items, stored = self._waiting.pop(0)
            if not stored.done():
                part.append((items, stored))
                size += len(items)
        return part

    async def _store_part(self, part: "Sequence[Waiting[Item, Stored]]") -> "list[Outcome[Stored]]":
        if not part:
            return []
        try:
            rows = await self._store([item for items, _ in part for item in items])
        except Exception as error:
            if len(part) > 1 and not isinstance(error, AWAY):
                return [outcome for each in part for outcome in await self._store_part([each])]
            return [(stored, error) for _, stored in part]
        outcomes: list[Outcome[Stored]] = []
        start = 0
        for items, stored in part:
            outcomes.append((stored, rows[start : start + len(items)]))
            start += len(items)
        return outcomes


def _tell(outcomes: "Sequence[Outcome[Stored]]") -> None:
    for stored, outcome in outcomes:
        if stored.done():
            continue
        if isinstance(outcome, Exception):
            stored.set_exception(outcome)
        else:
            stored.set_result(outcome)
