"""Enums of the models, described for readers of the schema."""

from enum import Enum
from typing import Any

import strawberry

from app.graphql.entity import NAMES


def describe_enum(enum: type[Enum], description: str, **values: str) -> None:
    """Show an enum in GraphQL under its own name. Every value needs a description; a missing one fails at import."""
    shown: Any = strawberry.enum(enum, description=description)
    for value in shown.__strawberry_definition__.values:
        value.description = values[value.name]
    NAMES[enum.__name__] = enum
