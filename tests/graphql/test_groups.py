"""Whoever is in a group gets exactly what a lone subscriber would: from its cursor, once each, in order, as its rights are."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import orjson
import pytest
import strawberry

import app.publishers.hub
from app.access import Role, Viewer
from app.clock import now
from app.errors import CursorExpired, Unauthenticated
from app.events import Audience, Position
from app.graphql.engine import Engine, Event
from app.graphql.groups import Following, Group, Place
from app.graphql.ids import decode_event_cursor, decode_event_place, event_cursor
from app.graphql.rendering import Parcel
from app.graphql.request import GraphQLRequest
from app.graphql.response import Refused
from app.publishers.hub import Event as LogEvent
from app.publishers.hub import Hub
from app.settings import Settings

LIMIT = 60.0
OPEN, CLOSED = 1, 2
"""A workspace that everybody sees, and one that only some do."""


class Log:
    """An event log in memory, which the hub and the oracle both read."""

    def __init__(self) -> None:
        self.events: list[LogEvent] = []
        self.kept_from = 0
        self.hub = Hub(self._scan)
        self.hub.start(Position(1, 0))
        self.rendered: list[Position] = []
        self.looked_at: list[tuple[Position, int | None]] = []
        self.dice = random.Random(0)

    async def _scan(self, after: Position, limit: int) -> Sequence[LogEvent]:
        await asyncio.sleep(0)
        if after.seq < self.kept_from:
            raise CursorExpired("That is too long ago.")
        return [event for event in self.events if event.position > after][:limit]

    def write(self, *parts: tuple[int, int], type: str = "told") -> None:
        """Publish events: each in a workspace, with so many payloads."""
        new = [
            LogEvent(
                xid=1,
                seq=len(self.events) + number,
                id="",
                type=type,
                source="",
                subject="",
                subject_id=0,
                time=now(),
                json=f'{{"payloads": {payloads}}}',
                tenant_id=1,
                workspace_id=workspace,
                audience=Audience.WORKSPACE,
                owner_id=None,
            )
            for number, (workspace, payloads) in enumerate(parts, start=1)
        ]
        self.events += new
        self.hub.publish(new)


@dataclass
class Context:
    """One for each stride."""

    viewer: Viewer
    log: Log


@strawberry.type
class Told:
    """A payload."""

    cursor: str
    at: strawberry.Private[Position]

    @strawberry.field
    async def who(self, info: strawberry.Info) -> int | None:
        """Whose eyes it was rendered with."""
        info.context.log.rendered.append(self.at)
        await asyncio.sleep(0)
        return info.context.viewer.user_id  # type: ignore[no-any-return]


class Telling:
    """See `Following`."""

    def __init__(self, log: Log, place: Place) -> None:
        self.hub, self.place = log.hub, place
        self._log = log

    def concerns(self, event: LogEvent) -> bool:
        return event.type == "told"

    async def payloads(self, event: LogEvent, viewer: Viewer) -> list[Told]:
        self._log.looked_at.append((event.position, viewer.user_id))
        for _ in range(self._log.dice.randrange(3)):
            await asyncio.sleep(0)
        if event.workspace_id not in viewer.roles:
            return []
        many = event.data["payloads"]
        return [
            Told(cursor=event_cursor(event.position, step if step < many else 0), at=event.position)
            for step in range(1, many + 1)
        ]


@strawberry.type
class Query:
    """What there must be."""

    nothing: int = 0


@strawberry.type
class Subscription:
    """What is followed."""

    @strawberry.subscription(graphql_type=Told)
    @staticmethod
    async def told(info: strawberry.Info, after: str | None = None) -> Following:
        log: Log = info.context.log
        place = Place(log.hub.end)
        if after is not None:
            inside, step = decode_event_place(after)
            position = decode_event_cursor(after)
            place = Place(position, inside, step) if step else Place(position)
        return Telling(log, place)


SCHEMA = strawberry.Schema(query=Query, subscription=Subscription)
TOLD = "subscription ($after: String) { told(after: $after) { cursor who } }"


@dataclass
class Person:
    """A caller whose rights the test holds in its hands."""

    id: int
    workspaces: frozenset[int]
    token: int
    expires: datetime | None = None
    refused: bool = False
    by_cookie: bool = False
    address: str = ""
    changes: int = 0
    dice: random.Random = field(default_factory=lambda: random.Random(0))

    def __post_init__(self) -> None:
        self.stand(self.workspaces)

    def stand(self, workspaces: frozenset[int]) -> None:
        """From now on, see these."""
        self.workspaces = workspaces
        self.changes += 1
        self.standing = Viewer(
            tenant_id=1,
            user_id=self.id,
            token_id=self.token,
            roles=dict.fromkeys(workspaces, Role.VIEWER),
            expire_at=self.expires,
        )

    async def viewer(self, *, fresh: bool = True) -> Viewer:
        for _ in range(self.dice.randrange(9)):
            await asyncio.sleep(0)
        if self.refused or (self.expires is not None and self.expires <= now()):
            raise Unauthenticated()
        return self.standing

    async def wait_until_revoked(self) -> str:
        return str(await asyncio.get_running_loop().create_future())


@dataclass
class Client:
    """A subscriber that reads as much as it has room for."""

    yard: "Yard"
    person: Person
    outlet: bool = True
    after: str | None = None
    room: float = float("inf")
    seen: list[str] = field(default_factory=list)
    changes: list[int] = field(default_factory=list)
    """How often this person's rights had changed when each was seen."""
    pushed: int = 0
    error: str | None = None
    task: "asyncio.Task[None] | None" = None

    def put(self, parcel: Parcel, start: int) -> int:
        """See `Outlet`."""
        if not self.outlet:
            return start
        taken = int(min(self.room, len(parcel.events) - start))
        for event in parcel.events[start : start + taken]:
            self._take(event)
        self.pushed += taken
        return start + taken

    def _take(self, event: Event) -> None:
        told = orjson.loads(event.rendered.payload)["data"]["told"]
        assert told == {"cursor": event.cursor, "who": self.person.id}
        self.seen.append(told["cursor"])
        self.changes.append(self.person.changes)
        self.room -= 1
        self.yard.changed()

    def begin(self) -> None:
        """Come, or come back from the last cursor."""
        self.task = asyncio.create_task(self._run())

    async def leave(self) -> None:
        """Go."""
        assert self.task is not None
        self.task.cancel()
        await asyncio.wait([self.task])

    def make_room(self, room: float) -> None:
        """Read on."""
        self.room = room
        self.yard.changed()

    async def _run(self) -> None:
        after = self.seen[-1] if self.seen else self.after
        request = GraphQLRequest(query=TOLD, variables={"after": after})
        engine = self.yard.engine
        try:
            async with aclosing(
                engine.stream(engine.find(request), request, self.person, outlet=self)
            ) as events:
                async for event in events:
                    await self.yard.until(lambda: self.room > 0)
                    self._take(event)
        except Refused as refused:
            self.error = refused.code
            self.yard.changed()


class Yard:
    """The log, the engine, and who follows."""

    def __init__(self, **settings: Any) -> None:
        self.log = Log()
        self.engine = Engine(SCHEMA, Settings(**settings), lambda viewer, _: Context(viewer, self.log))
        self.clients: list[Client] = []
        self._change = asyncio.Event()

    def changed(self) -> None:
        """Wake those who wait for something to be so."""
        self._change.set()
        self._change = asyncio.Event()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something is so."""
        async with asyncio.timeout(LIMIT):
            while not condition():
                await self._change.wait()

    async def come(self, person: Person, **how: Any) -> Client:
        """One more subscriber, who follows when this returns."""
        client = Client(self, person, **how)
        self.clients.append(client)
        followers = self.log.hub.followers
        client.begin()
        async with asyncio.timeout(LIMIT):
            while self.log.hub.followers == followers:
                await asyncio.sleep(0)
        return client

    async def all_in_groups(self) -> None:
        """Wait until everybody is a member of a group."""
        async with asyncio.timeout(LIMIT):
            while sum(len(group._members) for group in self.groups()) < len(self.clients):
                await asyncio.sleep(0)

    def groups(self) -> list[Group]:
        """Those that there are."""
        return [each.group for each in self.engine._subscriptions._selections._open.values()]

    async def all_have(self, *parts: tuple[int, int]) -> str:
        """Write that, and wait until everybody has it. Its last cursor."""
        self.log.write(*parts)
        last = event_cursor(self.log.events[-1].position)
        await self.until(lambda: all(client.seen[-1:] == [last] for client in self.clients))
        return last


@asynccontextmanager
async def opened(**settings: Any) -> AsyncIterator[Yard]:
    yard = Yard(**settings)
    try:
        yield yard
    finally:
        for client in yard.clients:
            if client.task is not None and not client.task.done():
                await client.leave()


BOTH, FIRST = frozenset({OPEN, CLOSED}), frozenset({OPEN})


async def test_what_is_equal_for_all_is_found_out_and_rendered_once_and_put_to_each() -> None:
    async with opened() as yard:
        clients = [await yard.come(Person(7, BOTH, token)) for token in range(50)]

        await yard.all_in_groups()
        await yard.all_have((OPEN, 1))
        await yard.all_in_groups()
        await yard.all_have((CLOSED, 3))

    assert yard.log.looked_at == [(Position(1, 1), 7), (Position(1, 2), 7)]
    assert yard.log.rendered == [Position(1, 1)] + 3 * [Position(1, 2)]
    assert all(client.pushed == 4 for client in clients)


async def test_who_has_other_rights_is_in_another_group() -> None:
    async with opened() as yard:
        ann, bob = await yard.come(Person(1, BOTH, 1)), await yard.come(Person(2, FIRST, 2))

        yard.log.write((CLOSED, 1))
        await yard.all_have((OPEN, 1))

    assert [len(ann.seen), len(bob.seen)] == [2, 1]


async def test_who_asks_for_more_than_its_share_gets_it_later_and_nobody_else_does() -> None:
    async with opened() as yard:
        rich = [await yard.come(Person(1, BOTH, 1)) for _ in range(3)]
        poor = [await yard.come(Person(1, BOTH, 2)) for _ in range(3)]
        clock = [0.0]
        yard.engine.budget._clock = lambda: clock[0]
        yard.engine.budget._buckets.clear()
        cost = yard.engine.find(GraphQLRequest(query=TOLD)).cost({})
        yard.engine.budget._limit = 9 * cost
        yard.engine.budget._refill_of_all = 1000 * cost
        yard.engine.budget.spend(("token", 2), 9 * cost)

        yard.log.write((OPEN, 1))
        await yard.until(lambda: all(len(client.seen) == 1 for client in rich))
        held_back = [len(client.seen) for client in poor]
        clock[0] += 1
        await yard.until(lambda: all(len(client.seen) == 1 for client in poor))

    assert held_back == [0, 0, 0]
    assert yard.engine.budget.left(("token", 1)) == 9 * cost
    assert yard.engine.budget.left(("token", 2)) == 6 * cost


async def test_whose_token_expires_in_a_group_gets_nothing_more_and_the_others_do() -> None:
    async with opened() as yard:
        stays = [await yard.come(Person(1, BOTH, token)) for token in range(3)]
        soon = Person(1, BOTH, 9, expires=now() + timedelta(hours=1))
        leaves = await yard.come(soon)
        await yard.all_have((OPEN, 1))
        await yard.all_in_groups()
        soon.expires = now()
        for group in yard.groups():
            group._expires = soon.expires

        yard.log.write((OPEN, 1))
        await yard.until(lambda: leaves.error is not None and all(len(each.seen) == 2 for each in stays))

    assert (leaves.error, len(leaves.seen)) == ("UNAUTHENTICATED", 1)


async def test_a_failure_that_all_of_a_group_meet_ends_each_of_them_with_its_error() -> None:
    async with opened() as yard:
        clients = [await yard.come(Person(1, BOTH, token)) for token in range(3)]
        await yard.all_have((OPEN, 1))

        yard.log.hub.skip_to(Position(1, 50))
        yard.log.kept_from = 50
        yard.log.hub.publish([])
        await yard.until(lambda: all(client.error is not None for client in clients))

    assert {client.error for client in clients} == {"CURSOR_EXPIRED"}


async def test_the_end_of_the_hub_ends_whoever_is_in_a_group() -> None:
    async with opened() as yard:
        clients = [await yard.come(Person(1, BOTH, token)) for token in range(3)]
        await yard.all_have((OPEN, 1))

        yard.log.hub.close()
        tasks = [client.task for client in clients if client.task is not None]
        async with asyncio.timeout(LIMIT):
            await asyncio.wait(tasks)

    assert [client.error for client in clients] == [None] * 3
    assert yard.log.hub.followers == 0


async def test_groups_that_everybody_has_left_leave_nothing_behind() -> None:
    async with opened() as yard:
        before = len(asyncio.all_tasks())
        clients = [await yard.come(Person(number, BOTH, number)) for number in range(5)]
        await yard.all_have((OPEN, 1))
        for client in clients:
            await client.leave()
        async with asyncio.timeout(LIMIT):
            while len(asyncio.all_tasks()) > before:
                await asyncio.sleep(0)

    assert yard.log.hub.followers == 0


# At random -----------------------------------------------------------------------------------------------------------


class Course:
    """A course of things that happen to followers, and what each of them must have seen after it.

    An event may be judged at any time from when it was written until its follower has it, or the next one. What might be
    seen all that time must have come; what might not at any must not.
    """

    def __init__(self, yard: Yard, dice: random.Random) -> None:
        self.yard, self.dice = yard, dice
        self.people = [Person(number % 3, BOTH, number) for number in range(6)]
        self.rights: dict[int, list[tuple[int, frozenset[int]]]] = {each: [(-1, BOTH)] for each in range(3)}
        self.begun: list[tuple[Client, int]] = []

    async def run(self, steps: int) -> None:
        """Let so much happen, then wait until everybody has all."""
        happenings = [self.write] * 6 + [
            self.come,
            self.come,
            self.leave,
            self.stall,
            self.read_on,
            self.change,
        ]
        for _ in range(steps):
            await self.dice.choice(happenings)()
            for _ in range(self.dice.randrange(6)):
                await asyncio.sleep(0)
        for client in self.yard.clients:
            client.make_room(float("inf"))
            if client.task is None or client.task.done():
                client.begin()
        for number in range(3):
            self.stand(number, BOTH)
        await self.yard.all_have((OPEN, 1))

    async def write(self) -> None:
        parts = [
            (self.dice.choice((OPEN, CLOSED)), self.dice.choice((1, 1, 1, 2, 4)))
            for _ in range(self.dice.choice((1, 1, 1, 2, 2, 20)))
        ]
        self.yard.log.write(*parts, type=self.dice.choice(("told", "told", "told", "silent")))

    async def come(self) -> None:
        if len(self.yard.clients) >= 15:
            return
        many = len(self.yard.log.events)
        start = self.dice.choice((many, self.dice.randint(0, many)))
        client = Client(
            self.yard,
            self.dice.choice(self.people),
            outlet=self.dice.random() < 0.8,
            after=event_cursor(Position(1, start)),
            room=self.dice.choice((float("inf"), float("inf"), 0, 1, 3)),
        )
        client.begin()
        self.yard.clients.append(client)
        self.begun.append((client, start))

    async def leave(self) -> None:
        if self.yard.clients:
            client = self.dice.choice(self.yard.clients)
            if client.task is not None and not client.task.done():
                await client.leave()
            else:
                client.begin()

    async def stall(self) -> None:
        if self.yard.clients:
            self.dice.choice(self.yard.clients).room = self.dice.randrange(4)

    async def read_on(self) -> None:
        if self.yard.clients:
            self.dice.choice(self.yard.clients).make_room(self.dice.choice((1, 5, float("inf"))))

    async def change(self) -> None:
        self.stand(self.dice.randrange(3), self.dice.choice((BOTH, FIRST)))

    def stand(self, number: int, workspaces: frozenset[int]) -> None:
        for person in self.people:
            if person.id == number:
                person.stand(workspaces)
        self.rights[number].append((len(self.yard.log.events), workspaces))
        self.yard.log.hub.publish([], changes_access=True)

    def check(self) -> None:
        """Compare what each has seen with a reading of the log of our own, cursor by cursor."""
        for client, start in self.begun:
            assert client.error is None
            seen = list(zip(client.seen, client.changes, strict=True))
            for event in self.yard.log.events[start:]:
                many = event.data["payloads"] if event.type == "told" else 0
                for step in range(1, many + 1):
                    cursor = event_cursor(event.position, step if step < many else 0)
                    # By the end of the test each has had the last event: so there is one that came after this.
                    comes_next, changes = seen[0]
                    might = self._might_see(client.person.id, event, changes)
                    if comes_next == cursor:
                        assert True in might, "it was sent what it may not see"
                        del seen[0]
                    else:
                        assert False in might, "it was not sent what it may see"
            assert seen == [], "it was sent something twice, or not in order"

    def _might_see(self, number: int, event: LogEvent, changes: int) -> set[bool]:
        """Whether the event was to be seen, at any time from when it was written up to that many changes of rights."""
        rights = self.rights[number]
        first = max(each for each, (at, _) in enumerate(rights) if at < event.position.seq)
        return {event.workspace_id in workspaces for _, workspaces in rights[first:changes]}


@pytest.mark.parametrize("seed", range(10))
async def test_whatever_happens_everybody_gets_all_of_its_own_once_and_in_order(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    dice = random.Random(seed)
    if dice.random() < 0.5:
        monkeypatch.setattr(app.publishers.hub, "WINDOW", 5)
        monkeypatch.setattr(app.publishers.hub, "BATCH", 7)
    async with opened(cost_limit=10_000_000, cost_refill_per_second=10_000_000) as yard:
        course = Course(yard, dice)
        await course.run(80)
        course.check()

    assert sum(client.pushed for client in yard.clients) > 0
