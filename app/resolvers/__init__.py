"""Fields of Query and Mutation, each mutation's input and payload beside it."""

import strawberry

from app.resolvers import (
    accounts,
    artifacts,
    events,
    expiry,
    files,
    nodes,
    notifications,
    tasks,
    tokens,
    work,
    workers,
    workspaces,
)


@strawberry.type(description="What can be read. Everything shows only what you may see.")
class Query(
    nodes.Query,
    accounts.Query,
    tokens.Query,
    workspaces.Query,
    artifacts.Query,
    files.Query,
    work.Query,
    workers.Query,
    tasks.Query,
    notifications.Query,
    events.Query,
):
    """All root fields for reading."""


@strawberry.type(
    description="What can be done. Refusals are in the payload's userErrors, and then nothing was changed."
)
class Mutation(
    accounts.Mutation,
    tokens.Mutation,
    workspaces.Mutation,
    artifacts.Mutation,
    expiry.Mutation,
    work.Mutation,
    workers.Mutation,
    tasks.Mutation,
    notifications.Mutation,
):
    """All mutations."""
