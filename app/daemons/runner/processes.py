"""Runs actors in processes of their own, and kills those that must not go on."""

import asyncio
import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError
from concurrent.futures import TimeoutError as TookTooLong
from typing import Any

from dramatiq.middleware import TimeLimitExceeded
from pebble import ProcessExpired, ProcessPool

from app.daemons.runner import child
from app.daemons.runner.threads import Interruption
from app.tasks.running import RunningTask


class ProcessDied(Exception):
    """The process of an actor ended before the actor did: it was killed, or ended itself."""


class Processes:
    """So many processes, started when the first is needed. Each runs one actor after the other."""

    def __init__(self, limit: int, modules: Sequence[str]) -> None:
        self.limit = limit
        self._modules = tuple(modules)
        self._pool: ProcessPool | None = None

    async def run(
        self, task: RunningTask, limit: float | None, began: Callable[[Interruption], object]
    ) -> Any:
        """What the actor returns or raises. After so many seconds its process is killed: TimeLimitExceeded.
        `began` is told how to kill it before."""
        if self._pool is None:
            self._pool = ProcessPool(
                max_workers=self.limit,
                initializer=child.begin,
                initargs=(self._modules,),
                context=multiprocessing.get_context("spawn"),  # a fork would copy locks that threads hold
            )
        future = self._pool.schedule(child.run, args=(child.order(task),), timeout=limit)
        began(lambda _: future.cancel())  # type: ignore[no-untyped-call]
        try:
            answer = await asyncio.wrap_future(future)
        except (TookTooLong, TimeoutError) as error:
            raise TimeLimitExceeded(f"It ran for more than {limit:g} seconds") from error
        except ProcessExpired as error:
            raise ProcessDied(f"Its process ended with exit code {error.exitcode}") from error
        except (CancelledError, asyncio.CancelledError):
            future.cancel()  # type: ignore[no-untyped-call]
            raise
        return child.returned(task, answer)

    async def close(self) -> None:
        """Kill what still runs."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.stop()  # type: ignore[no-untyped-call]
            await asyncio.to_thread(pool.join, 5)
