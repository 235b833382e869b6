"""A request's body, on its way into an upload."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable

from starlette.requests import Request

from app.actions.files.incoming import Incoming, in_thread
from app.errors import ErrorCode
from app.graphql.draining import Connections
from app.stores.store import BLOCK
from app.web.files.problems import SOON, Refused

SECONDS_WITHOUT_BYTES = 60.0
"""A sender that says nothing for so long has gone, though nobody told us: others may go on."""

SECONDS_BETWEEN_LOOKS = 1.0
SECONDS_IN_MEMORY = 0.1

Look = Callable[[], Awaitable[None]]


class Receiver:
    """Writes what comes from a place on. In memory are a block that is being written and one that is being gathered."""

    def __init__(self, incoming: Incoming, start: int, connections: Connections) -> None:
        self.count = 0
        self._connections = connections
        self._limit: asyncio.Timeout | None = None
        self._restarting = False
        self._incoming = incoming
        self._start = self._written = start
        self._hash = hashlib.sha256() if start == 0 else None
        self._gathered: list[bytes] = []
        self._size = 0
        self._writing: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._failed = False

    @property
    def digest(self) -> bytes | None:
        """The SHA-256 of all that has come; None when it did not come here from the beginning."""
        return self._hash.digest() if self._hash else None

    async def receive(self, request: Request, most: int, look: Look) -> None:
        """Read the body, of at most so many bytes, and look after the upload about once a second.

        What has come is written also when this raises: `ClientDisconnect`, `Refused`, or what `look` or the disk raises.
        """
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(SECONDS_WITHOUT_BYTES) as limit:
                self._limit = limit
                self._connections.enter(self)
                due = loop.time() + SECONDS_BETWEEN_LOOKS
                async for chunk in request.stream():
                    await self._add(chunk, most)
                    if chunk and loop.time() >= due:
                        await self._flush()
                        await look()
                        due = loop.time() + SECONDS_BETWEEN_LOOKS
                        if not self._restarting:
                            limit.reschedule(loop.time() + SECONDS_WITHOUT_BYTES)
        except TimeoutError:
            if not limit.expired():
                raise
            raise self._why_it_ended() from None
        finally:
            self._connections.leave(self)
            if self._timer is not None:
                self._timer.cancel()
            await self._flush()

    def restart(self) -> None:
        """The server stops: end, so that the sender goes on with the next one."""
        self._restarting = True
        if self._limit is not None:
            self._limit.reschedule(asyncio.get_running_loop().time())

    def _why_it_ended(self) -> Refused:
        headers = {"Connection": "close"}
        if self._restarting:
            headers["Retry-After"] = SOON
            return Refused(503, "The server stops. What came is kept.", ErrorCode.UNAVAILABLE, headers)
        detail = f"Nothing came for {SECONDS_WITHOUT_BYTES:g} seconds. What came before is kept."
        return Refused(408, detail, ErrorCode.UNAVAILABLE, headers)

    async def _add(self, chunk: bytes, most: int) -> None:
        self.count += len(chunk)
        if self.count > most:
            self.count -= len(chunk)
            raise Refused(400, f"The body is longer than the {most} bytes that were announced.")
        self._gathered.append(chunk)
        self._size += len(chunk)
        if self._size >= BLOCK:
            await self._hand_over()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(SECONDS_IN_MEMORY, self._write_what_waits)

    async def _hand_over(self) -> None:
        """Have the block written while the next is gathered."""
        await self._written_so_far()
        if self._size and not self._failed:
            self._begin_to_write()

    def _begin_to_write(self) -> None:
        block = b"".join(self._gathered)
        self._gathered.clear()
        self._size = 0
        self._writing = asyncio.create_task(in_thread(self._write, block))

    def _write_what_waits(self) -> None:
        """Leave nothing of a slow sender in memory: what the disk does not have is lost with the process."""
        self._timer = None
        if self._writing is not None and not self._writing.done():
            self._timer = asyncio.get_running_loop().call_later(SECONDS_IN_MEMORY, self._write_what_waits)
        elif self._size and not self._failed:
            self._begin_to_write()

    def _write(self, block: bytes) -> None:
        try:
            self._incoming.write_now(self._written, block)
        except BaseException:
            self._failed = True  # what comes after it would come to lie in its place
            raise
        self._written += len(block)
        if self._hash:
            self._hash.update(block)

    async def _flush(self) -> None:
        await self._hand_over()
        await self._written_so_far()

    async def _written_so_far(self) -> None:
        while (writing := self._writing) is not None:
            try:
                await writing
            finally:
                if self._writing is writing:  # else the timer began another
                    self._writing = None
