"""The API as a client meets it: the product's schema and engine on the test database, with the event log being read.

    answer = await api.execute(cast.bob, "query { viewer { user { username } } }")
    async with api.subscribe(cast.ann, "subscription { workRequestChanged { type } }") as events: await events.next()

Who asks is somebody of the cast, a key, or None for the anonymous. Their tokens are real.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Self
from uuid import uuid4

import orjson
import pytest
from pydantic import SecretStr

from app.daemons.log_reader import LogReader
from app.database import Database, fetch, transaction
from app.graphql.documents import Documents
from app.graphql.engine import Caller, Event
from app.graphql.ids import global_id
from app.graphql.request import GraphQLRequest
from app.graphql.response import Refused, refusal
from app.models import Entity
from app.settings import Settings
from app.web.asgi import Server
from tests.cast import Machine, Person

LIMIT = 10.0
"""Seconds that anything may take before a test gives up waiting for it."""

Asker = Person | Machine | str | None


def gid(row: Entity) -> str:
    """The global id of a row."""
    return global_id(type(row).__name__, row.id)


@dataclass
class Answer:
    """What the API answered. `answer["field"]` is data that must have come without an error."""

    data: Any
    errors: list[dict[str, Any]] = field(default_factory=list)

    def __getitem__(self, name: str) -> Any:
        assert self.errors == []
        return self.data[name]

    @property
    def code(self) -> str:
        """The code of the only top-level error."""
        (error,) = self.errors
        return str(error["extensions"]["code"])

    @property
    def path(self) -> list[str] | None:
        """Which argument the only top-level error is about."""
        (error,) = self.errors
        found: list[str] | None = error["extensions"].get("path")
        return found

    @property
    def payload(self) -> dict[str, Any]:
        """The payload of the only mutation."""
        assert self.errors == []
        (payload,) = self.data.values()
        assert isinstance(payload, dict)
        return payload

    @property
    def done(self) -> dict[str, Any]:
        """The payload of the only mutation, which was not refused."""
        assert self.payload["userErrors"] == []
        return self.payload

    @property
    def refused(self) -> dict[str, Any]:
        """The only entry of the only mutation's userErrors."""
        (error,) = self.payload["userErrors"]
        assert isinstance(error, dict)
        return error


class Ended(Exception):
    """The subscription has ended; `code` is that of its error, None when it ended by itself."""

    def __init__(self, code: str | None) -> None:
        super().__init__(code)
        self.code = code


class Following:
    """A subscription that is held open. What comes is kept until it is asked for."""

    def __init__(self, api: "Api", who: Asker, request: GraphQLRequest) -> None:
        self._api, self._who, self._request = api, who, request
        self._found: asyncio.Queue[dict[str, Any] | Ended] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        self.caller: Caller | None = None

    async def __aenter__(self) -> Self:
        """Open it; on return it either follows the log or has ended."""
        with contextlib.suppress(TimeoutError):  # a test may hold the log back on purpose
            async with asyncio.timeout(1):
                await self._api.caught_up()
        await self._api.settled()
        self._task = asyncio.create_task(self._pump())
        self._api.open.append(self._task)
        await self._api.settled()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Stop following; on return the server has noticed."""
        assert self._task is not None
        self._task.cancel()
        await asyncio.wait([self._task])
        await self._api.settled()

    async def next(self) -> dict[str, Any]:
        """The next payload of the subscription's root field; raises `Ended` when there is no more."""
        async with asyncio.timeout(LIMIT):
            found = await self._found.get()
        if isinstance(found, Ended):
            self._found.put_nowait(found)
            raise found
        return found

    async def take(self, count: int) -> list[dict[str, Any]]:
        """The next payloads, so many."""
        return [await self.next() for _ in range(count)]

    async def end(self) -> str | None:
        """Wait for the end, before which nothing more may come: the code of the error, or None."""
        with pytest.raises(Ended) as ended:
            await self.next()
        return ended.value.code

    async def _pump(self) -> None:
        try:
            self.caller = await self._api.caller(self._who)
            operation = self._api.server.engine.find(self._request)
            events = self._api.server.engine.stream(operation, self._request, self.caller)
            async with aclosing(events):
                async for event in events:
                    self._found.put_nowait(payload_of(event))
        except Exception as error:
            self._found.put_nowait(Ended(refusal(error).code))
        else:
            self._found.put_nowait(Ended(None))


def payload_of(event: Event) -> dict[str, Any]:
    """What the subscription's root field has in an event, which has no errors."""
    body = orjson.loads(event.rendered.payload)
    assert "errors" not in body, body
    (payload,) = body["data"].values()
    assert isinstance(payload, dict)
    return payload


class Api:
    """One server process's worth, without its transports."""

    def __init__(self, server: Server, reader: LogReader) -> None:
        self.server, self.reader, self.hub = server, reader, server.hub
        self.open: list[asyncio.Task[None]] = []
        self.streams = 0
        self.address = f"test-{uuid4().hex}"  # tries to sign in are counted by address

    async def settled(self) -> None:
        """Wait until every open subscription follows the log, and those that have ended do not."""
        async with asyncio.timeout(LIMIT):
            while self.hub.followers != self.streams + sum(not task.done() for task in self.open):
                await asyncio.sleep(0.001)

    async def caught_up(self) -> None:
        """Wait until all that is committed has reached the hub: no transaction on this cluster holds it back."""
        last = "SELECT xid::text::bigint AS xid, seq FROM outbox_event ORDER BY xid DESC, seq DESC LIMIT 1"
        async with asyncio.timeout(LIMIT):
            while [(row["xid"], row["seq"]) for row in await fetch(last)] not in ([], [self.hub.end]):
                await asyncio.sleep(0.001)

    async def caller(self, who: Asker) -> Caller:
        """Who that is, as over HTTP."""
        key = who.key if isinstance(who, Person | Machine) else who
        headers = [] if key is None else [(b"authorization", f"Bearer {key}".encode())]
        return await self.server.identities.from_request({"headers": headers, "client": (self.address, 1)})

    async def execute(self, who: Asker, document: str, **variables: Any) -> Answer:
        """Run a query or a mutation."""
        try:
            request = _request(document, variables)
            operation = self.server.engine.find(request)
            outcome = await self.server.engine.execute(operation, request, await self.caller(who))
        except Refused as refused:
            return Answer(None, refused.errors)
        except Exception as error:
            return Answer(None, refusal(error).errors)
        body = orjson.loads(outcome.encode())
        return Answer(body["data"], body.get("errors", []))

    async def mutate(self, who: Asker, field: str, selection: str = "", **input: Any) -> Answer:
        """Run one mutation; its userErrors are asked for with all that they say."""
        name = INPUTS.get(field, f"{field[0].upper()}{field[1:]}Input")
        document = f"mutation($input: {name}!) {{ {field}(input: $input) {{ {selection} {USER_ERRORS} }} }}"
        return await self.execute(who, document, input=input)

    def subscribe(self, who: Asker, document: str, **variables: Any) -> Following:
        """Hold a subscription open: `async with`."""
        return Following(self, who, _request(document, variables))

    async def stream(
        self, who: Asker, document: str, **variables: Any
    ) -> AsyncGenerator[dict[str, Any], None]:
        """A subscription that is read no faster than the test reads it."""
        request = _request(document, variables)
        events = self.server.engine.stream(self.server.engine.find(request), request, await self.caller(who))
        self.streams += 1
        try:
            async with aclosing(events):
                async for event in events:
                    yield payload_of(event)
        finally:
            self.streams -= 1

    async def cursor(self) -> str:
        """Where the event log ends just now, with all that is committed before it."""
        await self.caught_up()
        return str((await self.execute(None, "{ eventCursor }"))["eventCursor"])


INPUTS = {
    "enableToken": "TokenInput",
    "disableToken": "TokenInput",
    "deleteToken": "TokenInput",
    "enableWorker": "WorkerInput",
    "disableWorker": "WorkerInput",
}
"""Mutations whose input is not named after them."""

USER_ERRORS = """userErrors {
  __typename code message path
  ... on ValidationError { rule } ... on ConflictError { currentVersion existing { id } }
  ... on InvalidStateError { currentState } ... on LimitError { retryAfter }
}"""


def _request(document: str, variables: dict[str, Any]) -> GraphQLRequest:
    return GraphQLRequest.parse({"query": document, "variables": variables})


@cache
def _settings() -> Settings:
    return Settings(signing_key=SecretStr("s" * 32))  # else one would be kept where the machine's own is


_prepared: list[Documents] = []


def _documents(server: Server) -> Documents:
    """The documents that tests before have prepared, which depend on the schema and the settings alone."""
    if not _prepared:
        _prepared.append(server.engine.documents)
    return _prepared[0]


@asynccontextmanager
async def run_api(database: Database) -> AsyncIterator[Api]:
    """A server process's worth on this database, until the block ends."""
    server = Server(_settings())
    server.engine.documents = _documents(server)
    reader = LogReader(server.hub, database)
    loop = asyncio.create_task(reader.run_forever())
    try:
        await reader.wait_until_listening()
        yield Api(server, reader)
    finally:
        loop.cancel()
        await asyncio.wait([loop])


@pytest.fixture
async def api(db: Database) -> AsyncIterator[Api]:
    """The API of this test."""
    async with run_api(db) as found:
        yield found


# What is in the database ---------------------------------------------------------------------------------------------

State = dict[str, str]


async def state() -> State:
    """A digest of each table: equal before and after means that nothing was changed.

    When somebody was last seen is left out: being refused is being seen.
    """
    async with transaction():
        # To start processes for a parallel plan takes ten times as long as to read these small tables.
        await fetch("SET LOCAL max_parallel_workers_per_gather = 0")
        return {row["name"]: row["digest"] for row in await fetch(await _digests())}


async def rows_of(table: str) -> int:
    """How many rows a table has."""
    return int((await fetch(f'SELECT count(*) AS number FROM "{table}"'))[0]["number"])


async def _digests() -> str:
    if not _statement:
        tables = await fetch(
            """SELECT relname AS table, EXISTS (
                SELECT FROM pg_attribute WHERE attrelid = pg_class.oid AND attname = 'last_seen_at') AS seen
            FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"""
        )
        _statement.append(" UNION ALL ".join(_digest(**row) for row in tables))
    return _statement[0]


def _digest(table: str, seen: bool) -> str:
    """Of what is in the rows; where being seen changes nothing, of which versions of rows there are: these may be large."""
    of_row = "(to_jsonb(row) - 'last_seen_at')::text" if seen else "row.ctid || ' ' || row.xmin"
    return f"""SELECT '{table}' AS name, md5(string_agg({of_row}, E'\\n' ORDER BY {of_row})) AS digest
               FROM "{table}" AS row"""


_statement: list[str] = []
