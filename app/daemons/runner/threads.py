"""Runs plain functions in threads, and stops them."""

import asyncio
import contextvars
import ctypes
import queue
import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from dramatiq.middleware import Interrupt, TimeLimitExceeded
from dramatiq.threading import raise_thread_exception

Interruption = Callable[[type[BaseException]], object]
"""Stops a call by an error of this type."""


class Call:
    """A function that is to run in a thread."""

    __slots__ = ("context", "error", "function", "future", "returned", "stopped_by", "thread_id", "value")

    def __init__(self, function: Callable[[], Any], future: "asyncio.Future[Any]") -> None:
        self.function = function
        self.future = future
        self.context = contextvars.copy_context()
        self.thread_id: int | None = None
        self.stopped_by: type[BaseException] | None = None
        self.value: Any = None
        self.returned = False
        self.error: BaseException | None = None


class Threads:
    """So many threads, started when they are needed. Daemons: one that never returns does not keep the process from ending."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._calls: queue.SimpleQueue[Call | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._unfinished = 0
        self._done: deque[Call] = deque()
        self._told = False
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def run(
        self, function: Callable[[], Any], limit: float | None, began: Callable[[Interruption], object]
    ) -> Any:
        """What the function returns or raises. `TimeLimitExceeded` is raised in its thread after so many seconds.
        `began` is told how to stop it."""
        self._loop = asyncio.get_running_loop()
        call = Call(function, self._loop.create_future())
        began(partial(self.stop, call))
        self._unfinished += 1
        if len(self._threads) < min(self.limit, self._unfinished):
            self._start_thread()
        self._calls.put(call)
        timer = self._loop.call_later(limit, partial(self.stop, call, TimeLimitExceeded)) if limit else None
        try:
            return await call.future
        except TimeLimitExceeded as error:
            if error.args:
                raise
            raise TimeLimitExceeded(f"It ran for more than {limit:g} seconds") from error
        finally:
            if timer is not None:
                timer.cancel()

    def stop(self, call: Call, error: type[BaseException]) -> None:
        """Raise an error in the thread, as soon as it runs Python code again; before it has begun, instead of it."""
        with self._lock:
            call.stopped_by = error
            if call.thread_id is not None:
                raise_thread_exception(call.thread_id, error)  # type: ignore[no-untyped-call]

    def close(self) -> None:
        """Let the threads end as soon as they have nothing to do."""
        for _ in self._threads:
            self._calls.put(None)

    def _start_thread(self) -> None:
        thread = threading.Thread(target=self._work, name=f"task-{len(self._threads) + 1}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _work(self) -> None:
        mine = threading.get_ident()
        while True:
            try:
                call = self._calls.get()
                if call is None:
                    return
                self._run(call, mine)
            except Interrupt:  # it came after the function had ended
                continue

    def _run(self, call: Call, mine: int) -> None:
        try:
            with self._lock:
                if call.stopped_by is not None:
                    raise call.stopped_by
                call.thread_id = mine
            call.value = call.context.run(call.function)
            call.returned = True
        except BaseException as error:
            call.error = error
        finally:
            self._leave(call, mine)

    def _leave(self, call: Call, mine: int) -> None:
        """From here on nobody stops the thread: what was to and has not yet is taken back."""
        while True:
            try:
                with self._lock:
                    call.thread_id = None
                    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(mine), None)
                break
            except Interrupt:
                continue
        self._done.append(call)
        if not self._told:  # one wake-up of the loop for all that is done until it comes round
            self._told = True
            assert self._loop is not None
            self._loop.call_soon_threadsafe(self._hand_over)

    def _hand_over(self) -> None:
        self._told = False
        while self._done:
            call = self._done.popleft()
            self._unfinished -= 1
            if call.future.done():
                continue
            if call.returned:
                call.future.set_result(call.value)
            else:  # no error is known if it was stopped while that was noted
                call.future.set_exception(call.error or (call.stopped_by or Interrupt)())
