"""Bodies that are sent as they are read."""

import asyncio
from collections.abc import Mapping

import structlog
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.actions.files.reading import Blocks
from app.errors import AppError
from app.graphql.presence import Presence
from app.stores import StoreError

STALLED = 120
"""Seconds in which a client must have taken a block; then others get what is held for it."""

log = structlog.get_logger("files")


class Stream(Response):
    """A body as it is read, or none. When bytes cannot be read, the connection ends early: what is missing is seen."""

    def __init__(self, status: int, headers: Mapping[str, str], blocks: Blocks | None) -> None:
        self.status_code = status
        self.background = None
        self._blocks = blocks
        self.init_headers(headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        start = {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        try:
            await send(start)
            if self._blocks is not None:
                with Presence(receive):
                    await self._send(self._blocks, send)
            else:
                await send({"type": "http.response.body", "body": b""})
        except (AppError, StoreError) as error:
            log.warning("files.cut_short", path=scope["path"], error=str(error))
        except TimeoutError:
            log.info("files.stalled", path=scope["path"])
        finally:
            if self._blocks is not None:
                await self._blocks.aclose()

    async def _send(self, blocks: Blocks, send: Send) -> None:
        async for block in blocks:
            async with asyncio.timeout(STALLED):
                await send({"type": "http.response.body", "body": block, "more_body": True})
        async with asyncio.timeout(STALLED):
            await send({"type": "http.response.body", "body": b""})
