"""Plans, as they run: read a level, read the lists below it for all of its rows at once, render.

A plan holds no viewer and no value: those come with each request, in `Asked`.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from graphql.execution.values import VariableValues

from app.access import Viewer
from app.database import fetch_records
from app.graphql.connections import ConnectionOf, ListOf, list_page, list_query, narrowing
from app.graphql.ids import page_cursor, row_id
from app.graphql.pages import Page, PageRequest, plain_value, whole_list
from app.graphql.plan.arguments import Arguments
from app.graphql.plan.declared import Declined
from app.graphql.plan.statements import (
    PAGE,
    Join,
    Level,
    Rows,
    Statement,
    bound_values,
    count_statement,
    counts_statement,
    one_statement,
    page_statement,
    pages_statement,
    under,
)
from app.models import Entity

STATEMENTS_KEPT = 64
ARGUMENTS_KEPT = 64
LONGEST_KEPT = 2000  # characters of variables

Record = Sequence[Any]
Lists = list[dict[Any, Any]]


class Asked:
    """One request to a plan: who asks, and with which variables."""

    def __init__(self, viewer: Viewer, variables: VariableValues) -> None:
        self.viewer = viewer
        self.variables = variables
        # What visible_to() may depend on.
        self.rights: Hashable = (viewer.sharing_key, viewer.token_id, viewer.system)


class Read(Protocol):
    """What answers a root field."""

    async def value(self, asked: Asked) -> Any:
        """The field's value, as it goes into `data`."""


class Statements:
    """The statements of one level that were written, for those who ask the same with other values. Bounded."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Hashable, Statement] = OrderedDict()

    def get(self, key: Hashable, write: Callable[[], Statement]) -> Statement:
        """The statement for that key; `write` makes it."""
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
            return found
        found = write()
        if found.timeless:
            self._kept[key] = found
            if len(self._kept) > STATEMENTS_KEPT:
                self._kept.popitem(last=False)
        return found


@dataclass
class Joined:
    """A table that is joined to a level: those of its rows that the viewer may see."""

    alias: str
    model: type[Entity]
    own: str
    other_alias: str
    theirs: str
    columns: dict[str, None] = field(default_factory=dict)


class Table:
    """A level: a table, what is joined to its rows, and the lists below them."""

    def __init__(self, model: type[Entity]) -> None:
        self.model = model
        self.statements = Statements()
        self.lists: list[tuple[int, ReadList]] = []
        self._cells: dict[tuple[str, str], int] = {}
        self._columns: dict[str, None] = {"id": None}
        self._joined: dict[str, Joined] = {}

    def cell(self, alias: str, column: str) -> int:
        """The place of a column in the rows."""
        self._need(alias, column)
        return self._cells.setdefault((alias, column), len(self._cells))

    def join(self, model: type[Entity], own: str, other_alias: str, theirs: str) -> str:
        """Join the row of the model whose `own` column equals the other's. The alias that it has now."""
        alias = f'"$join{len(self._joined) + 1}"'
        self._need(other_alias, theirs)
        self._joined[alias] = Joined(alias, model, own, other_alias, theirs, {"id": None, own: None})
        return alias

    def model_at(self, alias: str) -> type[Entity]:
        """Which model the alias has rows of."""
        return self.model if alias == PAGE else self._joined[alias].model

    def level(self, viewer: Viewer) -> Level:
        """What to read, for that viewer."""
        joins = [
            Join(
                each.alias,
                Rows.visible(each.model, viewer, list(each.columns)),
                each.own,
                each.other_alias,
                each.theirs,
            )
            for each in self._joined.values()
        ]
        return Level(list(self._cells), joins)

    def columns(self, request: PageRequest | None = None) -> list[str]:
        """The columns that its own rows must have: for a page also those that it is ordered by."""
        keys = [key.column for key in request.keys] if request is not None else []
        return list(dict.fromkeys([*self._columns, *keys]))

    @property
    def width(self) -> int:
        """How many cells a row has, before the columns that it is ordered by."""
        return len(self._cells)

    async def below(self, asked: Asked, rows: Sequence[Record]) -> Lists:
        """For each list below: parent → what it has there."""
        found: Lists = []
        for at, each in self.lists:
            parents = list(dict.fromkeys(row[at] for row in rows if row[at] is not None))
            found.append(await each.under(asked, parents) if parents else {})
        return found

    def _need(self, alias: str, column: str) -> None:
        columns = self._columns if alias == PAGE else self._joined[alias].columns
        columns[column] = None


@dataclass
class ReadOne:
    """One row, found by what an argument says."""

    table: Table
    by: str
    arguments: Arguments
    render: Callable[[Record, Lists], Any]

    async def value(self, asked: Asked) -> Any:
        """The object, or None."""
        wanted = self.arguments.values(asked.variables)[self.by]
        model = self.table.model
        if self.by == "id":
            wanted = row_id(wanted, model, ("id",))
        elif len(wanted) > model._meta.fields_map[self.by].max_length:
            return None
        statement = self.table.statements.get(asked.rights, lambda: self._write(asked))
        rows = await fetch_records(statement.sql, *statement.values, wanted)
        if not rows:
            return None
        return self.render(rows[0], await self.table.below(asked, rows))

    def _write(self, asked: Asked) -> Statement:
        table, viewer = self.table, asked.viewer
        columns = list(dict.fromkeys([*table.columns(), self.by]))
        return one_statement(Rows.visible(table.model, viewer, columns), self.by, table.level(viewer))


class RecordPage(Page):
    """A page of records, whose cells from `start` on are what the page is ordered by."""

    def __init__(self, rows: list[Any], request: PageRequest, start: int) -> None:
        super().__init__(rows, request, _not_counted)
        self._start = start

    def _cursor(self, row: Any) -> Any:
        keys = range(self._start, self._start + len(self._request.keys))
        return page_cursor(self._request.order, [plain_value(row[at]) for at in keys])

    def cursor(self, row: Any) -> str:
        """The place of a row."""
        return str(self._cursor(row))


async def _not_counted() -> int:
    raise Declined("a page of records counts nothing")


RenderPage = Callable[[RecordPage, Lists, int | None], Any]


@dataclass
class ReadList:
    """A list: at the root, or below the rows of another level."""

    of: ConnectionOf | ListOf
    table: Table
    arguments: Arguments | None = None
    render: RenderPage = lambda page, lists, count: page.nodes
    reads_rows: bool = True
    counts: bool = False
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
        page = RecordPage(list(rows), request, self.table.width)
        return self.render(page, await self.table.below(asked, page.nodes), count)

    async def under(self, asked: Asked, parents: list[Any]) -> dict[Any, Any]:
        """Parent → its page."""
        arguments, request, key = self._asked_for(asked)
        named = [str(each) for each in parents] if getattr(self.of, "as_text", False) else parents
        kind = type(named[0])
        rows: Sequence[Record] = ()
        counts: dict[Any, int] = {}
        if self.reads_rows:
            statement = self.table.statements.get(
                (key, _kind(request)), lambda: self._write(asked, arguments, request, kind)
            )
            rows = await fetch_records(statement.sql, *statement.values, *bound_values(request), named)
        if self.counts:
            statement = self.counted.get(key, lambda: self._write_count(asked, arguments, kind))
            counts = {row[0]: row[1] for row in await fetch_records(statement.sql, *statement.values, named)}
        found: dict[Any, list[Any]] = {each: [] for each in named}
        for row in rows:
            found[row[-1]].append(row)
        pages = {each: RecordPage(found[each], request, self.table.width) for each in named}
        shown = [row for page in pages.values() for row in page.nodes]
        lists = await self.table.below(asked, shown)
        return {
            parent: self.render(pages[name], lists, counts.get(name))
            for parent, name in zip(parents, named, strict=True)
        }

    def _asked_for(self, asked: Asked) -> tuple[dict[str, Any], PageRequest, Hashable]:
        """The arguments, the page that they mean, and what tells the list from others."""
        of = self.of
        if isinstance(of, ListOf):
            return {}, whole_list(of.model, of.order, of.most), asked.rights
        assert self.arguments is not None
        word = self.arguments.word(asked.variables)
        known = self.known.get(word)
        if known is None:
            arguments = self.arguments.values(asked.variables)
            known = arguments, list_page(of, arguments), narrowing(of, arguments)
            if len(self.known) >= ARGUMENTS_KEPT:
                self.known.clear()
            if len(word) <= LONGEST_KEPT:
                self.known[word] = known
        arguments, request, narrowed = known
        return arguments, request, (asked.rights, narrowed)

    def _rows(
        self, asked: Asked, arguments: dict[str, Any], columns: Sequence[str], kind: type | None
    ) -> Rows:
        of = self.of
        if isinstance(of, ListOf):
            query = of.model.visible_to(asked.viewer).filter(of.only())
        else:
            query = list_query(asked.viewer, of, arguments)
        return Rows.of(query if kind is None else under(query, of.parent or ""), columns)

    def _write(
        self, asked: Asked, arguments: dict[str, Any], request: PageRequest, kind: type | None
    ) -> Statement:
        rows = self._rows(asked, arguments, self.table.columns(request), kind)
        level = self.table.level(asked.viewer)
        if kind is None:
            return page_statement(rows, request, level)
        return pages_statement(rows, request, level, kind)

    def _write_count(self, asked: Asked, arguments: dict[str, Any], kind: type | None) -> Statement:
        rows = self._rows(asked, arguments, ["id"], kind)
        return count_statement(rows) if kind is None else counts_statement(rows, kind)


def _kind(request: PageRequest) -> Hashable:
    """What the text of a page's statement depends on, beside the list."""
    nulls = None if request.bound is None else tuple(value is None for value in request.bound)
    return request.keys, request.limit, request.backward, nulls
