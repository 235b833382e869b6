"""Builds the schema from the three root types."""

from collections.abc import Iterator
from typing import Any

import strawberry
from graphql import GraphQLInputObjectType, GraphQLInterfaceType, GraphQLObjectType, GraphQLSchema, Undefined
from strawberry.schema.config import StrawberryConfig

from app.graphql.mutations import ERROR_TYPES
from app.graphql.scalars import SCALARS


def make_schema(query: type, mutation: type, subscription: type, types: list[type]) -> strawberry.Schema:
    """The schema. `types` are those that only an interface leads to."""
    schema = strawberry.Schema(
        query=query,
        mutation=mutation,
        subscription=subscription,
        types=[*types, *ERROR_TYPES],
        config=StrawberryConfig(scalar_map=SCALARS, enable_experimental_incremental_execution=True),
    )
    for optional in _inputs(schema._schema):
        if optional.default_value is None:
            optional.default_value = (
                Undefined  # to leave it out is the same, and `= null` tells a reader nothing
            )
    return schema


def _inputs(schema: GraphQLSchema) -> Iterator[Any]:
    """Every argument and every input field."""
    for type_ in schema.type_map.values():
        if isinstance(type_, GraphQLInputObjectType):
            yield from type_.fields.values()
        elif isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
            for field in type_.fields.values():
                yield from field.args.values()
