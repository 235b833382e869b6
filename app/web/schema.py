"""The schema of the product."""

from functools import cache

import strawberry

import app.schema  # noqa: F401  every type must be there before the schema is built
from app.graphql.entity import TYPES
from app.graphql.schema import make_schema
from app.resolvers import Mutation, Query
from app.subscriptions import Subscription
from app.subscriptions.workers import (
    DynamicMetadataRequested,
    WorkerDisabled,
    WorkRequestAbortRequested,
    WorkRequestAnswered,
    WorkRequestAvailable,
)

INBOX_MESSAGES = [
    WorkRequestAvailable,
    WorkRequestAbortRequested,
    WorkRequestAnswered,
    DynamicMetadataRequested,
    WorkerDisabled,
]


@cache
def build_schema() -> strawberry.Schema:
    """The one schema of this process."""
    return make_schema(Query, Mutation, Subscription, [*TYPES.values(), *INBOX_MESSAGES])


@cache
def printed_schema() -> str:
    """The schema as text, as /schema.graphql serves it. Printing it takes a tenth of a second."""
    return build_schema().as_str() + "\n"
