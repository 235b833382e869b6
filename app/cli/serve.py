"""python -m app serve"""

import asyncio
import errno
import gc
import socket
from typing import TYPE_CHECKING

import typer

from app.settings import Settings, SettingsError, load_settings

if TYPE_CHECKING:
    import uvicorn

SECONDS_TO_DRAIN = 3.0
SECONDS_FOR_REQUESTS = 2


def register(cli: typer.Typer) -> None:
    cli.command()(serve)


def serve() -> None:
    """Serve the API and GraphiQL, and nothing else: no worker. Migrates the database first."""
    import uvloop

    from app.logs import configure_logging
    from app.tracing import configure_tracing

    settings = load_settings()
    configure_logging(settings)
    configure_tracing("server")
    listener = listen(settings)
    with listener, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(settings, listener))


def listen(settings: Settings) -> socket.socket:
    """A socket at HOST and PORT. Raises SettingsError when another program has it."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise SettingsError(f"cannot listen on HOST {settings.host!r}: {error.strerror}") from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise SettingsError(f"cannot listen on {settings.bind_url}: {_why(error)}") from None
    return listener


def _why(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "another program does; stop it, or set PORT to another number"
    if error.errno == errno.EACCES:
        return "this user may not; set PORT to a number from 1024"
    return f"{error.strerror}; check HOST and PORT"


async def _serve(settings: Settings, listener: socket.socket) -> None:
    from app.database import reach_database
    from app.database.migrate import upgrade

    async with reach_database(settings) as database:
        await upgrade(database.direct)
        server = _server(settings)
        await server.serve(sockets=[listener])
        if not server.started:
            raise typer.Exit(1)  # the log says why


def _server(settings: Settings) -> "uvicorn.Server":
    import uvicorn

    from app.web.asgi import create_app
    from app.web.protocol import Protocol

    app = create_app(settings)

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started:
                gc.collect()
                gc.freeze()  # what is alive now stays: later collections need not look at it again
                # Else nested pages take two thirds more of the processor, and collections stop everything for 0.3 s.
                gc.set_threshold(50_000, 20, 50)
                print(f"workyard: serving {settings.bind_url}/graphiql", flush=True)

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            # Before uvicorn closes what is open: streams end only when told to, and each learns where to resume.
            await app.state.connections.drain(within=SECONDS_TO_DRAIN)
            await super().shutdown(sockets)

    return Server(
        uvicorn.Config(
            app,
            lifespan="on",
            http=Protocol,
            ws="websockets-sansio",
            ws_per_message_deflate=False,  # costs more processor time than it saves on a local network
            ws_max_size=settings.max_body_bytes,
            timeout_graceful_shutdown=SECONDS_FOR_REQUESTS,
            server_header=False,
            access_log=False,
            log_config=None,
        )
    )
