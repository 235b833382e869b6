"""Runs subscriptions: each from its own place in the log, and with others that are sent the same where it can.

A `Following` is read alone, event by event, up to the end of the hub; there its subscriber enters the group of its
selection (`groups`), and when it has to leave it, it reads on alone. What it sees does not depend on which it does.
Subscriptions that hang on more than the log are generators, which are run for each subscriber; what they yield alike
is rendered once all the same.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Hashable
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from inspect import isawaitable
from typing import Any, cast

from graphql import ArgumentNode, ExecutionResult, FieldNode, NameNode, StringValueNode, located_error
from graphql.execution import Executor
from graphql.execution.collect_fields import collect_fields
from graphql.execution.values import get_argument_values
from graphql.pyutils import Path

from app.access import Viewer
from app.errors import Unauthenticated, Unavailable
from app.events import START
from app.graphql import metrics
from app.graphql.callers import AnyOfThem, Caller
from app.graphql.documents import Operation
from app.graphql.groups import Charge, Following, Member, Place, Selection, Selections
from app.graphql.outlets import Outlet
from app.graphql.rendering import Event, Parcel, Rendered, SharedRenderings
from app.graphql.request import GraphQLRequest
from app.graphql.response import BAD_INPUT, Outcome, Refused, encode, report
from app.publishers.hub import Event as LogEvent

MakeContext = Callable[[Viewer, Caller], Any]


@dataclass(frozen=True, slots=True)
class Subscriber:
    """Who asked for a subscription, for what, and where it is sent."""

    caller: Caller
    executor: Executor[Any]
    shared: Hashable
    """Equal for two subscribers that select the same, wherever they started."""
    payer: Hashable
    charge: Charge
    outlet: Outlet


class Subscriptions:
    """Those of a process."""

    def __init__(self, make_context: MakeContext) -> None:
        self._make_context = make_context
        self._selections = Selections()
        self._renderings: SharedRenderings[Event] = SharedRenderings()

    async def run(
        self, subscriber: Subscriber, source: "Following | AsyncIterator[Any]", viewer: Viewer
    ) -> AsyncGenerator[Event, None]:
        """The results that the subscriber's outlet does not take, for whoever iterates to send; the others are sent."""
        if isinstance(source, AsyncIterator):
            try:
                async for event in self._each(subscriber, source, viewer):
                    yield event
            finally:
                if isinstance(source, AsyncGenerator):
                    await source.aclose()
            return
        reader = Reader(subscriber, source, partial(self._select, subscriber, source))
        source.hub.followers += 1
        try:
            async for event in reader.events():
                yield event
        finally:
            source.hub.followers -= 1

    def _select(self, subscriber: Subscriber, source: Following, viewer: Viewer) -> Selection:
        return self._selections.get(
            (subscriber.shared, viewer.sharing_key),
            source,
            viewer,
            partial(render, subscriber.executor),
            partial(self._make_context, viewer, AnyOfThem(viewer)),
            subscriber.charge,
        )

    async def _each(
        self, subscriber: Subscriber, source: AsyncIterator[Any], viewer: Viewer
    ) -> AsyncGenerator[Event, None]:
        async for payload in source:
            # Who asks for more than its share gets it later: events are held back, never lost.
            await subscriber.charge.wait(subscriber.payer)
            viewer = await _viewer_for(payload, subscriber.caller, viewer)
            event = await self._event(subscriber, viewer, payload)
            if subscriber.outlet.put(Parcel(START, [event]), 0):
                metrics.EVENTS_SENT.inc()
            else:
                yield event

    async def _event(self, subscriber: Subscriber, viewer: Viewer, payload: Any) -> Event:
        def rendered() -> Awaitable[Event]:
            return render(subscriber.executor, payload, self._make_context(viewer, subscriber.caller))

        if (cursor := getattr(payload, "cursor", None)) is None:
            return await rendered()
        # Two payloads may stand at one cursor: an inbox's greeting, at the cursor that its worker resumes from.
        key = (subscriber.shared, viewer.sharing_key, type(payload), cursor)
        return await self._renderings.get(key, rendered)


class Reader:
    """One subscriber's way through the log: alone or in a group."""

    def __init__(
        self, subscriber: Subscriber, source: Following, select: Callable[[Viewer], Selection]
    ) -> None:
        self._subscriber = subscriber
        self._source = source
        self._select = select
        self._hub = source.hub
        self._place = source.place
        self._viewer: Viewer | None = None
        self._selection: Selection | None = None

    async def events(self) -> AsyncGenerator[Event, None]:
        """What the outlet does not take, for ever. Ends when the hub closes.

        Raises `CursorExpired` when events after its place are gone.
        """
        if not self._hub.running():
            raise Unavailable("The event stream is not running just now.")
        while True:
            batch = await self._hub.after(self._place.position)
            for event in batch:
                if self._source.concerns(event):
                    async with aclosing(self._results(event)) as results:
                        async for result in results:
                            yield result
                self._place = Place(event.position)
            if batch:
                await asyncio.sleep(0)  # all of it was at hand: let others have their turn
            elif not self._hub.running():
                return
            else:
                await self._live()

    async def _results(self, event: LogEvent) -> AsyncGenerator[Event, None]:
        """Those of one event of the log, each looked at anew: the one before may have taken long to send."""
        told = self._place.told if self._place.inside == event.position else 0
        charge, payer = self._subscriber.charge, self._subscriber.payer
        paid = False
        while told < len((parcel := await self._parcel(event)).events):
            if not paid and not charge.take(payer, 1):
                await charge.wait(payer)
                paid = True
                continue  # what was true before may not be any more
            paid = False
            if told == 0 and len(parcel.events) == 1 and self._subscriber.outlet.put(parcel, 0):
                metrics.EVENTS_SENT.inc()
            else:
                yield parcel.events[told]
            told += 1

    async def _parcel(self, event: LogEvent) -> Parcel:
        """What the event amounts to for whom the subscriber is now."""
        while True:
            changes = self._hub.access_changes
            parcel = await (await self._selected()).parcel(event)
            if self._hub.access_changes == changes:
                return parcel

    async def _selected(self) -> Selection:
        viewer = await self._subscriber.caller.viewer(fresh=False)
        if self._selection is None or viewer is not self._viewer:
            self._viewer, self._selection = viewer, self._select(viewer)
        return self._selection

    async def _live(self) -> None:
        """Be in the group as long as may be. From inside an event that is still to come one goes on alone."""
        changes = self._hub.access_changes
        selection = await self._selected()
        if self._place.position < self._hub.end or self._hub.access_changes != changes:
            return
        if self._place.inside is not None:
            await self._hub.changed(self._place.position)
            return
        assert self._viewer is not None
        member = Member(self._place, self._subscriber.outlet, self._subscriber.payer, self._viewer.expire_at)
        await selection.group.follow(member)
        self._place = member.place


async def open_source(executor: Executor[Any], resume_after: str | None) -> Following | AsyncIterator[Any]:
    """Call the resolver of the subscription's root field: what yields its payloads.

    As graphql-core's create_source_event_stream, but that `after` may be replaced.
    """
    root_type = executor.schema.subscription_type
    assert root_type is not None, "validation lets no subscription through without the type"
    fields = collect_fields(
        executor.schema, executor.fragments, executor.variable_values, root_type, executor.operation
    ).grouped_field_set
    if not fields:
        raise Refused.because("The subscription selects no field: all of them are skipped.", BAD_INPUT)
    name, details = next(iter(fields.items()))
    nodes = [each.node for each in details]
    field = executor.schema.get_field(root_type, nodes[0].name.value)
    assert field is not None
    assert field.subscribe is not None
    if resume_after is not None and "after" in field.args:
        nodes[0] = _with_after(nodes[0], resume_after)
    path = Path(None, name, root_type.name)
    try:
        arguments = get_argument_values(field, nodes[0], executor.variable_values)
        source = field.subscribe(
            None, executor.build_resolve_info(field, nodes, root_type, path), **arguments
        )
        return cast(AsyncIterator[Any], await source if isawaitable(source) else source)
    except Exception as error:
        raise Refused([report(located_error(error, nodes, path.as_list()))]) from error


def _with_after(node: FieldNode, cursor: str) -> FieldNode:
    others = [each for each in node.arguments or () if each.name.value != "after"]
    after = ArgumentNode(name=NameNode(value="after"), value=StringValueNode(value=cursor))
    return FieldNode(
        name=node.name,
        alias=node.alias,
        arguments=(*others, after),
        directives=node.directives,
        selection_set=node.selection_set,
        loc=node.loc,
    )


async def render(executor: Executor[Any], payload: Any, context: Any) -> Event:
    """Execute the selection of a subscription on one payload, in that context."""
    metrics.EVENTS_RENDERED.inc()
    each = executor.build_per_event_executor(payload)
    each.context_value = context
    result = each.execute_operation(serially=False)
    executed = cast(ExecutionResult, await result if isawaitable(result) else result)
    outcome = Outcome(executed.data, [report(error) for error in executed.errors or ()])
    cursor = getattr(payload, "cursor", None)
    return Event(Rendered(outcome.encode()), None if cursor is None else str(cursor))


def shared_part(operation: Operation, request: GraphQLRequest) -> Hashable:
    """What two subscriptions have in common when they select the same, wherever they started."""
    skipped = operation.cursor_variables
    variables = sorted(item for item in request.variables.items() if item[0] not in skipped)
    return operation, encode([variables, request.extensions])


async def _viewer_for(payload: Any, caller: Caller, before: Viewer) -> Viewer:
    """Who gets this payload; raises `Unauthenticated` once revoked. A `last_word`, which says just that, is still told."""
    try:
        return await caller.viewer(fresh=False)
    except Unauthenticated:
        if getattr(payload, "last_word", False):
            return before
        raise
