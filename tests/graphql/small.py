"""A schema, callers and a server small enough to test the engine room alone, without a database."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import strawberry
import uvicorn
from starlette.types import Receive, Scope, Send
from strawberry.schema.config import StrawberryConfig

from app.access import Viewer
from app.errors import BadInput, CursorExpired, NotFound, Unauthenticated
from app.graphql.endpoint import GraphQLEndpoint
from app.graphql.engine import Engine
from app.headers import header
from app.settings import Settings


class Book:
    """What the tests look into: which resolvers began, which were cancelled, which sources are open."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.cancelled: list[str] = []
        self.open_sources = 0
        self.rendered = 0
        self.changed = asyncio.Event()

    def note(self) -> None:
        """Wake those who wait for something to be written here."""
        self.changed.set()
        self.changed = asyncio.Event()

    async def until(self, condition: Any) -> None:
        """Wait until something is so."""
        async with asyncio.timeout(10):
            while not condition(self):
                await self.changed.wait()


@dataclass
class Context:
    """One for each operation and event."""

    viewer: Viewer
    book: Book
    number: int


@strawberry.type
class Item:
    """Something to select from."""

    number: int

    @strawberry.field
    def children(self, first: int = 20) -> "ItemConnection":
        return ItemConnection(nodes=[Item(number=n) for n in range(min(first, 3))])

    @strawberry.field
    def parent(self) -> "Item":
        return Item(number=self.number - 1)

    @strawberry.field
    async def later(self) -> int:
        await asyncio.sleep(0)
        return self.number + 1

    @strawberry.field
    async def fault(self) -> int | None:
        await asyncio.sleep(0)
        raise RuntimeError("password=hunter2")


@strawberry.type
class ItemConnection:
    """A page."""

    nodes: list[Item]


@strawberry.type
class Query:
    """What can be asked."""

    @strawberry.field
    def hello(self, name: str = "world", times: int = 1) -> str:
        return f"hello {name}" * times

    @strawberry.field
    def items(self, first: int = 20) -> ItemConnection:
        return ItemConnection(nodes=[Item(number=n) for n in range(min(first, 3))])

    @strawberry.field
    def item(self, number: int) -> Item:
        return Item(number=number)

    @strawberry.field
    def viewer(self, info: strawberry.Info) -> int | None:
        return info.context.viewer.user_id  # type: ignore[no-any-return]

    @strawberry.field
    def extensions(self, info: strawberry.Info) -> str:
        return str(info._raw_info.operation_extensions)  # type: ignore[attr-defined]

    @strawberry.field
    def missing(self) -> str | None:
        raise NotFound("There is no such thing.")

    @strawberry.field
    def bad_cursor(self) -> str:
        raise BadInput("The cursor does not decode.", path=("after",))

    @strawberry.field
    def fault(self) -> str | None:
        raise RuntimeError("password=hunter2")

    @strawberry.field
    async def slow(self, info: strawberry.Info) -> str:
        book: Book = info.context.book
        book.begun.append("slow")
        book.note()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            book.cancelled.append("slow")
            book.note()
            raise
        return "never"


@strawberry.type
class Mutation:
    """What can be changed."""

    @strawberry.mutation
    def add(self, number: int) -> Item:
        return Item(number=number)


@strawberry.type
class Tick:
    """One event."""

    cursor: str
    number: int

    @strawberry.field
    def context(self, info: strawberry.Info) -> int:
        """Which context this was rendered in."""
        book: Book = info.context.book
        book.rendered += 1
        return info.context.number  # type: ignore[no-any-return]

    @strawberry.field
    def filler(self, size: int) -> str:
        """So many letters."""
        return "x" * size


@strawberry.type
class Subscription:
    """What can be followed."""

    @strawberry.subscription
    async def ticks(
        self, info: strawberry.Info, to: int = 3, after: str | None = None
    ) -> AsyncIterator[Tick]:
        """Numbers after `after`, up to `to`; for ever when it is 0."""
        book: Book = info.context.book
        if after == "old":
            raise CursorExpired("That is too long ago.")
        number = int(after or 0)
        book.open_sources += 1
        book.note()
        try:
            while to == 0 or number < to:
                number += 1
                yield Tick(cursor=str(number), number=number)
                await asyncio.sleep(0)
        finally:
            book.open_sources -= 1
            book.note()

    @strawberry.subscription
    async def silence(self, info: strawberry.Info, after: str | None = None) -> AsyncIterator[Tick]:
        """One event, then nothing."""
        book: Book = info.context.book
        book.open_sources += 1
        book.note()
        try:
            yield Tick(cursor="1", number=1)
            await asyncio.Event().wait()
        finally:
            book.open_sources -= 1
            book.note()

    @strawberry.subscription
    async def breaks(self) -> AsyncIterator[Tick]:
        """One event, then the source finds that events were lost."""
        yield Tick(cursor="1", number=1)
        raise CursorExpired("Events were deleted before you read them.")


SCHEMA = strawberry.Schema(
    query=Query,
    mutation=Mutation,
    subscription=Subscription,
    config=StrawberryConfig(enable_experimental_incremental_execution=True),
)


@dataclass
class SmallCaller:
    """A caller whose rights the test holds in its hands."""

    user_id: int | None = None
    by_cookie: bool = False
    address: str = "127.0.0.1"
    revoked: asyncio.Event = field(default_factory=asyncio.Event)

    async def viewer(self, *, fresh: bool = True) -> Viewer:
        if self.revoked.is_set():
            raise Unauthenticated("Token revoked")
        return Viewer(tenant_id=1, user_id=self.user_id, token_id=self.user_id)

    async def wait_until_revoked(self) -> str:
        await self.revoked.wait()
        return "Token revoked"


class SmallIdentity:
    """Keys are `user-1`, `user-2` …; a cookie `session=user-1` is one, too."""

    def __init__(self) -> None:
        self.callers: list[SmallCaller] = []

    async def from_request(self, scope: Scope) -> SmallCaller:
        return self._caller(header(scope, b"authorization"), header(scope, b"cookie"))

    async def from_socket(self, scope: Scope, payload: Mapping[str, Any]) -> SmallCaller:
        return self._caller(str(payload.get("Authorization", "")), header(scope, b"cookie"))

    def _caller(self, authorization: str, cookie: str) -> SmallCaller:
        key = authorization.removeprefix("Bearer ") or cookie.removeprefix("session=")
        if key == "broken":
            raise ConnectionRefusedError("password=hunter2")
        if key and not key.startswith("user-"):
            raise Unauthenticated()
        user_id = int(key.removeprefix("user-")) if key else None
        caller = SmallCaller(user_id, by_cookie=bool(cookie and not authorization))
        self.callers.append(caller)
        return caller


@dataclass
class Small:
    """The engine and its endpoint, served."""

    engine: Engine
    endpoint: GraphQLEndpoint
    identity: SmallIdentity
    book: Book
    url: str = ""

    @property
    def websocket_url(self) -> str:
        return self.url.replace("http", "ws", 1)


def make_small(**changes: Any) -> Small:
    """The engine room with the small schema; `changes` are settings, or arguments of the endpoint."""
    timings = {
        name: changes.pop(name) for name in ("init_timeout", "heartbeat", "ready_frames") if name in changes
    }
    settings = Settings(**changes)
    book = Book()
    numbers = iter(range(1, 1_000_000))
    engine = Engine(SCHEMA, settings, lambda viewer, _caller: Context(viewer, book, next(numbers)))
    identity = SmallIdentity()
    return Small(engine, GraphQLEndpoint(engine, identity, settings, **timings), identity, book)


@contextlib.asynccontextmanager
async def serve(small: Small, *, ws_per_message_deflate: bool = False) -> AsyncIterator[Small]:
    """Serve it by uvicorn, as the product is, in this event loop."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await small.endpoint(scope, receive, send)

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        small.url = f"http://127.0.0.1:{listener.getsockname()[1]}/graphql"
        config = uvicorn.Config(
            app,
            lifespan="off",
            http="httptools",
            ws="websockets-sansio",
            ws_per_message_deflate=ws_per_message_deflate,
            log_config=None,
        )
        config.load()
        server = uvicorn.Server(config)
        server.lifespan = config.lifespan_class(config)
        await server.startup(sockets=[listener])
        try:
            yield small
        finally:
            await small.endpoint.connections.drain(within=2)
            server.force_exit = True
            await server.shutdown(sockets=[listener])
