"""Pages of lists: keyset cursors, bounded, counted only when asked.

Pages under a list of parents are read for all parents in one statement.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from functools import partial
from typing import Any, ClassVar, Protocol, TypeVar
from uuid import UUID
from zlib import crc32

import strawberry
from tortoise.expressions import Q, RawSQL
from tortoise.queryset import QuerySet

from app.database import fetch
from app.errors import BadInput
from app.graphql.ids import decode_page_cursor, page_cursor
from app.graphql.scalars import Cursor
from app.models import Entity
from app.models.entity import holds

DEFAULT_PAGE = 20
MAX_PAGE = 100


@strawberry.type(description="Where a page stands in its list.")
class PageInfo:
    """Relay's PageInfo."""

    has_next_page: bool = strawberry.field(description="True when there is more after this page.")
    has_previous_page: bool = strawberry.field(description="True when there is more before this page.")
    start_cursor: Cursor | None = strawberry.field(
        description="Cursor of the first row; null on an empty page."
    )
    end_cursor: Cursor | None = strawberry.field(description="Cursor of the last row; null on an empty page.")


@dataclass(frozen=True)
class Key:
    """A column that a list is ordered by."""

    column: str
    descending: bool
    nullable: bool


@dataclass(frozen=True)
class PageRequest:
    """Which page of a list is asked for. `order` tells cursors of this order from others."""

    order: str
    keys: tuple[Key, ...]
    limit: int
    backward: bool
    bound: tuple[Any, ...] | None


class Page:
    """The value of a connection: the rows, and what is known of those around them."""

    def __init__(self, rows: list[Any], request: PageRequest, count: Callable[[], Awaitable[int]]) -> None:
        self._request = request
        self._more = len(rows) > request.limit
        self.nodes = rows[: request.limit]
        if request.backward:
            self.nodes.reverse()
        self.count = count

    @property
    def edges(self) -> "list[PageEdge]":
        return [PageEdge(row, self._cursor(row)) for row in self.nodes]

    @property
    def page_info(self) -> PageInfo:
        ends = [self._cursor(row) for row in (self.nodes[0], self.nodes[-1])] if self.nodes else [None, None]
        return page_info(self._request, ends, more=self._more)

    def _cursor(self, row: Any) -> Cursor:
        values = [plain_value(getattr(row, key.column)) for key in self._request.keys]
        return Cursor(page_cursor(self._request.order, values))


def page_info(request: PageRequest, ends: Sequence[Any], *, more: bool) -> PageInfo:
    """Where a page stands that has these cursors at its ends; `more`: there was a row beyond it."""
    bounded = request.bound is not None
    before, after = (more, bounded) if request.backward else (bounded, more)
    return PageInfo(has_next_page=after, has_previous_page=before, start_cursor=ends[0], end_cursor=ends[1])


@dataclass(slots=True)
class PageEdge:
    """The value of an edge."""

    node: Any
    cursor: Cursor


# Asking for a page ---------------------------------------------------------------------------------------------------


def page_request(
    model: type[Entity],
    orders: Sequence[tuple[str, bool]],
    first: int | None,
    after: str | None,
    last: int | None,
    before: str | None,
) -> PageRequest:
    """Check a connection's arguments. `orders` are pairs of column and whether descending; the id comes last by itself."""
    if first is not None and last is not None:
        raise BadInput("Ask for `first` or for `last`, not for both.", path=("last",))
    if (first is not None and before is not None) or (last is not None and after is not None):
        raise BadInput(
            "`first` goes with `after`, `last` with `before`.", path=("before" if before else "after",)
        )
    if after is not None and before is not None:
        raise BadInput("Ask for what comes after a cursor or before one, not for both.", path=("before",))
    backward = last is not None or before is not None
    size, name = (last, "last") if backward else (first, "first")
    limit = DEFAULT_PAGE if size is None else size
    if not 0 <= limit <= MAX_PAGE:
        raise BadInput(f"`{name}` is from 0 to {MAX_PAGE}.", path=(name,))
    keys = _keys(model, orders)
    order = _order(model, keys)
    cursor, path = (before, ("before",)) if backward else (after, ("after",))
    bound = (
        None
        if cursor is None
        else tuple(
            _typed(model, key, value, path)
            for key, value in zip(keys, decode_page_cursor(cursor, order, len(keys), path), strict=True)
        )
    )
    return PageRequest(order, keys, limit, backward, bound)


def _order(model: type[Entity], keys: Sequence[Key]) -> str:
    """A short word for this order of this model's rows."""
    words = [model.__name__, *(f"{key.column} {'desc' if key.descending else 'asc'}" for key in keys)]
    return f"{crc32(','.join(words).encode()):08x}"


def _keys(model: type[Entity], orders: Sequence[tuple[str, bool]]) -> tuple[Key, ...]:
    descending = orders[-1][1] if orders else False
    columns: dict[str, bool] = {}
    for column, down in (*orders, ("id", descending)):
        columns.setdefault(column, down)  # what is named again decides nothing any more
    return tuple(
        Key(
            column, down, model._meta.fields_map[column].null and not model._meta.fields_map[column].generated
        )
        for column, down in columns.items()
    )


def whole_list(model: type[Entity], orders: Sequence[tuple[str, bool]], most: int) -> PageRequest:
    """The first and only page of a short list."""
    keys = _keys(model, orders)
    return PageRequest(_order(model, keys), keys, most, backward=False, bound=None)


def page_query(query: QuerySet[Any], request: PageRequest) -> QuerySet[Any]:
    """The rows of the page, and one more that tells whether there is more."""
    if request.bound is not None:
        query = query.filter(beyond(request, _AsQ(request.bound)))
    order = [("" if key.descending == request.backward else "-") + key.column for key in request.keys]
    return query.order_by(*order).limit(request.limit + 1)


C = TypeVar("C")


class Conditions(Protocol[C]):
    """A way to write conditions on a page's keys. Its bound's value for a key is named by the key's number."""

    never: C

    def null(self, column: str, *, is_null: bool) -> C:
        """Whether the column is null."""

    def compare(self, column: str, operator: str, number: int) -> C:
        """The column against that value: = < > <= or >=."""

    def both(self, one: C, other: C) -> C:
        """And."""

    def either(self, one: C, other: C) -> C:
        """Or."""


def beyond(request: PageRequest, write: Conditions[C]) -> C:
    """Rows that come after the bound in the order (before it, when backward): (a, b) > (x, y), null by null.

    PostgreSQL puts nulls last when ascending and first when descending.
    """
    assert request.bound is not None
    result = write.never
    for number, (key, value) in reversed(list(enumerate(zip(request.keys, request.bound, strict=True)))):
        column, rising = key.column, key.descending == request.backward
        equal = write.null(column, is_null=True) if value is None else write.compare(column, "=", number)
        same = write.both(equal, result)
        nulls_are_further = key.nullable and rising
        if value is None:
            further = None if nulls_are_further else write.null(column, is_null=False)
        else:
            further = write.compare(column, ">" if rising else "<", number)
            if nulls_are_further:
                further = write.either(further, write.null(column, is_null=True))
        result = same if further is None else write.either(further, same)
    first, at = request.keys[0], request.bound[0]
    rising = first.descending == request.backward
    if at is None or (first.nullable and rising):
        return result
    # Says nothing new, but an index can begin there.
    return write.both(write.compare(first.column, ">=" if rising else "<=", 0), result)


class _AsQ:
    """For Tortoise."""

    never = Q(id__in=[])
    _LOOKUPS: ClassVar = {"=": "", ">": "__gt", "<": "__lt", ">=": "__gte", "<=": "__lte"}

    def __init__(self, bound: Sequence[Any]) -> None:
        self._bound = bound

    def null(self, column: str, *, is_null: bool) -> Q:
        return holds(f"{column}__isnull", is_null)

    def compare(self, column: str, operator: str, number: int) -> Q:
        return holds(column + self._LOOKUPS[operator], self._bound[number])

    def both(self, one: Q, other: Q) -> Q:
        return one & other

    def either(self, one: Q, other: Q) -> Q:
        return Q(one, other, join_type=Q.OR)


def plain_value(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    return value.value if isinstance(value, Enum) else value


def _typed(model: type[Entity], key: Key, value: Any, path: tuple[str, ...]) -> Any:
    """A value from a cursor as the column's type. `BadInput` when it cannot be."""
    column = model._meta.fields_map[key.column]
    try:
        if value is None:
            if not key.nullable:
                raise ValueError
            return None
        if column.field_type is datetime:
            return _instant(value)
        if issubclass(column.field_type, Enum | UUID):
            return column.field_type(value)
        if type(value) is not column.field_type or not _fits(column, value):
            raise ValueError
        return value
    except (ValueError, TypeError, OverflowError, AttributeError):
        raise BadInput("This is no cursor of this list in this order.", path=path) from None


def _instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError
    return instant.astimezone(UTC)


def _fits(column: Any, value: Any) -> bool:
    """True when PostgreSQL has a place for the value in this column's type."""
    if isinstance(value, int):
        return bool(column.constraints["ge"] <= value <= column.constraints["le"])
    return not (isinstance(value, str) and "\0" in value)


Parent = str | Callable[[Any], Q]
"""What says which rows are under a parent: a column, or lookup, that has its id, or what makes a predicate of its id."""

# Reading a page ------------------------------------------------------------------------------------------------------


async def page_of(query: QuerySet[Any], request: PageRequest) -> Page:
    """One page of one list."""
    return Page(list(await page_query(query, request)), request, lambda: _count(query))


async def _count(query: QuerySet[Any]) -> int:
    return await query.count()


async def pages_under(
    model: type[Entity],
    parent: Parent,
    parents: Sequence[Any],
    query: QuerySet[Any],
    request: PageRequest,
) -> list[Page]:
    """A page for each parent, in one statement: the page's query runs once for each of them, inside PostgreSQL.

    `parents` are numbers, UUIDs or texts, as the parent column is.
    """
    sql, values = _sql(page_query(under(query, parent), request))
    rows = await fetch(
        f'SELECT parent.id AS "$parent", page.* FROM unnest({_list(values, parents)}) AS parent(id)'
        f" CROSS JOIN LATERAL ({sql}) AS page",
        *values,
        parents,
    )
    found: dict[Any, list[Any]] = {each: [] for each in parents}
    for row in rows:
        found[row.pop("$parent")].append(model.from_record(row))
    counts = _Counts(parents, under(query, parent))
    return [Page(found[each], request, partial(counts.of, each)) for each in parents]


class _Counts:
    """How many rows there are under each parent: counted for all at once, as soon as the first is asked for."""

    def __init__(self, parents: Sequence[Any], query: QuerySet[Any]) -> None:
        self._parents, self._query = parents, query
        self._counting: asyncio.Task[dict[Any, int]] | None = None

    async def of(self, parent: Any) -> int:
        if self._counting is None:
            self._counting = asyncio.create_task(self._count())
        return (await self._counting)[parent]

    async def _count(self) -> dict[Any, int]:
        sql, values = _sql(self._query.only("id"))
        rows = await fetch(
            f"SELECT parent.id, (SELECT count(*) FROM ({sql}) AS row) AS number"
            f" FROM unnest({_list(values, self._parents)}) AS parent(id)",
            *values,
            self._parents,
        )
        return {row["id"]: row["number"] for row in rows}


def _list(values: list[Any], parents: Sequence[Any]) -> str:
    """The parameter that comes after these, which is the parents, with its type."""
    kind = {int: "bigint", str: "text"}.get(type(parents[0]), "uuid")
    return f"${len(values) + 1}::{kind}[]"


def under(query: QuerySet[Any], parent: Parent) -> QuerySet[Any]:
    """The rows under `parent.id`, for a statement that has such a column."""
    id = RawSQL("parent.id")
    return query.filter(holds(parent, id) if isinstance(parent, str) else parent(id))


def _sql(query: QuerySet[Any]) -> tuple[str, list[Any]]:
    query._make_query()
    sql, values = query.query.get_parameterized_sql()
    return sql, values
