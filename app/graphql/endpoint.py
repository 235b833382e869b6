"""/graphql, for HTTP and WebSockets alike."""

from collections.abc import Awaitable

from starlette.types import Receive, Scope, Send

from app.graphql.draining import Connections
from app.graphql.engine import Engine, Identify
from app.graphql.http import GraphQLHTTP
from app.graphql.websocket import GraphQLWebSocket
from app.settings import Settings


class GraphQLEndpoint:
    """The ASGI application at /graphql. `connections` are all that stay open, for a shutdown to end."""

    def __init__(
        self,
        engine: Engine,
        identify: Identify,
        settings: Settings,
        *,
        connections: Connections | None = None,
        init_timeout: float = 10,
        heartbeat: float = 12,
        ready_frames: bool = True,
    ) -> None:
        self.engine = engine
        self.connections = connections or Connections()
        self._http = GraphQLHTTP(engine, identify, self.connections, settings, heartbeat=heartbeat)
        self._websocket = GraphQLWebSocket(
            engine, identify, self.connections, settings, init_timeout=init_timeout, ready_frames=ready_frames
        )

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve one request or one socket."""
        serve = self._websocket if scope["type"] == "websocket" else self._http
        return serve(scope, receive, send)
