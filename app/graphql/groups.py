"""Subscribers that are sent the same: what is equal for them is found out once for each event of the log.

    Following ──→ Selection ──→ parcels ──→ its Group: all who stand at the end of the log, each with its outlet
    (what, of     (for whom,     (ready      └→ who stands elsewhere reads on by itself: see `subscribing`
     which log)    as what)       to send)

A selection is one operation as viewers with one set of rights see it. Its group follows the hub with one task. A member
comes with its exact place in the log and leaves with it, so that it makes no difference but in what it costs.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Protocol
from weakref import WeakValueDictionary

from app.access import Viewer
from app.clock import now
from app.events import Position
from app.graphql import metrics
from app.graphql.budget import Budget
from app.graphql.outlets import Outlet
from app.graphql.rendering import Event, Parcel, SharedRenderings
from app.publishers.hub import Event as LogEvent
from app.publishers.hub import Hub

STRIDE = 16
"""Events of the log that a group prepares side by side: where much happens, what it sends goes out in fewer writes."""

MOST_BYTES = 65_536
"""After which what was prepared is sent before more is put with it."""

AT_ONCE = 250
"""Members that are sent something before others have their turn."""


class Following(Protocol):
    """What a subscription's resolver gives when all that it tells hangs on events of the log alone."""

    hub: Hub
    place: "Place"
    """From where it was asked for."""

    def concerns(self, event: LogEvent) -> bool:
        """False when it tells nobody of such an event: asked first, of each event."""

    async def payloads(self, event: LogEvent, viewer: Viewer) -> Sequence[Any]:
        """What it tells this viewer of an event; nothing when the viewer may not see it or did not want it."""


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the log: after a position, and, of the event `inside`, after so many of the results that it gives."""

    position: Position
    inside: Position | None = None
    told: int = 0


Render = Callable[[Any, Any], Awaitable[Event]]
"""Makes the result of a payload in a context."""


@dataclass(frozen=True, slots=True)
class Charge:
    """What each result costs whoever gets it, in points of a budget."""

    budget: Budget
    points: int

    def take(self, payer: Hashable, results: int) -> bool:
        """Take the points of so many results; False, and nothing taken, when there are not enough."""
        return self.budget.take(payer, self.points * results)

    async def wait(self, payer: Hashable) -> None:
        """Take those of one result as soon as there are enough: events are held back, never lost."""
        await self.budget.spend_when_refilled(payer, self.points)

    def give_back(self, payer: Hashable, results: int) -> None:
        """Return what was taken for results that were not sent."""
        self.budget.give_back(payer, self.points * results)


class Selection:
    """One operation, as viewers with one set of rights see it."""

    def __init__(
        self,
        following: Following,
        viewer: Viewer,
        render: Render,
        make_context: Callable[[], Any],
        charge: "Charge",
        made: SharedRenderings[Parcel],
    ) -> None:
        self.hub = following.hub
        self.charge = charge
        self.concerns = following.concerns
        self._following = following
        self._viewer = viewer
        self._render = render
        self._make_context = make_context
        self._made = made
        self.group = Group(self)

    async def parcel(self, event: LogEvent, context: Any = None) -> Parcel:
        """What the event amounts to, made a moment ago or now; in this context, if it is made now."""
        key = (self, event.position, self.hub.access_changes)
        return await self._made.get(key, partial(self._make, event, context))

    async def parcels(self, events: Sequence[LogEvent]) -> list[Parcel]:
        """What these events amount to: those that amount to something, in order."""
        if len(events) == 1:
            found = [await self.parcel(events[0])]
        else:
            context = self._make_context()  # one for all of them: rows are loaded in one statement
            found = await asyncio.gather(*[self.parcel(event, context) for event in events])
        return [parcel for parcel in found if parcel.events]

    async def _make(self, event: LogEvent, context: Any) -> Parcel:
        payloads = await self._following.payloads(event, self._viewer)
        made = [await self._render(each, context or self._make_context()) for each in payloads]
        return Parcel(event.position, made)


class Selections:
    """The selections that somebody follows, by what makes them equal."""

    def __init__(self) -> None:
        self._made: SharedRenderings[Parcel] = SharedRenderings()
        self._open: WeakValueDictionary[Hashable, Selection] = WeakValueDictionary()

    def get(
        self,
        key: Hashable,
        following: Following,
        viewer: Viewer,
        render: Render,
        make_context: Callable[[], Any],
        charge: "Charge",
    ) -> Selection:
        """The selection of that key; made of what is given by who comes first."""
        found = self._open.get(key)
        if found is None:
            found = Selection(following, viewer, render, make_context, charge, self._made)
            self._open[key] = found
        return found


@dataclass(slots=True, eq=False)
class Member:
    """A subscriber in a group."""

    place: Place
    outlet: Outlet
    payer: Hashable
    expires: datetime | None
    left: "asyncio.Future[None]" = field(init=False)


class Group:
    """The members of a selection that stand at the end of the log, or wait for the group to come to where they stand."""

    def __init__(self, selection: Selection) -> None:
        self._selection = selection
        self._hub = selection.hub
        self._members: dict[Member, None] = {}
        self._position = self._hub.end
        self._changes = 0
        self._expires: datetime | None = None
        self._task: asyncio.Task[None] | None = None

    async def follow(self, member: Member) -> None:
        """Send the member what comes after its place, until it must go on by itself from what is then its place.

        It stands at the end of the hub, and its rights are those of the selection as of the hub's latest change of access.
        """
        member.left = asyncio.get_running_loop().create_future()
        self._enter(member)
        try:
            await member.left
        finally:
            self._members.pop(member, None)
            if not self._members and self._task is not None:
                self._task.cancel()
                self._task = None

    def _enter(self, member: Member) -> None:
        self._members[member] = None
        if self._task is None:
            self._position = member.place.position
            self._changes = self._hub.access_changes
            self._expires = member.expires
            self._task = asyncio.create_task(self._run())
        elif member.expires is not None:
            self._expires = min(member.expires, self._expires or member.expires)

    async def _run(self) -> None:
        """Follow the hub. Whatever goes wrong, each member meets it by itself and says so to its client."""
        selection = self._selection  # as long as this runs, whoever comes finds it
        try:
            while batch := await self._next():
                concerned = [event for event in batch if selection.concerns(event)]
                for first in range(0, len(concerned), STRIDE):
                    if not await self._hand_out(concerned[first : first + STRIDE]):
                        return
                self._position = batch[-1].position
                await asyncio.sleep(0)
        except Exception:
            return
        finally:
            if self._task is asyncio.current_task():
                self._task = None
                self._release_all()

    async def _next(self) -> Sequence[LogEvent]:
        while not (batch := await self._hub.after(self._position)) and self._hub.running():
            await self._hub.changed(self._position)
        return batch

    async def _hand_out(self, events: Sequence[LogEvent]) -> bool:
        """Send these to all. False when that is no longer one group's business: nobody is sent what he may not see."""
        found = await self._selection.parcels(events)
        if not self._holds():  # then they may amount to something for one to whom they amounted to nothing
            return False
        for parcel in _packed(found):
            due = self._due(parcel)
            self._charge(parcel, due)
            for first in range(0, len(due), AT_ONCE):
                self._send(parcel, due[first : first + AT_ONCE])
                await asyncio.sleep(0)
                if not self._holds():
                    return False
            self._position = parcel.position
        self._position = events[-1].position
        return True

    def _holds(self) -> bool:
        """Whether all members still have the rights with which they came."""
        return self._changes == self._hub.access_changes and (self._expires is None or now() < self._expires)

    def _due(self, parcel: "Packed") -> list[Member]:
        """Who is to get it. Who has had a part of it goes on by himself."""
        due = []
        for member in list(self._members):
            if member.place.position < parcel.first:
                due.append(member)
            elif member.place.position < parcel.position:
                self._release(member)
        return due

    def _charge(self, parcel: "Packed", due: list[Member]) -> None:
        """Take the points of all who are to get it; those whose payer has too few wait for them by themselves."""
        for payer, many in Counter([member.payer for member in due]).items():
            if not self._selection.charge.take(payer, len(parcel.events) * many):
                for member in [each for each in due if each.payer == payer]:
                    self._release(member)

    def _send(self, parcel: "Packed", due: list[Member]) -> None:
        results, sent = len(parcel.events), 0
        whole = Place(parcel.position)
        for member in due:
            if member not in self._members:
                continue
            taken = member.outlet.put(parcel, 0)
            sent += taken
            if taken == results:
                member.place = whole
            else:
                member.place = parcel.place_after(taken, max(self._position, member.place.position))
                self._selection.charge.give_back(member.payer, results - taken)
                self._let_go(member)
        metrics.EVENTS_SENT.inc(sent)

    def _release(self, member: Member) -> None:
        """Let a member go from where it stands: at least where the group does."""
        if member.place.position < self._position:
            member.place = Place(self._position)
        self._let_go(member)

    def _let_go(self, member: Member) -> None:
        del self._members[member]
        if not member.left.done():
            member.left.set_result(None)

    def _release_all(self) -> None:
        for member in list(self._members):
            self._release(member)


class Packed(Parcel):
    """Parcels that are sent together."""

    __slots__ = ("_parcels", "first")

    def __init__(self, parcels: Sequence[Parcel]) -> None:
        super().__init__(parcels[-1].position, [event for parcel in parcels for event in parcel.events])
        self._parcels = parcels
        self.first = parcels[0].position
        """Where the first event of the log in it stands."""

    def place_after(self, taken: int, position: Position) -> Place:
        """Where one stands that stood at a position before it and has had so many of these results, not all."""
        for parcel in self._parcels:
            if taken < len(parcel.events):
                return Place(position, parcel.position, taken)
            taken -= len(parcel.events)
            position = parcel.position
        raise AssertionError("whoever has had all of them stands after them")


def _packed(parcels: Sequence[Parcel]) -> list[Packed]:
    """Together what is small."""
    packed: list[list[Parcel]] = []
    size = MOST_BYTES
    for parcel in parcels:
        if size >= MOST_BYTES:
            packed.append([])
            size = 0
        packed[-1].append(parcel)
        size += sum(len(event.rendered.payload) for event in parcel.events)
    return [Packed(each) for each in packed]
