"""The ASGI application: what is served where, and what runs as long as it serves."""

import asyncio
import hashlib
import sys
from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import Receive, Scope, Send

from app.access import Viewer
from app.actions.files.places import Stores
from app.actions.first_start import ADMIN, prepare_installation
from app.actions.work import disconnect_lost_workers
from app.chores import load_actors
from app.context import Context
from app.daemons.log_reader import LogReader, scan
from app.database import open_database
from app.graphql.draining import Connections
from app.graphql.endpoint import GraphQLEndpoint
from app.graphql.engine import Caller, Engine
from app.headers import headers_of
from app.identity import Identities
from app.publishers.hub import Hub
from app.settings import Settings
from app.tracing import CARRIERS
from app.web.files import FILE_REQUEST_HEADERS, FILE_RESPONSE_HEADERS, file_routes
from app.web.graphiql import graphiql_routes
from app.web.health import Check, check_database, health_routes, note_on_tasks
from app.web.metrics import metrics_routes
from app.web.schema import build_schema, printed_schema
from app.web.session import session_routes
from app.web.task_metrics import TaskMetrics

GRAPHQL = "/graphql"


def create_app(settings: Settings) -> Starlette:
    """Everything that one server process serves. `app.state.connections` are to be drained before it stops."""
    return Server(settings).app


class Application(Starlette):
    """Starlette, but for what comes to /graphql, which is most: that goes to its endpoint past all layers and routes.

    Requests of pages go through them all the same: CORS is for those.
    """

    def __init__(self, endpoint: GraphQLEndpoint, **options: Any) -> None:
        super().__init__(**options)
        self._endpoint = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, a socket, or the start and the end."""
        if (
            scope["type"] == "http"
            and scope["path"] == GRAPHQL
            and not scope.get("root_path")
            and b"origin" not in headers_of(scope)
        ):
            await self._endpoint(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


class Server:
    """The parts of one process, and how they hang together."""

    def __init__(self, settings: Settings) -> None:
        load_actors(settings)  # what the API may send
        self.settings = settings
        self.connections = Connections()
        self.hub = Hub(scan)
        self.schema = build_schema()
        self.identities = Identities(self.hub, remember_seconds=settings.remember_tokens_seconds)
        self.stores = Stores(settings)
        self.engine = Engine(self.schema, settings, self._context, servers=lambda: self.hub.servers)
        self.loops: dict[str, asyncio.Task[None]] = {}
        self.checks: dict[str, Check] = {"database": check_database, "loops": self._check_loops}
        self.endpoint = GraphQLEndpoint(self.engine, self.identities, settings, connections=self.connections)
        self.app = Application(
            self.endpoint, routes=self._routes(), middleware=_cors(settings), lifespan=self._lifespan
        )
        self.app.state.connections = self.connections

    def _context(self, viewer: Viewer, caller: Caller) -> Context:
        return Context(
            viewer,
            self.hub,
            settings=self.settings,
            address=caller.address,
            look_again=lambda: caller.viewer(fresh=False),
            rate_limit=lambda: self.engine.rate_limit(viewer, caller),
        )

    def _routes(self) -> list[BaseRoute]:
        return [
            # Given as an ASGI application, so that Starlette's requests and responses are not between.
            Route(GRAPHQL, self.endpoint),
            WebSocketRoute(GRAPHQL, self.endpoint),
            _schema_route(printed_schema()),
            *health_routes(self.checks, self.connections, notes={"tasks": note_on_tasks}),
            *metrics_routes(TaskMetrics()),
            *graphiql_routes(),
            *session_routes(self.settings, self.identities),
            *file_routes(self.settings, self.identities, self.stores, self.connections),
            Route("/", _home),
        ]

    @asynccontextmanager
    async def _lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self.stores.close)
            database = await stack.enter_async_context(open_database(self.settings))
            await _first_start(self.settings)
            reader = LogReader(self.hub, database)
            self.checks["events"] = reader.check
            await stack.enter_async_context(self._running("log reader", reader.run_forever()))
            await reader.wait_until_listening()
            await disconnect_lost_workers()
            yield
            await self.connections.drain()

    @asynccontextmanager
    async def _running(self, name: str, loop: Awaitable[None]) -> AsyncIterator[None]:
        task = self.loops[name] = asyncio.ensure_future(loop)
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def _check_loops(self) -> str | None:
        ended = [name for name, task in self.loops.items() if task.done()]
        return f"ended: {', '.join(ended)}" if ended else None


async def _first_start(settings: Settings) -> None:
    given = settings.admin_password
    if password := await prepare_installation(given.get_secret_value() if given else None):
        sys.stdout.write(
            f"workyard: sign in as '{ADMIN}' with the password '{password}'. It is not shown again.\n"
        )
        sys.stdout.flush()


def _cors(settings: Settings) -> list[Middleware]:
    """Lets pages of other origins call us with a token. Never with the cookie: no credentials."""
    if not settings.allowed_origins:
        return []
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=settings.allowed_origins,
            allow_methods=("GET", "HEAD", "POST", "PUT", "PATCH"),
            allow_headers=(
                "authorization",
                "token",
                "content-type",
                "last-event-id",
                "x-workyard-cost",
                "x-workyard-plan",
                *FILE_REQUEST_HEADERS,
                *CARRIERS,
            ),
            expose_headers=("etag", "retry-after", *FILE_RESPONSE_HEADERS),
            max_age=3600,
        )
    ]


def _schema_route(sdl: str) -> BaseRoute:
    tag = f'"{hashlib.sha256(sdl.encode()).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "no-cache"}

    async def schema(request: Request) -> Response:
        known = [
            each.strip().removeprefix("W/") for each in request.headers.get("if-none-match", "").split(",")
        ]
        if tag in known:
            return Response(status_code=304, headers=headers)
        return PlainTextResponse(sdl, headers=headers)

    return Route("/schema.graphql", schema)


async def _home(_request: Request) -> Response:
    return RedirectResponse("/graphiql")
