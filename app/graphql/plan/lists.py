"""Plans of lists: at the root, or below all rows of another level at once."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any

from app.database import fetch_records
from app.graphql.connections import ConnectionOf, ListOf, list_page, list_query, narrowing
from app.graphql.ids import page_cursor
from app.graphql.pages import PageInfo, PageRequest, page_info, under
from app.graphql.plan.arguments import Arguments
from app.graphql.plan.running import Asked, Lists, Place, Record, Statements, Table
from app.graphql.plan.statements import (
    Cut,
    Rows,
    Statement,
    bound_values,
    count_statement,
    counts_statement,
    ids_value,
    page_statement,
    pages_statement,
)

ARGUMENTS_KEPT = 64
LONGEST_KEPT = 2000  # characters of variables


class RecordPage:
    """A page of records; `places` are those of the columns that it is ordered by."""

    __slots__ = ("_more", "_places", "_request", "rows")

    def __init__(self, rows: list[Any], request: PageRequest, places: tuple[Place, ...]) -> None:
        self._request, self._places = request, places
        limit = request.limit
        self._more = len(rows) > limit
        self.rows = rows[:limit] if self._more else rows
        if request.backward:
            self.rows.reverse()

    def cursor(self, row: Any) -> str:
        """The place of a row."""
        return page_cursor(self._request.order, [plain(row[at]) for at, plain in self._places])

    @property
    def page_info(self) -> PageInfo:
        """Where it stands in its list."""
        ends = [self.cursor(row) for row in (self.rows[0], self.rows[-1])] if self.rows else [None, None]
        return page_info(self._request, ends, more=self._more)


RenderPage = Callable[[Sequence[Record], Lists, Asked, RecordPage | None, int | None], Any]


@dataclass
class ReadList:
    """A list."""

    of: ConnectionOf | ListOf
    table: Table
    arguments: Arguments
    render: RenderPage
    reads_rows: bool = True
    counts: bool = False
    tells_places: bool = False
    """True when cursors are selected, or whether there are more rows, for which one more has to be read."""
    counted: Statements = field(default_factory=Statements)
    known: dict[str, tuple[dict[str, Any], PageRequest, str]] = field(default_factory=dict)
    """What was made of arguments before, which takes longer than all else here."""

    async def value(self, asked: Asked) -> Any:
        """The page, at the root."""
        arguments, request, key = self._asked_for(asked)
        rows: Sequence[Record] = ()
        count = None
        if self.reads_rows:
            statement = self.table.statements.get(
                (key, _kind(request)), lambda: self._write(asked, arguments, request, None)
            )
            rows = await fetch_records(statement.sql, *statement.values, *bound_values(request))
        if self.counts:
            statement = self.counted.get(key, lambda: self._write_count(asked, arguments, None))
            count = (await fetch_records(statement.sql, *statement.values))[0][0]
        (shown,), pages = self._cut([list(rows)], request)
        lists = await self.table.below(asked, shown)
        return self.render(shown, lists, asked, next(iter(pages)), count)

    async def under(self, asked: Asked, parents: list[Any]) -> dict[Any, Any]:
        """Parent → its page."""
        arguments, request, key = self._asked_for(asked)
        named = [str(each) for each in parents] if getattr(self.of, "as_text", False) else parents
        kind, ids = type(named[0]), ids_value(named)
        rows: Sequence[Record] = ()
        counts: dict[Any, int] = {}
        if self.reads_rows:
            statement = self.table.statements.get(
                (key, _kind(request)), lambda: self._write(asked, arguments, request, kind)
            )
            rows = await fetch_records(statement.sql, *statement.values, *bound_values(request), ids)
        if self.counts:
            statement = self.counted.get(key, lambda: self._write_count(asked, arguments, kind))
            counts = {row[0]: row[1] for row in await fetch_records(statement.sql, *statement.values, ids)}
        found: dict[Any, list[Any]] = {each: [] for each in named}
        for row in rows:
            found[row[-1]].append(row)
        shown, pages = self._cut(list(found.values()), request)
        lists: Lists = []
        if self.table.lists:
            lists = await self.table.below(asked, [row for there in shown for row in there])
        render, count = self.render, counts.get
        return {
            parent: render(there, lists, asked, page, count(name))
            for parent, name, there, page in zip(parents, named, shown, pages, strict=False)
        }

    def _cut(
        self, found: list[list[Record]], request: PageRequest
    ) -> tuple[list[list[Record]], Iterable[RecordPage | None]]:
        """The rows of each page that has been read; and where each stands, if that is told."""
        if self.tells_places:
            places = self._keys(request)[1]
            pages = [RecordPage(rows, request, places) for rows in found]
            return [page.rows for page in pages], pages
        if request.backward:
            for rows in found:
                rows.reverse()
        return found, repeat(None)

    def _asked_for(self, asked: Asked) -> tuple[dict[str, Any], PageRequest, Hashable]:
        """The arguments, the page that they mean, and what tells the list from others."""
        word = self.arguments.word(asked.variables)
        known = self.known.get(word)
        if known is None:
            arguments = self.arguments.values(asked.variables)
            known = arguments, list_page(self.of, arguments), narrowing(self.of, arguments)
            if len(self.known) >= ARGUMENTS_KEPT:
                self.known.clear()
            if len(word) <= LONGEST_KEPT:
                self.known[word] = known
        arguments, request, narrowed = known
        return arguments, request, (asked.rights, narrowed)

    def _keys(self, request: PageRequest) -> tuple[list[str], tuple[Place, ...]]:
        """The cells that are only there for cursors, and where what is in cursors stands."""
        return self.table.keys(request) if self.tells_places else ([], ())

    def _rows(
        self, asked: Asked, arguments: dict[str, Any], columns: Sequence[str], kind: type | None
    ) -> Rows:
        query = list_query(asked.viewer, self.of, arguments, below=kind is not None)
        return Rows.of(query if kind is None else under(query, self.of.parent or ""), columns)

    def _write(
        self, asked: Asked, arguments: dict[str, Any], request: PageRequest, kind: type | None
    ) -> Statement:
        rows = self._rows(asked, arguments, self.table.columns(request), kind)
        level = self.table.level(asked.viewer, self._keys(request)[0])
        # One more than are shown says whether there are more.
        cut = Cut.of(request, self.of.model, self.of.parent if kind else None, and_one_more=self.tells_places)
        if kind is None:
            return page_statement(rows, request, cut, level)
        return pages_statement(rows, request, cut, level, kind)

    def _write_count(self, asked: Asked, arguments: dict[str, Any], kind: type | None) -> Statement:
        rows = self._rows(asked, arguments, ["id"], kind)
        return count_statement(rows) if kind is None else counts_statement(rows, kind)


@dataclass
class UnderRows:
    """A list below the rows of another level, whose ids are at that place."""

    at: int
    list: ReadList

    async def of(self, asked: Asked, rows: Sequence[Record]) -> dict[Any, Any]:
        """By the rows' ids: their pages."""
        at = self.at
        parents = {row[at]: None for row in rows}  # each once, in their order
        parents.pop(None, None)
        return await self.list.under(asked, [*parents]) if parents else {}


def _kind(request: PageRequest) -> Hashable:
    """What the text of a page's statement depends on, beside the list."""
    nulls = None if request.bound is None else tuple(value is None for value in request.bound)
    return request.keys, request.limit, request.backward, nulls
