"""Waiting for what runs in a thread, and cannot be stopped there."""

import asyncio
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")


async def outlast(work: "asyncio.Future[T]") -> T:
    """Wait for its end even when cancelled: what it uses, a file mostly, is closed next."""
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        while not work.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([work])
        work.cancelled() or work.exception()  # looked at, so that nobody warns of it
        raise
