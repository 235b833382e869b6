"""Builds the schema from the three root types."""

import strawberry
from strawberry.schema.config import StrawberryConfig

from app.graphql.mutations import ERROR_TYPES
from app.graphql.scalars import SCALARS


def make_schema(query: type, mutation: type, subscription: type, types: list[type]) -> strawberry.Schema:
    """The schema. `types` are those that only an interface leads to."""
    return strawberry.Schema(
        query=query,
        mutation=mutation,
        subscription=subscription,
        types=[*types, *ERROR_TYPES],
        config=StrawberryConfig(scalar_map=SCALARS),
    )
