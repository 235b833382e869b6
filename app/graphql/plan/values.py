"""How values are shown that are no rows: scalars, lists, objects of plain attributes; and rows that such objects name.

What needs no rows is shown at once. What does is shown for many values together, with a statement for all of them.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from app.graphql.plan.declared import Declined
from app.graphql.plan.leaves import Convert
from app.graphql.plan.running import Asked, Below, Record

Together = Callable[[Asked, Sequence[Any]], Awaitable[list[Any]]]


class Shown:
    """How values of one type are shown: `at_once`, or `together` where rows have to be read."""

    def __init__(self, at_once: Convert | None = None, together: Together | None = None) -> None:
        self.at_once = at_once
        self._together = together

    async def all(self, asked: Asked, values: Sequence[Any]) -> list[Any]:
        """What is shown of each value."""
        if self.at_once is not None:
            return [self.at_once(value) for value in values]
        assert self._together is not None
        return await self._together(asked, values)

    def of(self, part: Convert) -> "Shown":
        """How the values are shown of which this is a part."""
        at_once = self.at_once
        if at_once is not None:
            return Shown(lambda value: at_once(part(value)))
        return Shown(together=lambda asked, values: self.all(asked, [part(value) for value in values]))

    def after(self, check: Convert) -> "Shown":
        """The same, put through a function."""
        at_once = self.at_once
        if at_once is not None:
            return Shown(lambda value: check(at_once(value)))

        async def together(asked: Asked, values: Sequence[Any]) -> list[Any]:
            return [check(each) for each in await self.all(asked, values)]

        return Shown(together=together)


def listed(item: Shown) -> Shown:
    """Lists of what is shown so."""
    at_once = item.at_once
    if at_once is not None:
        return Shown(lambda value: None if value is None else [at_once(each) for each in _as_list(value)])

    async def together(asked: Asked, values: Sequence[Any]) -> list[Any]:
        flat = [each for value in values if value is not None for each in _as_list(value)]
        shown = iter(await item.all(asked, flat))
        return [None if value is None else [next(shown) for _ in value] for value in values]

    return Shown(together=together)


def displayed(entries: Sequence[tuple[str, Shown]]) -> Shown:
    """Objects of these entries."""
    simple = [(key, shown.at_once) for key, shown in entries if shown.at_once is not None]
    if len(simple) == len(entries):
        return Shown(lambda value: None if value is None else {key: show(value) for key, show in simple})

    async def together(asked: Asked, values: Sequence[Any]) -> list[Any]:
        there = [value for value in values if value is not None]
        columns = [await shown.all(asked, there) for _, shown in entries]
        keys = [key for key, _ in entries]
        made = iter([dict(zip(keys, row, strict=True)) for row in zip(*columns, strict=True)])
        return [None if value is None else next(made) for value in values]

    return Shown(together=together)


def _as_list(value: Any) -> Any:
    if not isinstance(value, list | tuple):
        raise Declined("a list that is none")
    return value


@dataclass
class ReadTold:
    """A root field whose value a function finds."""

    load: Callable[[Asked], Awaitable[Any]]
    shown: Shown

    async def value(self, asked: Asked) -> Any:
        """The value, as it goes into `data`."""
        return (await self.shown.all(asked, [await self.load(asked)]))[0]


@dataclass
class ReadBatched(Below):
    """A field whose values a function finds for all rows of a level; their ids are at that place."""

    at: int
    make: Callable[[Record], Any]
    load: Callable[[Asked, Sequence[Any]], Awaitable[Any]]
    shown: Shown

    async def of(self, asked: Asked, rows: Sequence[Record]) -> dict[Any, Any]:
        """By the rows' ids: what is shown."""
        there = {row[self.at]: row for row in rows if row[self.at] is not None}
        found = await self.load(asked, [self.make(row) for row in there.values()]) if there else {}
        shown = await self.shown.all(asked, [found.get(id) for id in there])
        return dict(zip(there, shown, strict=True))
