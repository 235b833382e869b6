"""What all subscriptions share: follow the log from a cursor, see only what one may, say where to resume."""

from asyncio import Lock
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from datetime import datetime
from inspect import isawaitable
from time import monotonic
from typing import Annotated, Any

import strawberry

from app.access import Viewer
from app.context import Info
from app.errors import BadInput, Unauthenticated
from app.events import Audience, Position
from app.graphql.filters import Filter
from app.graphql.groups import Place
from app.graphql.ids import decode_event_cursor, decode_event_place, event_cursor
from app.graphql.scalars import Cursor
from app.models import Entity, Workspace
from app.models.outbox import end_of_log
from app.publishers.hub import Event, Hub

Tell = Callable[[Event], Any | Awaitable[Sequence[Any]]]
"""What an event is told as: one payload, or, from a coroutine, any number."""

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


class Following:
    """What a subscription tells of the log: an event at a time, from a place on. The engine runs it (`subscribing`).

    It knows nothing of who follows but how each of them filters: the same one serves all whose rights are equal.
    """

    def __init__(
        self,
        hub: Hub,
        place: Place,
        tell: Tell,
        types: Collection[str] | None,
        only: Callable[[Event], bool] | None,
        wanted: "Wanted | None",
    ) -> None:
        self.hub = hub
        self.place = place
        self._tell = tell
        self._types = types
        self._only = only
        self._wanted = wanted
        self._sight = Sight(hub)

    def concerns(self, event: Event) -> bool:
        """By its type and subject, whoever follows."""
        return (self._types is None or event.type in self._types) and (
            self._only is None or self._only(event)
        )

    async def payloads(self, event: Event, viewer: Viewer) -> Sequence[Any]:
        """What the viewer is told: nothing of what it may not see or did not want."""
        if not await self._sight.sees(viewer, event):
            return ()
        if self._wanted is not None and not await self._wanted.holds(event, viewer):
            return ()
        told = self._tell(event)
        return await told if isawaitable(told) else (told,)


async def follow(
    info: Info,
    after: str | None,
    tell: Tell,
    types: Collection[str] | None = None,
    *,
    only: Callable[[Event], bool] | None = None,
    wanted: "Wanted | None" = None,
    steps: bool = False,
) -> Following:
    """Tell of every event after the cursor that the viewer may see, of these types, and only of those, for ever.

    With `steps` a cursor may lie inside an event, after so many of its payloads.
    """
    place = Place(await position_after(info, after))
    if steps and after is not None:
        inside, step = decode_event_place(after)
        place = Place(place.position, inside, step) if step else place
    return Following(info.context.hub, place, tell, types, only, wanted)


async def seen(info: Info, after: str | None, types: Collection[str]) -> AsyncIterator[Event]:
    """The events after the cursor that the viewer may see, of these types, for ever: for who tells more than of them."""
    hub, position = info.context.hub, await position_after(info, after)
    sight = Sight(hub)
    async for event in hub.follow(position, types):
        if await sight.sees(await info.context.current_viewer(), event):
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
    """Which events viewers see; looked up again whenever somebody's access has changed."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._viewer: Viewer | None = None
        self._changes = 0
        self._workspaces: dict[int, bool] = {}

    async def sees(self, viewer: Viewer, event: Event) -> bool:
        """The same rule as `OutboxEvent.visibility`, which a test holds it against."""
        if event.tenant_id != viewer.tenant_id or viewer.worker_id is not None:
            return False
        if viewer.user_id is not None and (
            event.owner_id == viewer.user_id or _public_in_tenant(event, viewer)
        ):
            return True
        shared = event.audience in (Audience.WORKSPACE, Audience.WORKSPACE_AND_STAFF)
        return shared and event.workspace_id is not None and await self._sees(viewer, event.workspace_id)

    async def _sees(self, viewer: Viewer, workspace_id: int) -> bool:
        changes = self._hub.access_changes
        if self._viewer is not viewer or self._changes != changes:
            self._viewer, self._changes, self._workspaces = viewer, changes, {}
        known = self._workspaces
        if workspace_id not in known:
            known[workspace_id] = await Workspace.visible_to(viewer).filter(id=workspace_id).exists()
        return known[workspace_id]


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
        self._hub, self._model, self._filter = info.context.hub, model, filter
        self._looking = Lock()
        self._found: dict[Position, bool] = {}
        self._found_at = 0.0
        self._of = f"{model._meta.db_table}/"
        self._ids = None
        if filter is not None:
            filter.to_q(info.context.viewer)
            self._ids = filter.ids()

    async def holds(self, event: Event, viewer: Viewer) -> bool:
        """Asks the database, unless the filter names other rows; where much happens, of many events at once."""
        if self._filter is None:
            return True
        if self._ids is not None and event.subject_id not in self._ids:
            return False
        async with self._looking:  # who waits for it is answered by what it finds
            if event.position not in self._found or monotonic() - self._found_at > STALE:
                await self._look(event, viewer)
            return self._found.pop(event.position)

    async def _look(self, event: Event, viewer: Viewer) -> None:
        """Find out of this event and of those that are at hand after it: each is looked at after it has happened."""
        assert self._filter is not None
        subjects = {event.position: event.subject_id}
        for each in self._hub.at_hand(event.position):
            if each.subject.startswith(self._of) and (self._ids is None or each.subject_id in self._ids):
                subjects[each.position] = each.subject_id
        self._found_at = monotonic()
        rows = self._model.visible_to(viewer).filter(self._filter.to_q(viewer), id__in=set(subjects.values()))
        found = {row["id"] for row in await rows.values("id")}
        self._found = {position: id in found for position, id in subjects.items()}


def common(event: Event) -> dict[str, Any]:
    """The fields that every happening has."""
    return {"cursor": event_cursor(event.position), "time": event.time, "type": event.type}


def require_identity(viewer: Viewer) -> None:
    """For streams that the anonymous have no part in."""
    if viewer.anonymous:
        raise Unauthenticated()
