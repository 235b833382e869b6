"""How a GraphQL type says which table it shows.

    @entity(models.WorkRequest)
    class WorkRequest(Node):
        task_name: str                                      a column: its description is the model's
        workspace: "Workspace" = to_one()                   a relation of the model: one row, through the loader
        children: ... = to_many(...)                        many rows, as a connection (connections.py)
        @computed("started_at", "completed_at") def duration(row) -> float | None

The row itself is the value. `PLANS` keeps what each field was declared as, so that reads can be compiled from the same
declarations: a field that is none of these has code of its own.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from inspect import get_annotations
from typing import Any, Generic, TypeVar, cast

import strawberry
from strawberry.annotation import StrawberryAnnotation
from strawberry.types.field import StrawberryField

from app import models
from app.context import Info
from app.graphql.ids import global_id
from app.models import Entity

T = TypeVar("T")

TYPES: dict[type[Entity], type] = {}
"""Model → the GraphQL type that shows it."""


@dataclass(frozen=True)
class Column:
    """A field that is a column of the row."""

    name: str


@dataclass(frozen=True)
class ToOne:
    """A field that is the row which a foreign key points to; or, with `reverse`, the one row that points here."""

    relation: str
    reverse: bool = False


@dataclass(frozen=True)
class Computed:
    """A field computed in Python from columns of the row, and from nothing else."""

    needs: tuple[str, ...]


NAMES: dict[str, Any] = {}
"""Name → GraphQL type or enum, so that files may refer to each other's types by name."""


Plan = Column | ToOne | Computed
PLANS: dict[tuple[str, str], Any] = {}
"""(GraphQL type, Python name of the field) → what it was declared as."""


@strawberry.interface(description="An object with a global id.")
class Node:
    """Every type that `node` can find."""

    @strawberry.field(description="Global id: unique over all types, opaque.")
    @staticmethod
    def id(row: strawberry.Parent[Entity]) -> strawberry.ID:
        return strawberry.ID(global_id(type(row).__name__, row.id))


@dataclass
class Declared(Generic[T]):
    """A relation or connection as written in the class body, before the type is made."""

    make: Callable[[type[Entity], str, Any], Any]


def entity(model: type[Entity]) -> Callable[[type[T]], type[T]]:
    """Make the class a GraphQL type that shows rows of the model."""

    def decorate(cls: type[T]) -> type[T]:
        for name, annotation in get_annotations(cls).items():
            declared = cls.__dict__.get(name)
            if isinstance(declared, Declared):
                setattr(cls, name, declared.make(model, name, annotation))
            elif declared is None:
                setattr(cls, name, _column(cls.__name__, model, name))
        for name, value in list(cls.__dict__.items()):
            if isinstance(value, _Computation):
                setattr(cls, name, value.field(cls.__name__))
        cls.is_type_of = classmethod(lambda _, value, info: isinstance(value, model))  # type: ignore[attr-defined]
        made: Any = strawberry.type(cls, description=_text(cls.__doc__))
        TYPES[model] = NAMES[cls.__name__] = made
        return cast(type[T], made)

    return decorate


def _column(type_name: str, model: type[Entity], name: str) -> Any:
    PLANS[type_name, name] = Column(name)
    return strawberry.field(description=describe(model, name))


def describe(model: type[Entity], column: str) -> str:
    """What the model says of its column. A column without a description fails here, at import."""
    description = model._meta.fields_map[column].description
    if not description:
        raise TypeError(f"{model.__name__}.{column} is shown in GraphQL: describe it in the model")
    return str(description)


def to_one(description: str, relation: str | None = None) -> Any:
    """The row that a foreign key of the model points to; null when there is none or the viewer may not see it."""

    def make(model: type[Entity], name: str, annotation: Any) -> Any:
        reverse = not hasattr(model._meta.fields_map.get(relation or name), "model_name")
        PLANS[model.__name__, name] = ToOne(relation or name, reverse)
        resolve = _backward(model, relation or name) if reverse else _forward(model, relation or name)
        return named(annotation, description, resolve)

    return Declared(make)


def _forward(model: type[Entity], relation: str) -> Callable[..., Awaitable[Any]]:
    key, related = f"{relation}_id", related_model(model, relation)

    async def resolve(root: Any, info: Info) -> Any:
        return await info.context.one(related, getattr(root, key))

    return resolve


def _backward(model: type[Entity], related_name: str) -> Callable[..., Awaitable[Any]]:
    related, column = pointing_at(model, related_name)

    async def resolve(root: Any, info: Info) -> Any:
        return await info.context.one_by(related, column, root.id)

    return resolve


def related_model(model: type[Entity], relation: str) -> type[Entity]:
    """The model that a foreign key points to. Tortoise itself knows only once a database is open."""
    found: type[Entity] = getattr(models, model._meta.fields_map[relation].model_name.rpartition(".")[2])
    return found


def pointing_at(model: type[Entity], related_name: str) -> tuple[type[Entity], str]:
    """The model, and its column, whose one-to-one relation points to this model under that name."""
    for other in (getattr(models, name) for name in models.__all__):
        for name, field in getattr(getattr(other, "_meta", None), "fields_map", {}).items():
            if getattr(field, "related_name", None) == related_name and related_model(other, name) is model:
                return other, f"{name}_id"
    raise TypeError(f"Nothing points to {model.__name__} as {related_name}")


@dataclass
class _Computation:
    function: Callable[[Any], Any]
    needs: tuple[str, ...]

    def field(self, type_name: str) -> Any:
        PLANS[type_name, self.function.__name__] = Computed(self.needs)
        function, annotation = self.function, get_annotations(self.function)["return"]

        def resolve(root: Any) -> Any:
            return function(root)

        return named(annotation, _text(function.__doc__), resolve)


def computed(*needs: str) -> Callable[[Callable[[Any], Any]], Any]:
    """A field computed from these columns. Its docstring is its description; it must be pure."""
    return lambda function: _Computation(function, needs)


class _Named(StrawberryField):
    """A field that keeps the type it was made with: dataclasses would put the class's annotation in its place."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in ("type", "type_annotation") or self.__dict__.get("type_annotation") is None:
            super().__setattr__(name, value)


def named(
    annotation: Any, description: str, resolve: Callable[..., Any] | None = None, **options: Any
) -> Any:
    """A field whose type may be a name of another file: it is looked up in `NAMES` once all types are there."""
    field = _Named(
        type_annotation=StrawberryAnnotation(annotation, namespace=NAMES), description=description, **options
    )
    return field(resolve) if resolve is not None else field


def _text(docstring: str | None) -> str:
    """A docstring as a description: its first paragraph on one line."""
    if not docstring:
        raise TypeError("A GraphQL type and a computed field need a docstring: it is their description")
    return " ".join(docstring.strip().partition("\n\n")[0].split())
