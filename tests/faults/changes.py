"""Changes of work requests: as they stand in the log, and as somebody sees them who follows them and never gives up."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Self

import asyncpg

from app.client import Client
from app.database.address import Credentials
from app.events import Position
from app.graphql.ids import decode_event_cursor, event_cursor, global_id
from tests.machine import until

CURSOR = "{ eventCursor }"
CHANGES = """subscription ($after: Cursor) { workRequestChanged(after: $after) {
  cursor type status result attempt workRequest { id } } }"""


@dataclass(frozen=True)
class Change:
    """One change of a work request. `type` is without `work_request.`."""

    cursor: str
    request: str
    type: str
    attempt: int

    @property
    def step(self) -> str:
        """Such as "started 1"."""
        return f"{self.type} {self.attempt}"


def by_request(changes: Iterable[Change]) -> dict[str, list[str]]:
    """The steps of each request, in order."""
    found = defaultdict(list)
    for change in changes:
        found[change.request].append(change.step)
    return dict(found)


def story(attempts: int) -> list[str]:
    """The steps of a request that was lost so often, less one, and then completed."""
    steps = ["created 0"]
    for attempt in range(1, attempts + 1):
        steps += [f"started {attempt}", f"requeued {attempt}"]
    return [*steps[:-1], f"completed {attempts}"]


async def read_log(credentials: Credentials, after: str) -> list[Change]:
    """Every change after the cursor, in the order of the log, past the server."""
    connection = await asyncpg.connect(**credentials)
    try:
        return await _read_log(connection, decode_event_cursor(after))
    finally:
        await connection.close()


async def _read_log(connection: "asyncpg.Connection[Any]", after: Position) -> list[Change]:
    rows = await connection.fetch(
        "SELECT xid::text::bigint AS xid, seq, event_type, subject, (data->>'attempt')::int AS attempt"
        " FROM outbox_event WHERE (xid, seq) > ($1::text::xid8, $2)"
        " AND event_type LIKE 'work\\_request.%' AND event_type <> 'work_request.log_appended'"
        " ORDER BY outbox_event.xid, seq",
        str(after.xid),
        after.seq,
    )
    return [
        Change(
            event_cursor(Position(row["xid"], row["seq"])),
            global_id("WorkRequest", row["subject"].rpartition("/")[2]),
            row["event_type"].removeprefix("work_request."),
            row["attempt"],
        )
        for row in rows
    ]


def change_of(event: dict[str, Any]) -> Change:
    """From an event of the subscription CHANGES."""
    type = event["type"].removeprefix("work_request.")
    return Change(event["cursor"], event["workRequest"]["id"], type, event["attempt"])


class Follower:
    """Follows all changes from a cursor, across lost connections."""

    def __init__(self, client: Client, begin: str = "") -> None:
        self._client = client
        self._following: asyncio.Task[None]
        self.begin = begin
        self.seen: list[Change] = []

    async def __aenter__(self) -> Self:
        self.begin = self.begin or (await self._client.execute(CURSOR))["eventCursor"]
        self._following = asyncio.create_task(self._follow())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._following.cancel()
        await asyncio.wait([self._following])

    async def sees(self, many: int) -> None:
        """Wait until there are so many."""
        await until(lambda: len(self.seen) >= many)

    async def _follow(self) -> None:
        async with aclosing(self._client.subscribe(CHANGES, after=self.begin)) as events:
            async for event in events:
                self.seen.append(change_of(event))
