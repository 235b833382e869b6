"""Root fields that show one object, and fields of values that are no rows. Declared once, resolved in one place."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from inspect import get_annotations
from typing import Annotated, Any, TypeVar

import strawberry

from app.context import Info
from app.graphql.entity import Node, named
from app.graphql.given import root_resolver
from app.graphql.ids import row_id
from app.models import Entity

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class One:
    """A field that is the visible row with that id, or, where `by` is "name", of that name."""

    model: type[Entity]
    by: str = "id"


@dataclass(frozen=True)
class AnyNode:
    """A field that is the visible row with that global id, of whatever model."""


@dataclass(frozen=True)
class AnyNodes:
    """A field that is the visible rows with those global ids, of which there are at most so many."""

    most: int


@dataclass(frozen=True)
class Told:
    """A field whose value a function finds: an object of plain attributes, or several."""

    function: Callable[..., Awaitable[Any]]


@dataclass(frozen=True)
class Derived:
    """A field of a value that is no row: what a pure function makes of the value."""

    function: Callable[[Any], Any]


@dataclass(frozen=True)
class RowOf:
    """A field of a value that is no row: the visible row of the model whose id a pure function finds in the value."""

    model: type[Entity]
    id: Callable[[Any], Any]


@dataclass(frozen=True)
class NodeOf:
    """A field of a value that is no row: the visible row that a pure function finds in the value, by model and id."""

    place: Callable[[Any], tuple[type[Entity], Any] | None]


@dataclass(frozen=True)
class Apart:
    """A field that compiled reads leave to the ordinary executor, and why."""

    reason: str


def planned(plan: One | AnyNode | AnyNodes | Apart) -> Callable[[F], F]:
    """Say of a resolver what it does, so that reads can do the same without it."""

    def mark(resolve: F) -> F:
        resolve.plan = plan  # type: ignore[attr-defined]
        return resolve

    return mark


def one_by_id(type_name: str, model: type[Entity], description: str, argument: str = "Its id.") -> Any:
    """A root field: the row with that global id; null when it is absent or the viewer may not see it."""
    annotation = Annotated[strawberry.ID, strawberry.argument(description=argument)]

    @planned(One(model))
    async def resolve(info: Info, id: Any) -> Any:
        return await info.context.one(model, row_id(id, model, ("id",)))

    resolve.__annotations__["id"] = annotation
    return named(f"{type_name} | None", description, resolve)


def one_by_name(type_name: str, model: type[Entity], description: str, argument: str = "Its name.") -> Any:
    """A root field: the row of that name; null when it is absent or the viewer may not see it."""
    annotation = Annotated[str, strawberry.argument(description=argument)]

    @planned(One(model, "name"))
    async def resolve(info: Info, name: Any) -> Any:
        return await model.find_visible(info.context.viewer, name)

    resolve.__annotations__["name"] = annotation
    return named(f"{type_name} | None", description, resolve)


def told(description: str, type_: Any = None) -> Callable[[Callable[..., Awaitable[Any]]], Any]:
    """A root field that a function finds, which may take `viewer` and `settings`, and the arguments of the field."""

    def declare(function: Callable[..., Awaitable[Any]]) -> Any:
        resolve: Any = root_resolver(function)
        resolve.plan = Told(function)
        return named(type_ or get_annotations(function)["return"], description, resolve)

    return declare


def derived(type_: Any, description: str, function: Callable[[Any], Any]) -> Any:
    """A field of a value that is no row, which the function makes of that value."""

    def resolve(root: Any) -> Any:
        return function(root)

    resolve.plan = Derived(function)  # type: ignore[attr-defined]
    return named(type_, description, resolve)


def row_of(type_name: str, description: str, model: type[Entity], id: Callable[[Any], Any]) -> Any:
    """A field of a value that is no row: the row with the id that the function finds in the value, if it may be seen."""

    async def resolve(root: Any, info: Info) -> Any:
        return await info.context.one(model, id(root))

    resolve.plan = RowOf(model, id)  # type: ignore[attr-defined]
    return named(type_name, description, resolve)


def node_of(description: str, place: Callable[[Any], tuple[type[Entity], Any] | None]) -> Any:
    """A field of a value that is no row: the row that the function finds in it, of whatever model, if it may be seen."""

    async def resolve(root: Any, info: Info) -> Any:
        found = place(root)
        return None if found is None else await info.context.one(*found)

    resolve.plan = NodeOf(place)  # type: ignore[attr-defined]
    return named(Node | None, description, resolve)
