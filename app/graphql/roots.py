"""Root fields that show one object. Declared once, resolved in one place."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

import strawberry

from app.context import Info
from app.graphql.entity import named
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


def planned(plan: One | AnyNode) -> Callable[[F], F]:
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
