"""Lists as fields: Relay's connections, and short lists that come whole. Declared once, resolved in one place."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from inspect import Parameter
from typing import Annotated, Any, Generic, TypeVar

import orjson
import strawberry
from tortoise.expressions import Q
from tortoise.queryset import QuerySet

from app.access import Viewer
from app.context import Info
from app.graphql.entity import NAMES, PLANS, Declared, named
from app.graphql.filters import Filter, Order
from app.graphql.given import with_signature
from app.graphql.pages import (
    DEFAULT_PAGE,
    MAX_PAGE,
    Page,
    PageInfo,
    PageRequest,
    Parent,
    page_of,
    page_request,
    pages_under,
    whole_list,
)
from app.graphql.scalars import Cursor
from app.models import Entity

T = TypeVar("T")


@strawberry.type(description="A row in a list, with its place.")
class Edge(Generic[T]):
    """Relay's Edge."""

    node: T = strawberry.field(description="The row.")
    cursor: Cursor = strawberry.field(description="The row's place in this order of the list.")


@strawberry.type(description="A page of a list.")
class Connection(Generic[T]):
    """Relay's Connection. Made from a `Page`."""

    edges: list[Edge[T]] = strawberry.field(description="The rows with their cursors.")
    nodes: list[T] = strawberry.field(description="The rows alone.")
    page_info: PageInfo = strawberry.field(description="Where this page stands.")

    @strawberry.field(description="How many rows the whole list has. Counted only when asked for.")
    @staticmethod
    async def total_count(page: strawberry.Parent[Any]) -> int:
        count: int = await page.count()
        return count


NAMES["Connection"] = Connection


@dataclass(frozen=True)
class Choice:
    """An argument of a list's own, beside its filter: what GraphQL takes, and the predicate that it means."""

    type: Any
    description: str
    to_q: Callable[[Any], Q]
    default: Any = None


@dataclass(frozen=True)
class ConnectionOf:
    """A field that is a list of rows: all visible ones, or those whose `parent` column (a lookup) is this row's id,
    or of which the predicate that `parent` makes of that id holds.

    `only` is what else holds of the rows. `as_text`: the parent column is a text, for relations to rows of any table.
    """

    model: type[Entity]
    parent: Parent | None = None
    filters: type[Filter] | None = None
    orders: type[Order] | None = None
    default_order: tuple[tuple[str, bool], ...] = ()
    choices: Mapping[str, Choice] = field(default_factory=dict)
    only: Callable[[], Q] = Q
    as_text: bool = False


def to_many(description: str, of: ConnectionOf) -> Any:
    """The rows that belong to this one, as a connection."""

    def make(model: type[Entity], name: str, annotation: Any) -> Any:
        PLANS[model.__name__, name] = of

        async def resolve(root: Any, info: Info, **arguments: Any) -> Any:
            query, request, key = await _prepared(info, of, arguments)

            async def load(parents: list[Any]) -> list[Page]:
                return await pages_under(of.model, of.parent or "", parents, query, request)

            parent = str(root.id) if of.as_text else root.id
            return await info.context.loader((model, name, key), load).load(parent)

        return _connection_field(resolve, of, description, annotation)

    return Declared(make)


@dataclass(frozen=True)
class ListOf:
    """A field that is a short list of rows, all at once: all visible ones, or those whose `parent` (a lookup) is this row's id.

    `only` is what else holds of the rows. Only a root field has choices.
    """

    model: type[Entity]
    parent: str | None
    order: tuple[tuple[str, bool], ...]
    most: int
    only: Callable[[], Q] = Q
    choices: Mapping[str, Choice] = field(default_factory=dict)


def listed(description: str, of: ListOf) -> Any:
    """The rows that belong to this one, as a plain list. For what is few by nature."""

    def make(model: type[Entity], name: str, annotation: Any) -> Any:
        PLANS[model.__name__, name] = of

        async def resolve(root: Any, info: Info) -> Any:
            async def load(parents: list[int]) -> list[list[Any]]:
                request = whole_list(of.model, of.order, of.most)
                query = of.model.visible_to(info.context.viewer).filter(of.only())
                return [
                    page.nodes
                    for page in await pages_under(of.model, of.parent or "", parents, query, request)
                ]

            return await info.context.loader((model, name), load).load(root.id)

        return named(annotation, f"{description} At most {of.most}.", resolve)

    return Declared(make)


def connection(type_name: str, description: str, of: ConnectionOf) -> Any:
    """A root field: all rows of the model that the viewer may see, as a connection."""

    async def resolve(info: Info, **arguments: Any) -> Any:
        query, request, _ = await _prepared(info, of, arguments)
        return await page_of(query, request)

    resolve.plan = of  # type: ignore[attr-defined]
    return _connection_field(resolve, of, description, f"Connection[{type_name}]")


def whole(type_name: str, description: str, of: ListOf) -> Any:
    """A root field: all rows of the model that the viewer may see, as a plain list."""

    async def resolve(info: Info, **arguments: Any) -> Any:
        query = list_query(info.context.viewer, of, arguments)
        return (await page_of(query, list_page(of, arguments))).nodes

    resolve.plan = of  # type: ignore[attr-defined]
    return named(f"list[{type_name}]", description, with_signature(resolve, _choices(of)))


async def _prepared(
    info: Info, of: ConnectionOf, arguments: dict[str, Any]
) -> tuple[QuerySet[Any], PageRequest, object]:
    """The query of the whole list, the page asked for, and what tells two such lists apart."""
    query = list_query(info.context.viewer, of, arguments)
    request = list_page(of, arguments)
    return query, request, orjson.dumps([narrowing(of, arguments), repr(request)])


def list_query(
    viewer: Viewer, of: ConnectionOf | ListOf, arguments: dict[str, Any], *, below: bool = False
) -> QuerySet[Any]:
    """The whole list that these arguments mean, or, if `below`, what it is below rows that the viewer may see.

    Raises `BadInput`.
    """
    seen_with_parent = below and of.parent is not None and of.parent == f"{of.model.seen_with}_id"
    seen = of.model.all() if seen_with_parent else of.model.visible_to(viewer)
    query = seen.filter(of.only())
    for name, choice in of.choices.items():
        if arguments.get(name) is not None:
            query = query.filter(choice.to_q(arguments[name]))
    filter = arguments.get("filter")
    return query if filter is None else query.filter(filter.to_q(viewer))


def list_page(of: ConnectionOf | ListOf, arguments: dict[str, Any]) -> PageRequest:
    """The page of it that they mean. Raises `BadInput`."""
    if isinstance(of, ListOf):
        return whole_list(of.model, of.order, of.most)
    chosen = [order.as_pair() for order in arguments.get("order_by") or []] or list(of.default_order)
    return page_request(
        of.model, chosen, *(arguments.get(name) for name in ("first", "after", "last", "before"))
    )


def narrowing(of: ConnectionOf | ListOf, arguments: dict[str, Any]) -> str:
    """A word for what narrows the list: equal for two that have the same rows."""
    return repr((arguments.get("filter"), [arguments.get(name) for name in of.choices]))


def _connection_field(
    resolve: Callable[..., Awaitable[Any]], of: ConnectionOf, description: str, annotation: Any
) -> Any:
    """The field, with the arguments that such a list takes."""
    arguments: dict[str, Any] = {}
    if of.filters is not None:
        arguments["filter"] = _argument(of.filters, "Only rows that satisfy this.")
    if of.orders is not None:
        orders: Any = of.orders
        arguments["order_by"] = _argument(
            list[orders], "By what to order, first things first; the id decides at last."
        )
    arguments |= _PAGE
    parameters = [*_choices(of), *(_parameter(name, each) for name, each in arguments.items())]
    return named(annotation, description, with_signature(resolve, parameters))


def _choices(of: ConnectionOf | ListOf) -> list[Parameter]:
    return [
        _parameter(name, _argument(choice.type, choice.description), choice.default)
        for name, choice in of.choices.items()
    ]


def _parameter(name: str, annotation: Any, default: Any = None) -> Parameter:
    return Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _argument(type_: Any, description: str) -> Any:
    return Annotated[type_ | None, strawberry.argument(description=description)]


_PAGE = {
    "first": _argument(
        int, f"How many rows from the start, at most {MAX_PAGE}; {DEFAULT_PAGE} if nothing is said."
    ),
    "after": _argument(Cursor, "Only rows after this cursor."),
    "last": _argument(int, f"How many rows from the end, at most {MAX_PAGE}."),
    "before": _argument(Cursor, "Only rows before this cursor."),
}
