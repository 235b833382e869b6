"""Whether a runner does its work, told to whoever asks over HTTP, from threads of their own: also when its loop stands still."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import monotonic

import orjson
from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.exposition import choose_encoder

from app.daemons.runner.heartbeat import Heartbeat
from app.settings import Settings, SettingsError

LONGEST_WITHOUT_LOOK = 15.0
LONGEST_SILENCE = 15.0
LONGEST_UNSTORED = 15.0
LONGEST_STILL = 60.0
"""Seconds for which the event loop may stand still before the process had better be started again."""
SECONDS_FOR_REQUEST = 5.0


class RunnerHealth:
    """What is known of a runner. It notes what it does; what is wrong follows from what it has not done."""

    def __init__(
        self,
        oldest_ready_seconds: float,
        heartbeat: Heartbeat,
        *,
        free_slots: Callable[[], int] = lambda: 1,
        seconds_since_claim: Callable[[], float] = lambda: 0.0,
        seconds_unstored: Callable[[], float] = lambda: 0.0,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self._limit = oldest_ready_seconds
        self._heartbeat = heartbeat
        self._free_slots = free_slots
        self._seconds_since_claim = seconds_since_claim
        self._seconds_unstored = seconds_unstored
        self._stopping = stopping
        self._turned_at = monotonic()
        self._looked_at: float | None = None
        self._waited: tuple[str, float] = ("", 0.0)
        self._had_room_since: float | None = None

    def turned(self) -> None:
        """The event loop turns. To be called about every second."""
        self._turned_at = monotonic()

    def looked(self, waiting: Iterable[tuple[str, float]]) -> None:
        """The database was asked for tasks: these queues of ours have some, whose next has waited for so many seconds."""
        self._looked_at = monotonic()
        self._waited = max(waiting, key=lambda queue: queue[1], default=("", 0.0))
        if self._free_slots() <= 0:
            self._had_room_since = None
        elif self._had_room_since is None:
            self._had_room_since = self._looked_at

    def alive(self) -> str | None:
        """What is wrong so that only a new start helps; None: nothing."""
        still = monotonic() - self._turned_at
        return f"the event loop has stood still for {still:.0f} s" if still > LONGEST_STILL else None

    def ready(self) -> dict[str, str | None]:
        """What is wrong with each thing, or None."""
        return {
            "loop": self.alive(),
            "looking": self._check_looking(),
            "heartbeat": self._check_heartbeat(),
            "tasks": self._check_tasks(),
            "storing": self._check_storing(),
            "shutdown": "the runner is stopping" if self._stopping() else None,
        }

    def _check_looking(self) -> str | None:
        if self._looked_at is None:
            return "no look for tasks has succeeded yet"
        ago = max(monotonic() - self._looked_at, self._seconds_since_claim())
        return f"the last look for tasks was {ago:.0f} s ago" if ago > LONGEST_WITHOUT_LOOK else None

    def _check_heartbeat(self) -> str | None:
        silence = self._heartbeat.silence()
        return f"it was not heard for {silence:.0f} s" if silence > LONGEST_SILENCE else None

    def _check_storing(self) -> str | None:
        late = self._seconds_unstored()
        return f"nothing could be stored for {late:.0f} s" if late > LONGEST_UNSTORED else None

    def _check_tasks(self) -> str | None:
        """Waiting is wrong only if there was room for a while: whoever has just become free has had no time to take any."""
        queue, waited = self._waited
        room_since = self._had_room_since
        if waited <= self._limit or room_since is None or monotonic() - room_since < LONGEST_WITHOUT_LOOK:
            return None
        return f"a task in {queue!r} has waited for {waited:.0f} s, while there is room"


class HealthServer:
    """Serves /health/live, /health/ready and /metrics at HOST and TASK_PORT, until it is closed."""

    def __init__(
        self, settings: Settings, health: RunnerHealth, registry: CollectorRegistry = REGISTRY
    ) -> None:
        """Raises `SettingsError` when it cannot listen there."""
        assert settings.task_port is not None
        try:
            family, _, _, _, address = socket.getaddrinfo(
                settings.host, settings.task_port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
            self._server = _server(family)(address[:2], _handler(health, registry))  # type: ignore[arg-type]
        except OSError as error:
            raise SettingsError(
                f"cannot listen on HOST {settings.host!r}, TASK_PORT {settings.task_port}: {error.strerror}"
            ) from None
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, name="health", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop serving. Blocks for a moment."""
        self._server.shutdown()
        self._server.server_close()


def _server(family: int) -> type[ThreadingHTTPServer]:
    class Server(ThreadingHTTPServer):
        address_family = socket.AddressFamily(family)
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """Who breaks off gets no traceback in our log."""

    return Server


def _handler(health: RunnerHealth, registry: CollectorRegistry) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = SECONDS_FOR_REQUEST
        server_version = "workyard"
        sys_version = ""

        def do_GET(self) -> None:
            match self.path.partition("?")[0]:
                case "/health/live":
                    trouble = health.alive()
                    self._json(503 if trouble else 200, {"status": trouble or "live"})
                case "/health/ready":
                    self._ready(health.ready())
                case "/metrics":
                    encode, kind = choose_encoder(self.headers.get("accept", ""))
                    self._send(200, encode(registry), kind)
                case _:
                    self._json(404, {"status": "there is nothing here"})

        def _ready(self, found: dict[str, str | None]) -> None:
            troubled = any(found.values())
            checks = {name: trouble or "ok" for name, trouble in found.items()}
            self._json(
                503 if troubled else 200,
                {"status": "not ready" if troubled else "ready", "checks": checks},
            )

        def _json(self, status: int, body: object) -> None:
            self._send(status, orjson.dumps(body), "application/json")

        def _send(self, status: int, body: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            with contextlib.suppress(OSError):
                self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: whoever asks every few seconds would fill the log."""

    return Handler
