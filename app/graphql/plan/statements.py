"""SQL of a level: the rows of one table, narrowed, ordered and cut, with what is joined to them by foreign keys.

`Rows` is the only place where a table is read from. It takes a queryset that begins with `visible_to`, but for rows that are
seen by whoever sees the rows that they hang off: the models say so (`Entity.seen_with`, `Entity.shows`).
Names that start with a dollar sign are ours; neither columns nor Tortoise's aliases can be like them.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from enum import Enum
from functools import cache
from typing import Any

import orjson
from tortoise.queryset import QuerySet

from app.access import Viewer
from app.graphql.pages import Key, PageRequest, beyond
from app.models import Entity

_PARAMETER = re.compile(r"\$(\d+)")
PAGE, BASE, PARENT, ROW = '"$page"', '"$base"', '"$parent"', '"$row"'
KINDS: dict[type, str] = {str: "text"}


@dataclass(frozen=True)
class Rows:
    """Rows that a viewer may see, as Tortoise writes it."""

    sql: str
    values: tuple[Any, ...]

    @classmethod
    def of(cls, query: QuerySet[Any], columns: Sequence[str]) -> "Rows":
        """These columns of the rows of a query."""
        query = query.only(*columns)
        query._make_query()
        sql, values = query.query.get_parameterized_sql()
        return cls(sql, tuple(values))

    @classmethod
    def visible(cls, model: type[Entity], viewer: Viewer, columns: Sequence[str]) -> "Rows":
        """These columns of all that the viewer may see."""
        return cls.of(model.visible_to(viewer), columns)

    @classmethod
    def shown(cls, model: type[Entity], columns: Sequence[str]) -> "Rows":
        """The same of all rows: to join to rows whose model says that who may see those may see these."""
        return cls.of(model.all(), columns)


@dataclass(frozen=True)
class Statement:
    """Text, and the values of its first parameters; those that differ from request to request come after them."""

    sql: str
    values: tuple[Any, ...]

    @property
    def timeless(self) -> bool:
        """False when an instant is in it, which may be that of its making: it must not be used again then."""
        return not any(isinstance(value, datetime | date | time) for value in self.values)


@dataclass(frozen=True)
class Join:
    """Rows that are joined to others, at most one to each: `own` column equals `theirs` of another alias."""

    alias: str
    rows: Rows
    own: str
    other_alias: str
    theirs: str


class Writer:
    """Puts a statement together and numbers its parameters."""

    def __init__(self) -> None:
        self.values: list[Any] = []

    def put(self, rows: Rows) -> str:
        """The text of these rows, whose parameters come after those that are there."""
        before = len(self.values)
        self.values += rows.values
        return _PARAMETER.sub(lambda found: f"${int(found[1]) + before}", rows.sql)


@dataclass(frozen=True)
class Level:
    """What one statement reads: cells of the page's rows and of what is joined to them."""

    cells: Sequence[str]
    joins: Sequence[Join] = field(default_factory=tuple)


@dataclass(frozen=True)
class Cut:
    """How the rows of a page are put in order, and how many of them are read."""

    keys: Sequence[Key]
    rows: int

    @classmethod
    def of(cls, request: PageRequest, model: type[Entity], parent: object, *, and_one_more: bool) -> "Cut":
        """By the keys of the page, but for those that decide nothing, because no two rows are equal in what comes before them.

        Then rows come as an index has them. `parent` is the column in which all rows of one list are equal, if it is one.
        """
        equal, keys = {parent}, list(request.keys)
        for at, key in enumerate(keys):
            if key.nullable:
                break
            equal.add(key.column)
            if any(unique <= equal for unique in _unique(model)):
                keys = keys[: at + 1]
                break
        return cls(keys, request.limit + and_one_more)


@cache
def _unique(model: type[Entity]) -> list[set[str]]:
    """Columns in which no two rows of the model are equal."""
    meta = model._meta
    together = [
        {meta.fields_map[name].source_field or name for name in each} for each in meta.unique_together
    ]
    alone = [{name} for name in meta.fields_db_projection if meta.fields_map[name].unique]
    return [*together, *alone]


def one_statement(base: Rows, column: str, level: Level) -> Statement:
    """The row whose column has the value that is the last parameter."""
    writer = Writer()
    page = writer.put(base)
    joins = _joins(writer, level)
    wanted = f"${len(writer.values) + 1}"
    return Statement(
        f"SELECT {_cells(level)} FROM (SELECT * FROM ({page}) AS {BASE} WHERE {_name(column)} = {wanted} LIMIT 1)"
        f" AS {PAGE}{joins}",
        tuple(writer.values),
    )


def many_statement(
    base: Rows, level: Level, kind: type, id_tells: tuple[str, str] | None = None
) -> Statement:
    """The rows whose ids are in the last parameter; `id_tells` is their model's."""
    writer = Writer()
    page = writer.put(base)
    joins = _joins(writer, level)
    ids = _ids(len(writer.values) + 1, kind)
    told = ""
    if id_tells is not None:
        column, function = id_tells
        told = f" AND {_name(column)} = ANY(ARRAY(SELECT {function}(id) FROM unnest({ids}) AS id))"
    return Statement(
        f'SELECT {_cells(level)} FROM (SELECT * FROM ({page}) AS {BASE} WHERE "id" = ANY({ids}){told}) AS {PAGE}{joins}',
        tuple(writer.values),
    )


def page_statement(base: Rows, request: PageRequest, cut: Cut, level: Level) -> Statement:
    """A page of one list; its bound comes last."""
    writer = Writer()
    page = writer.put(base)
    joins = _joins(writer, level)
    page = _page(page, request, cut, len(writer.values))
    order = f" ORDER BY {_order(request, cut, PAGE + '.')}" if joins else ""
    sql = f"SELECT {_cells(level)} FROM ({page}) AS {PAGE}{joins}{order}"
    return Statement(sql, tuple(writer.values))


def pages_statement(base: Rows, request: PageRequest, cut: Cut, level: Level, kind: type) -> Statement:
    """A page under each of the parents, who are the last parameter, after the bound. A row's last cell is its parent."""
    writer = Writer()
    page = writer.put(base)
    joins = _joins(writer, level)
    page = _page(page, request, cut, len(writer.values))
    parents = _ids(len(writer.values) + len(bound_values(request)) + 1, kind)
    # Joined inside, for each parent, it keeps its order by itself; outside, all rows would be sorted once more.
    order = f" ORDER BY {_order(request, cut, PAGE + '.')}" if joins else ""
    rows = f"SELECT {_cells(level)} FROM ({page}) AS {PAGE}{joins}{order}"
    return Statement(
        f"SELECT {ROW}.*, parent.id AS {PARENT} FROM unnest({parents}) AS parent(id) CROSS JOIN LATERAL ({rows}) AS {ROW}",
        tuple(writer.values),
    )


def count_statement(base: Rows) -> Statement:
    """How many rows a list has."""
    return Statement(f"SELECT count(*) FROM ({base.sql}) AS {BASE}", base.values)


def counts_statement(base: Rows, kind: type) -> Statement:
    """How many rows there are under each of the parents, who are the last parameter: parent and number."""
    parents = _ids(len(base.values) + 1, kind)
    return Statement(
        f"SELECT parent.id, (SELECT count(*) FROM ({base.sql}) AS {BASE}) FROM unnest({parents}) AS parent(id)",
        base.values,
    )


def bound_values(request: PageRequest) -> list[Any]:
    """The values in a page's bound, as parameters."""
    return [
        value.value if isinstance(value, Enum) else value
        for value in request.bound or ()
        if value is not None
    ]


def ids_value(ids: Sequence[Any]) -> Any:
    """Ids as a parameter: numbers as one text, of which asyncpg's way to write an array would be most of the work."""
    return f"{{{orjson.dumps(ids)[1:-1].decode()}}}" if type(ids[0]) is int else ids


def _ids(number: int, kind: type) -> str:
    """That parameter."""
    return f"${number}::text::bigint[]" if kind is int else f"${number}::{KINDS.get(kind, 'uuid')}[]"


def _page(base: str, request: PageRequest, cut: Cut, before: int) -> str:
    where = f" WHERE {beyond(request, _Bound(request, before))}" if request.bound is not None else ""
    return (
        f"SELECT * FROM ({base}) AS {BASE}{where} ORDER BY {_order(request, cut, '')} LIMIT {int(cut.rows)}"
    )


def _order(request: PageRequest, cut: Cut, prefix: str) -> str:
    return ", ".join(
        f"{prefix}{_name(key.column)} {'ASC' if key.descending == request.backward else 'DESC'}"
        for key in cut.keys
    )


class _Bound:
    """Conditions on a page's keys as SQL: its bound's values are parameters after so many others, but for nulls."""

    never = "FALSE"

    def __init__(self, request: PageRequest, before: int) -> None:
        given = [value is not None for value in request.bound or ()]
        self._numbers = [before + sum(given[: at + 1]) for at in range(len(given))]

    def null(self, column: str, *, is_null: bool) -> str:
        return f"{_name(column)} IS {'NULL' if is_null else 'NOT NULL'}"

    def compare(self, column: str, operator: str, number: int) -> str:
        return f"{_name(column)} {operator} ${self._numbers[number]}"

    def both(self, one: str, other: str) -> str:
        return f"({one} AND {other})"

    def either(self, one: str, other: str) -> str:
        return f"({one} OR {other})"


def _joins(writer: Writer, level: Level) -> str:
    return "".join(
        f" LEFT JOIN ({writer.put(join.rows)}) AS {join.alias}"
        f" ON {join.alias}.{_name(join.own)} = {join.other_alias}.{_name(join.theirs)}"
        for join in level.joins
    )


def _cells(level: Level) -> str:
    return ", ".join(level.cells) or "1"


def cell_of(alias: str, column: str) -> str:
    """The cell that a column is."""
    return f"{alias}.{_name(column)}"


def instant_of(alias: str, column: str) -> str:
    """The cell that an instant is, as text: `leaves.instant` reads it."""
    return f"{cell_of(alias, column)}::text"


def expression_of(alias: str, expression: str) -> str:
    """The cell that an expression on `{row}` is."""
    return expression.format(row=alias)


def _name(column: str) -> str:
    return f'"{column}"'
