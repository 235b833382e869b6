"""How a GraphQL type says which table it shows.

    @entity(models.WorkRequest)
    class WorkRequest(Node):
        task_name: str                                      a column: its description is the model's
        workspace: "Workspace" = to_one()                   a relation of the model: one row, through the loader
        children: ... = to_many(...)                        many rows, as a connection (connections.py)
        @computed("started_at", "completed_at") def duration(row) -> float | None      Python on columns
        busy: bool = in_sql("…", "EXISTS (SELECT … WHERE worker_id = {row}.id)")       SQL on the row
        @batched("status") async def queue_position(rows, viewer) -> Mapping[int, int | None]   all rows at once
        @reached("list[Artifact]", models.Artifact) async def ancestors(ids, viewer) -> Mapping[int, list[int]]   rows by id

The row itself is the value. `PLANS` keeps what each field was declared as, so that reads can be compiled from the same
declarations: a field that is none of these has code of its own.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from inspect import get_annotations
from typing import Any, Generic, TypeVar, cast, get_args

import strawberry
from strawberry.annotation import StrawberryAnnotation
from strawberry.types.field import StrawberryField

from app import models
from app.context import Info
from app.database import fetch
from app.graphql.given import arguments, bound, given, with_signature
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
    """A field that is the row whose id a column has, by a foreign key or, with `to`, without one; or, with `reverse`, the
    one row that points here."""

    relation: str
    reverse: bool = False
    to: type[Entity] | None = None


@dataclass(frozen=True)
class Computed:
    """A field computed in Python from columns of the row, its arguments, and what is `given`; and from nothing else."""

    needs: tuple[str, ...]
    function: Callable[..., Any]


@dataclass(frozen=True)
class InSql:
    """A field that is an expression on the row, `{row}` in it, whose value `make` takes where it is not null."""

    expression: str
    make: Callable[[Any], Any] | None = None

    @property
    def needs(self) -> tuple[str, ...]:
        return tuple(re.findall(r"\{row\}\.(\w+)", self.expression))


@dataclass(frozen=True)
class Batched:
    """A field whose values one function finds for all rows of a moment: rows that have these columns → value by id."""

    needs: tuple[str, ...]
    load: Callable[..., Awaitable[Any]]


@dataclass(frozen=True)
class Reached:
    """A field that is a row of the model, or a list of them, which a function names: ids → id, or ids, by id.

    What it names is shown only where the viewer may see it.
    """

    model: type[Entity]
    load: Callable[..., Awaitable[Any]]
    many: bool


NAMES: dict[str, Any] = {}
"""Name → GraphQL type or enum, so that files may refer to each other's types by name."""


Plan = Column | ToOne | Computed | InSql | Batched | Reached
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
            if isinstance(value, _Function):
                setattr(cls, name, value.field(model, name))
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


def to_one(description: str, relation: str | None = None, *, to: type[Entity] | None = None) -> Any:
    """The row that a foreign key of the model points to; null when there is none or the viewer may not see it.

    `to` is its model where the column is no foreign key: what it points to may be gone.
    """

    def make(model: type[Entity], name: str, annotation: Any) -> Any:
        own = relation or name
        reverse = to is None and not hasattr(model._meta.fields_map.get(own), "model_name")
        PLANS[model.__name__, name] = ToOne(own, reverse, to)
        resolve = _backward(model, own) if reverse else _forward(to or related_model(model, own), f"{own}_id")
        return named(annotation, description, resolve)

    return Declared(make)


def _forward(related: type[Entity], key: str) -> Callable[..., Awaitable[Any]]:
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


def in_sql(description: str, expression: str, make: Callable[[Any], Any] | None = None) -> Any:
    """A field that PostgreSQL computes: the expression is of `{row}`. Both ways to read use it."""

    def declare(model: type[Entity], name: str, annotation: Any) -> Any:
        declared = PLANS[model.__name__, name] = InSql(expression, make)
        of_row = expression.format(row="row")

        async def load(ids: list[Any]) -> list[Any]:
            found = {each["id"]: each["value"] for each in await fetch(
                f'SELECT id, {of_row} AS value FROM "{model._meta.db_table}" AS row WHERE id = ANY($1)', ids
            )}  # fmt: skip
            return [found.get(id) for id in ids]

        async def resolve(root: Any, info: Info) -> Any:
            value = await info.context.loader((model, name), load).load(root.id)
            return value if value is None or declared.make is None else declared.make(value)

        return named(annotation, description, resolve)

    return Declared(declare)


@dataclass
class _Function:
    """A field as a function in the class body, before the type is made."""

    make: Callable[[type[Entity], str, Callable[..., Any]], Any]
    function: Callable[..., Any]

    def field(self, model: type[Entity], name: str) -> Any:
        return self.make(model, name, self.function)


def computed(*needs: str) -> Callable[[Callable[..., Any]], Any]:
    """A field computed from these columns. Its docstring is its description; it must be pure.

    What else the function takes is given by name (`viewer`, `settings`), or is an argument of the field.
    """

    def make(model: type[Entity], name: str, function: Callable[..., Any]) -> Any:
        PLANS[model.__name__, name] = Computed(needs, function)
        names = given(function)

        def resolve(root: Any, info: Info, **arguments: Any) -> Any:
            return function(root, **bound(names, info.context), **arguments)

        with_signature(resolve, arguments(function, after=1))
        return named(get_annotations(function)["return"], _text(function.__doc__), resolve)

    return lambda function: _Function(make, function)


def batched(*needs: str) -> Callable[[Callable[..., Any]], Any]:
    """A field whose values a function finds for many rows at once: it takes the rows and gives value by id.

    It may use these columns of the rows, and what else it takes as a `computed` one does. It reads as the viewer.
    """

    def make(model: type[Entity], name: str, function: Callable[..., Any]) -> Any:
        PLANS[model.__name__, name] = Batched(needs, function)
        resolve = _loaded(model, name, function, lambda row: row)
        return named(get_args(get_annotations(function)["return"])[1], _text(function.__doc__), resolve)

    return lambda function: _Function(make, function)


def reached(type_: str, model: type[Entity]) -> Callable[[Callable[..., Any]], Any]:
    """A field of that type that shows rows of the model which a function names: it takes ids and gives, by id, an id or ids.

    What else the function takes is as in `computed`.
    """

    def make(owner: type[Entity], name: str, function: Callable[..., Any]) -> Any:
        many = type_.startswith("list[")
        PLANS[owner.__name__, name] = Reached(model, function, many)
        load = _loaded(owner, name, function, lambda row: row.id)

        async def resolve(root: Any, info: Info, **arguments: Any) -> Any:
            found = await load(root, info, **arguments)
            if not many:
                return await info.context.one(model, found)
            rows = await asyncio.gather(*[info.context.one(model, id) for id in found])
            return [row for row in rows if row is not None]

        with_signature(resolve, arguments(function, after=1))
        return named(type_, _text(function.__doc__), resolve)

    return lambda function: _Function(make, function)


def _loaded(
    model: type[Entity], name: str, function: Callable[..., Awaitable[Any]], of: Callable[[Any], Any]
) -> Callable[..., Awaitable[Any]]:
    """What gets, for one row, what the function finds for all of a moment."""
    names = given(function)

    async def resolve(root: Any, info: Info, **arguments: Any) -> Any:
        async def load(rows: list[Any]) -> list[Any]:
            found = await function([of(row) for row in rows], **bound(names, info.context), **arguments)
            return [found.get(row.id) for row in rows]

        return await info.context.loader((model, name, repr(arguments)), load).load(root)

    return with_signature(resolve, arguments(function, after=1))


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
