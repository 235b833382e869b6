"""What a field of the schema was declared as. A field that was not declared has code of its own, and is not compiled."""

from functools import cache
from typing import Any

from graphql import GraphQLField, GraphQLObjectType
from strawberry.types.field import StrawberryField

from app.graphql.connections import ConnectionOf, ListOf
from app.graphql.entity import (
    PLANS,
    TYPES,
    Batched,
    Column,
    Computed,
    InSql,
    Node,
    Reached,
    ToOne,
    related_model,
)
from app.graphql.roots import AnyNode, AnyNodes, Apart, Derived, NodeOf, One, RowOf, Told
from app.models import Entity

DEFINITION = "strawberry-definition"

OfRow = Column | Computed | InSql | ToOne | ConnectionOf | ListOf | Batched | Reached | type[Node]
OfValue = Derived | RowOf | NodeOf
AtRoot = ConnectionOf | ListOf | One | AnyNode | AnyNodes | Told
Declaration = OfRow | OfValue | AtRoot


class Declined(Exception):
    """Something that is not compiled, or turns out not to be as it was thought. It says why."""


def declared_as(parent: GraphQLObjectType, field: GraphQLField) -> Declaration:
    """What the field was declared as; `Node` stands for the id of a node. Raises `Declined` when it has its own code."""
    definition = definition_of(field)
    found = PLANS.get((parent.name, definition.python_name))
    if found is None:
        found = getattr(function_of(definition), "plan", None)
    if found is None and function_of(definition) is _node_id():
        found = Node
    if found is None:
        raise Declined("it has code of its own")
    if isinstance(found, Apart):
        raise Declined(found.reason)
    return found


def definition_of(field: GraphQLField) -> StrawberryField:
    """The field as it was written."""
    found = (field.extensions or {}).get(DEFINITION)
    if not isinstance(found, StrawberryField):
        raise Declined("it is no field of ours")
    return found


def function_of(definition: StrawberryField) -> Any:
    """The function that the field was written with; None: it is a plain attribute."""
    wrapped: Any = definition.base_resolver.wrapped_func if definition.base_resolver else None
    return getattr(wrapped, "__func__", wrapped)


@cache
def _node_id() -> Any:
    return next(function_of(each) for each in _fields(Node) if each.python_name == "id")


def _fields(type_: Any) -> list[StrawberryField]:
    return list(type_.__strawberry_definition__.fields)


def model_of(type_: GraphQLObjectType) -> type[Entity]:
    """The model whose rows a type shows."""
    found = _models().get(type_.name)
    if found is None:
        raise Declined(f"{type_.name} shows no table")
    return found


def shows_rows(type_: GraphQLObjectType) -> bool:
    """True of a type that shows the rows of a model."""
    return type_.name in _models()


@cache
def _models() -> dict[str, type[Entity]]:
    return {made.__strawberry_definition__.name: model for model, made in TYPES.items()}  # type: ignore[attr-defined]


def column_of(model: type[Entity], name: str) -> Any:
    """The field of the model that is that column. Tortoise itself has those of foreign keys only once a database is open."""
    found = model._meta.fields_map.get(name)
    return found or related_model(model, name.removesuffix("_id"))._meta.fields_map["id"]


def is_plain(definition: StrawberryField) -> bool:
    """True of a field that is an attribute of its value, and nothing else."""
    return definition.base_resolver is None


def arguments_of(field: GraphQLField) -> list[Any]:
    """The arguments as Strawberry knows them."""
    return definition_of(field).arguments
