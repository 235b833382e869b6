"""The general stream: every event that one may see."""

from typing import Annotated, Any

import strawberry

from app.context import Info
from app.errors import BadInput
from app.events import CATALOGUE
from app.graphql.scalars import JSON
from app.publishers.hub import Event
from app.subscriptions.following import After, Following, Happening, common, follow

MAX_NAMES = 100


@strawberry.input(description="Which events are meant. Conditions side by side all hold.")
class EventFilter:
    """For events."""

    types: list[str] | None = strawberry.field(
        default=None, description="Of these types, such as work_request.completed."
    )
    subjects: list[str] | None = strawberry.field(
        default=None, description="About these subjects, such as work_request/12."
    )


@strawberry.type(description="An event as it stands in the log, with the attributes of a CloudEvent.")
class LoggedEvent(Happening):
    """For events."""

    id: strawberry.ID = strawberry.field(description="The CloudEvent's id, a UUID.")
    source: str = strawberry.field(description="URI of the system that says so.")
    subject: str = strawberry.field(description="What it happened to, such as work_request/12.")
    data: JSON = strawberry.field(
        description="The subject's state as of this event: see docs/reference/events.md."
    )


@strawberry.type
class Subscription:
    """Everything."""

    @strawberry.subscription(
        description="Every event that you may see, in the order of the log.", graphql_type=LoggedEvent
    )
    @staticmethod
    async def events(
        info: Info,
        filter: Annotated[EventFilter | None, strawberry.argument(description="Only these.")] = None,
        after: After = None,
    ) -> Following:
        types, subjects = _checked(filter)
        only = None if subjects is None else lambda event: event.subject in subjects
        return await follow(info, after, _logged, types, only=only)


def _logged(event: Event) -> LoggedEvent:
    fields: dict[str, Any] = common(event)
    return LoggedEvent(
        **fields,
        id=strawberry.ID(event.id),
        source=event.source,
        subject=event.subject,
        data=JSON(event.data),
    )


def _checked(filter: EventFilter | None) -> tuple[frozenset[str] | None, frozenset[str] | None]:
    if filter is None:
        return None, None
    for name, values in (("types", filter.types), ("subjects", filter.subjects)):
        if values is not None and len(values) > MAX_NAMES:
            raise BadInput(f"Name at most {MAX_NAMES} {name}.", path=("filter", name))
    unknown = [name for name in filter.types or () if name not in CATALOGUE]
    if unknown:
        raise BadInput(f"There are no events of the type '{unknown[0][:60]}'.", path=("filter", "types"))
    return (
        frozenset(filter.types) if filter.types is not None else None,
        frozenset(filter.subjects) if filter.subjects is not None else None,
    )
