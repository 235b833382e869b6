"""What all subscriptions share: follow the log from a cursor, see only what one may, say where to resume."""

from collections.abc import AsyncIterator, Callable, Collection
from datetime import datetime
from time import monotonic
from typing import Annotated, Any, TypeVar, cast

import strawberry

from app.access import Viewer
from app.context import Info
from app.errors import BadInput, Unauthenticated
from app.events import Audience, Position
from app.graphql.filters import Filter
from app.graphql.ids import decode_event_cursor, event_cursor
from app.graphql.scalars import Cursor
from app.models import Entity, Workspace
from app.models.outbox import end_of_log
from app.publishers.hub import Event

T = TypeVar("T")
STALE = 1.0
"""Seconds for which is believed what was found out of an event before it is handed out."""

After = Annotated[
    Cursor | None,
    strawberry.argument(
        description="The last cursor that you saw: what came after it follows first. Null: only what happens from now on."
    ),
]


@strawberry.interface(description="Something that happened.")
class Happening:
    """Base of what subscriptions yield."""

    cursor: Cursor = strawberry.field(
        description="Its place in the event log: give it as `after` to go on from here."
    )
    time: datetime = strawberry.field(description="When it happened.")
    type: str = strawberry.field(
        description="What happened, such as work_request.completed: see docs/reference/events.md."
    )


async def follow(info: Info, after: str | None, types: Collection[str] | None = None) -> AsyncIterator[Event]:
    """The events after the cursor that the viewer may see, of these types, for ever."""
    position, sight = await position_after(info, after), Sight(info)
    async for event in info.context.hub.follow(position, types):
        if await sight.sees(event):
            yield event


async def position_after(info: Info, after: str | None) -> Position:
    """Where a cursor stands in the log; its present end when there is none. `BadInput` for one that is not from this log."""
    hub = info.context.hub
    if after is None:
        return hub.end
    position = decode_event_cursor(after)
    if position > hub.end and position > await end_of_log():
        raise BadInput("This cursor lies in the future: it is not from this server.", path=("after",))
    return position


class Sight:
    """Which events a viewer sees; looked up again whenever somebody's access has changed."""

    def __init__(self, info: Info) -> None:
        self._context = info.context
        self._viewer: Viewer | None = None
        self._changes = 0
        self._workspaces: dict[int, bool] = {}

    async def sees(self, event: Event) -> bool:
        """The same rule as `OutboxEvent.visibility`, which a test holds it against."""
        viewer = await self._context.current_viewer()
        if event.tenant_id != viewer.tenant_id or viewer.worker_id is not None:
            return False
        if viewer.user_id is not None and (
            event.owner_id == viewer.user_id or _public_in_tenant(event, viewer)
        ):
            return True
        shared = event.audience in (Audience.WORKSPACE, Audience.WORKSPACE_AND_STAFF)
        return shared and await self._sees_workspace(viewer, event.workspace_id)

    async def _sees_workspace(self, viewer: Viewer, id: int | None) -> bool:
        changes = self._context.hub.access_changes
        if self._viewer is not viewer or self._changes != changes:
            self._viewer, self._changes, self._workspaces = viewer, changes, {}
        if id is None:
            return False
        if id not in self._workspaces:
            self._workspaces[id] = await Workspace.visible_to(viewer).filter(id=id).exists()
        return self._workspaces[id]


def _public_in_tenant(event: Event, viewer: Viewer) -> bool:
    if event.audience is Audience.TENANT:
        return True
    staff = event.audience in (Audience.STAFF, Audience.WORKSPACE_AND_STAFF)
    return staff and (viewer.is_staff or viewer.is_superuser)


class Wanted:
    """Which events a subscription's filter lets through: it holds of their subject as that is now.

    Raises `BadInput` when the filter is malformed.
    """

    def __init__(self, info: Info, model: type[Entity], filter: Filter | None) -> None:
        self._context, self._model, self._filter = info.context, model, filter
        self._found: dict[Position, bool] = {}
        self._found_at = 0.0
        self._of = f"{model._meta.db_table}/"
        self._ids = None
        if filter is not None:
            filter.to_q(info.context.viewer)
            self._ids = filter.ids()

    async def holds(self, event: Event) -> bool:
        """Asks the database, unless the filter names other rows; where much happens, of many events at once."""
        if self._filter is None:
            return True
        if self._ids is not None and event.subject_id not in self._ids:
            return False
        if event.position not in self._found or monotonic() - self._found_at > STALE:
            await self._look(event)
        return self._found.pop(event.position)

    async def _look(self, event: Event) -> None:
        """Find out of this event and of those that are at hand after it: each is looked at after it has happened."""
        assert self._filter is not None
        subjects = {event.position: event.subject_id}
        for each in self._context.hub.at_hand(event.position):
            if each.subject.startswith(self._of) and (self._ids is None or each.subject_id in self._ids):
                subjects[each.position] = each.subject_id
        viewer, self._found_at = await self._context.current_viewer(), monotonic()
        rows = self._model.visible_to(viewer).filter(self._filter.to_q(viewer), id__in=set(subjects.values()))
        found = {row["id"] for row in await rows.values("id")}
        self._found = {position: id in found for position, id in subjects.items()}


def told(event: Event, tell: Callable[[Event], T]) -> T:
    """What `tell` makes of the event: made once, and shared by all who are told the same."""
    if tell not in event.told:
        event.told[tell] = tell(event)
    return cast(T, event.told[tell])


def common(event: Event) -> dict[str, Any]:
    """The fields that every happening has."""
    return {"cursor": event_cursor(event.position), "time": event.time, "type": event.type}


def require_identity(viewer: Viewer) -> None:
    """For streams that the anonymous have no part in."""
    if viewer.anonymous:
        raise Unauthenticated()
