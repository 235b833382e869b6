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
    WorkRequestAvailable,
)

INBOX_MESSAGES = [WorkRequestAvailable, WorkRequestAbortRequested, DynamicMetadataRequested, WorkerDisabled]


@cache
def build_schema() -> strawberry.Schema:
    """The one schema of this process."""
    return make_schema(Query, Mutation, Subscription, [*TYPES.values(), *INBOX_MESSAGES])
