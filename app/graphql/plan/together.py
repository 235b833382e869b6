"""One row for each of several requests: those that ask for rows alike in the same turn of the loop are read by one statement.

To send a statement, and to be woken for its answer, is half of what a request for one object costs. Nobody waits for that: the
first to ask lets the turn end, and takes along who came by then. A server with little to do has one who asks in a turn.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Any

from app.graphql.plan.running import Asked, Record

MOST = 50
"""So many ids are in one statement at most."""

Find = Callable[[Asked, Sequence[Any]], Awaitable[dict[Any, Record]]]
"""The rows with these ids, by their ids, of those that the one who asks may see."""

_AGAIN: Any = object()
"""What the others get when the one who read for them was cancelled."""


class Together:
    """Reads rows by `find`, for all who ask with equal rights in one turn."""

    def __init__(self, find: Find) -> None:
        self._find = find
        self._asking: dict[Hashable, dict[Any, list[asyncio.Future[Any]]]] = {}

    async def row(self, asked: Asked, id: Any) -> Record | None:
        """The row with that id, if it is there for the one who asks."""
        found = _AGAIN
        while found is _AGAIN:
            others = self._asking.get(asked.rights)
            if others is None or len(others) >= MOST:
                return await self._read(asked, id)
            future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
            others.setdefault(id, []).append(future)
            found = await future
        row: Record | None = found
        return row

    async def _read(self, asked: Asked, id: Any) -> Record | None:
        """The row; and those that others ask for until the turn ends, who are told."""
        asking: dict[Any, list[asyncio.Future[Any]]] = {id: []}
        self._asking[asked.rights] = asking
        try:
            await asyncio.sleep(0)
            self._end(asked, asking)
            rows = await self._find(asked, list(asking))
        except Exception as error:
            for future in _left(asking):
                future.set_exception(error)
            raise
        except BaseException:
            self._end(asked, asking)
            for future in _left(asking):
                future.set_result(_AGAIN)
            raise
        for wanted, futures in asking.items():
            for future in futures:
                if not future.done():
                    future.set_result(rows.get(wanted))
        return rows.get(id)

    def _end(self, asked: Asked, asking: object) -> None:
        """Who comes from now on is not among these."""
        if self._asking.get(asked.rights) is asking:
            del self._asking[asked.rights]


def _left(asking: dict[Any, list[asyncio.Future[Any]]]) -> list[asyncio.Future[Any]]:
    """Those who have not gone away."""
    return [future for futures in asking.values() for future in futures if not future.done()]
