"""Waiting for several things, or not for long."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any


async def first_of(event: asyncio.Event, work: Sequence["asyncio.Task[None]"]) -> None:
    """Return when the event is set, or one of these ends, which only a fault of ours makes it do."""
    waiting = asyncio.ensure_future(event.wait())
    try:
        await asyncio.wait([waiting, *work], return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()


async def within(seconds: float, done: Coroutine[Any, Any, object]) -> bool:
    """Await it for so long. False: it took longer."""
    try:
        async with asyncio.timeout(seconds):
            await done
    except TimeoutError:
        return False
    return True


async def end(*tasks: "asyncio.Task[None]") -> None:
    """Cancel them, and return when they have ended."""
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)
