"""Actors: what tasks are for."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import dramatiq
import strawberry

from app.errors import UnknownActor
from app.graphql.scalars import JSON
from app.tasks.actors import describe
from app.tasks.messages import find_actor


@strawberry.type(description="A function that tasks are for.")
class Actor:
    """Shows an actor that a module of this server declares."""

    name: str = strawberry.field(description="Its name: module and function, unless it chose another.")
    queue_name: str = strawberry.field(description="The queue of its tasks, unless they are sent to another.")
    description: str | None = strawberry.field(description="What it does, for people.")
    priority: int = strawberry.field(description="The priority of its tasks; the lowest number runs first.")
    remote: bool = strawberry.field(description="True: enqueueTask may send tasks to it.")
    options: JSON = strawberry.field(description="What it was declared with, as far as JSON can say it.")

    @classmethod
    def of(cls, actor: dramatiq.Actor[..., Any]) -> "Actor":
        return cls(
            name=actor.actor_name,
            queue_name=actor.queue_name,
            description=describe(actor),
            priority=actor.priority,
            remote=is_remote(actor),
            options=JSON({name: _as_json(value) for name, value in actor.options.items()}),
        )


def is_remote(actor: dramatiq.Actor[..., Any]) -> bool:
    """True when it may be enqueued through the API."""
    return actor.options.get("remote") is True


def _as_json(value: Any) -> Any:
    """A value of an option; what is no JSON by its name."""
    if isinstance(value, Mapping):
        return {str(name): _as_json(each) for name, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_as_json(each) for each in value]
    if isinstance(value, timedelta):
        return value.total_seconds()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return getattr(value, "actor_name", None) or getattr(value, "__qualname__", None) or str(value)


def actor_description(name: str) -> str | None:
    """What the actor of that name does; None when no module of this server declares it."""
    try:
        return describe(find_actor(name))
    except UnknownActor:
        return None
