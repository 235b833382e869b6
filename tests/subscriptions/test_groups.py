"""Subscriptions of the product in groups: whoever has room for it is put what a reading of the log from the start gives."""

import asyncio
import random
from contextlib import AsyncExitStack, aclosing
from typing import Any

import orjson
import pytest

from app.database import Database, fetch
from app.events import Position
from app.graphql.engine import Event
from app.graphql.ids import decode_event_place, event_cursor
from app.graphql.rendering import Parcel
from app.graphql.request import GraphQLRequest
from app.models import OutboxEvent, TaskState, Workspace
from tests.api import Api
from tests.cast import Cast, Person, workspace
from tests.task_actors import Stage
from tests.tasks_yard import acted, start_runner, until_state

__all__ = ["acted"]  # a fixture

LIMIT = 60.0
DOCUMENTS = {
    "work": "subscription ($c: Cursor) { workRequestChanged(after: $c) { cursor type time status version } }",
    "filtered": 'subscription ($c: Cursor) { workRequestChanged(filter: {taskName: {eq: "noop"}}, after: $c) { cursor type } }',
    "events": "subscription ($c: Cursor) { events(after: $c) { cursor id type subject data } }",
    "tasks": "subscription ($c: Cursor) { taskUpdated(after: $c) { cursor state previousState at attempt } }",
}


class Member:
    """A subscriber whose outlet takes as many results as it has room for; the rest it takes one by one."""

    def __init__(self, api: Api, who: Person, document: str) -> None:
        self._api, self._who, self._document = api, who, document
        self.room: float = float("inf")
        self.seen: list[dict[str, Any]] = []
        self.pushed = 0
        self._task: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()

    def put(self, parcel: Parcel, start: int) -> int:
        """See `Outlet`."""
        taken = int(min(self.room, len(parcel.events) - start))
        for event in parcel.events[start : start + taken]:
            self._take(event)
        self.pushed += taken
        return start + taken

    async def begin(self, after: str) -> None:
        """Subscribe, from there or from the last that was seen."""
        self._task = asyncio.create_task(self._run(self.seen[-1]["cursor"] if self.seen else after))
        self._api.open.append(self._task)
        await self._api.settled()

    async def leave(self) -> None:
        """Go."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            await self._api.settled()

    def make_room(self, room: float) -> None:
        """Read on."""
        self.room = room
        self._changed.set()

    async def has(self, many: int) -> None:
        """Wait until it has had so many."""
        async with asyncio.timeout(LIMIT):
            while len(self.seen) < many:
                self._changed.clear()
                await self._changed.wait()

    def _take(self, event: Event) -> None:
        body = orjson.loads(event.rendered.payload)
        assert "errors" not in body
        (payload,) = body["data"].values()
        assert payload["cursor"] == event.cursor
        self.seen.append(payload)
        self.room -= 1
        self._changed.set()

    async def _run(self, after: str) -> None:
        engine = self._api.server.engine
        request = GraphQLRequest(query=self._document, variables={"c": after})
        caller = await self._api.caller(self._who)
        async with aclosing(engine.stream(engine.find(request), request, caller, outlet=self)) as events:
            async for event in events:
                while self.room <= 0:
                    self._changed.clear()
                    await self._changed.wait()
                self._take(event)


@pytest.mark.parametrize("seed", [1, 2])
async def test_members_who_stall_leave_and_come_back_have_what_one_reads_from_the_start(
    api: Api, db: Database, cast: Cast, acted: Stage, seed: int
) -> None:
    dice = random.Random(seed)
    den = await workspace(cast.tenant, "den")
    start = await api.cursor()
    members = {
        name: [Member(api, cast.bob, document) for _ in range(5)] for name, document in DOCUMENTS.items()
    }
    everybody = [member for group in members.values() for member in group]
    async with AsyncExitStack() as stack:
        for member in everybody:
            stack.push_async_callback(member.leave)
            await member.begin(start)
        for _ in range(12):
            await happen(dice, cast, den)
            await something_with(dice.choice(everybody), dice, start)
        async with start_runner(db):
            await until_state(await cast.task(1), TaskState.DONE, TaskState.REJECTED)
        await cast.request()
        await api.caught_up()
        for member in everybody:
            member.make_room(float("inf"))

        for name, document in DOCUMENTS.items():
            cursors = await cursors_of(name, cast.bob, decode_event_place(start)[0])
            async with api.subscribe(cast.bob, document, c=start) as later:
                alone = await later.take(len(cursors))
            assert [payload["cursor"] for payload in alone] == cursors
            for member in members[name]:
                await member.has(len(cursors))
                assert member.seen == alone, name

    assert sum(member.pushed for member in everybody) > len(everybody)


async def happen(dice: random.Random, cast: Cast, den: Workspace) -> None:
    """Something that somebody follows, or that nobody of them sees."""
    match dice.choice(("request", "request", "task", "unseen")):
        case "request":
            await cast.request(by=dice.choice((cast.ann, cast.bob)))
        case "task":
            await cast.task(1)
        case "unseen":
            await cast.request(by=cast.root, workspace_id=den.id)


async def something_with(member: Member, dice: random.Random, start: str) -> None:
    """A member stalls, reads on, or goes and comes back."""
    match dice.choice(("stall", "read", "return")):
        case "stall":
            member.room = dice.randrange(3)
        case "read":
            member.make_room(float("inf"))
        case "return":
            await member.leave()
            await member.begin(start)


async def cursors_of(name: str, who: Person, start: Position) -> list[str]:
    """What the log has for that document, read by ourselves."""
    seen = {str(id) for id in await OutboxEvent.visible_to(await who.viewer()).values_list("id", flat=True)}
    rows = await fetch(
        "SELECT id, event_type, xid::text::bigint AS xid, seq, json_array_length(data->'transitions') AS steps"
        " FROM outbox_event WHERE (xid, seq) > ($1::text::xid8, $2::bigint) ORDER BY xid, seq",
        str(start.xid),
        start.seq,
    )
    cursors = []
    for row in rows:
        steps = {"events": 1, "tasks": row["steps"] or 0}.get(
            name, int(row["event_type"].startswith("work_request."))
        )
        if str(row["id"]) in seen:
            place = Position(row["xid"], row["seq"])
            cursors += [event_cursor(place, step if step < steps else 0) for step in range(1, steps + 1)]
    return cursors
