"""What of the schema is compiled, field by field, and why the rest is not: `python -m app plans`."""

from collections.abc import Iterator
from dataclasses import dataclass

import strawberry
from graphql import (
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    get_named_type,
    is_leaf_type,
    is_required_argument,
    parse,
)
from graphql.execution.values import VariableValues

from app.graphql.plan.declared import Declined, model_of
from app.graphql.plan.planning import Planner
from app.graphql.plan.shape import Shape


@dataclass(frozen=True)
class Found:
    """A field, and why it is not compiled; None when it is."""

    type: str
    field: str
    reason: str | None


def coverage(schema: strawberry.Schema) -> list[Found]:
    """The root fields of queries, and the fields of all objects that show a table."""
    core = schema._schema
    assert core.query_type is not None
    found = [Found("Query", name, _why_not(schema, core.query_type, name)) for name in core.query_type.fields]
    for type_ in _shown(core):
        found += [Found(type_.name, name, _why_not(schema, type_, name)) for name in type_.fields]
    return found


def _shown(core: GraphQLSchema) -> Iterator[GraphQLObjectType]:
    """The types that show tables, by name."""
    for _, type_ in sorted(core.type_map.items()):
        if isinstance(type_, GraphQLObjectType) and _shows_table(type_):
            yield type_


def _shows_table(type_: GraphQLObjectType) -> bool:
    try:
        model_of(type_)
    except Declined:
        return False
    return True


def _why_not(schema: strawberry.Schema, type_: GraphQLObjectType, name: str) -> str | None:
    """Plan a query of nothing but this field."""
    core = schema._schema
    field = type_.fields[name]
    required = {
        each: argument.type for each, argument in field.args.items() if is_required_argument(argument)
    }
    declared = "".join(f", ${each}: {argument}" for each, argument in required.items())
    selected = _selected(name, field, list(required))
    if type_ is not core.query_type:
        selected = f"node(id: $id) {{ ... on {type_.name} {{ {selected} }} }}"
    document = parse(f"query($id: ID!{declared}) {{ {selected} }}")
    (operation,) = document.definitions
    assert isinstance(operation, OperationDefinitionNode)
    shape = Shape(core, document, operation, VariableValues({}, {}))
    planner = Planner(schema, shape)
    (root,) = shape.roots()
    try:
        if type_ is core.query_type:
            planner.plan(root)
        else:
            planner.one(root, type_, "id")
    except Declined as declined:
        return str(declined).removeprefix(f"{type_.name}.{name}: ")
    return None


def _selected(name: str, field: GraphQLField, required: list[str]) -> str:
    arguments = ", ".join(f"{each}: ${each}" for each in required)
    below = "" if is_leaf_type(get_named_type(field.type)) else " { __typename }"
    return f"{name}({arguments}){below}" if arguments else name + below
