"""What every engine is asked to do, and the stopwatch. Needs the standard library, asyncpg and uvloop: all have them.

python -m bench.tasks NAME COMMAND OPTIONS is started for each measurement, with its database in libpq's variables;
it prints one line of JSON. `work` goes on until its standard input ends, and prints `"working"` when it has entered its
first job.
"""

import asyncio
import contextlib
import gc
import itertools
import json
import os
import resource
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from time import monotonic, perf_counter
from typing import Any

import asyncpg

answers = os.fdopen(os.dup(1), "w")

Send = Callable[[str, Sequence[float]], Awaitable[None]]
"""Enqueues one job of a kind for each number: `noop`, `wait` for so many seconds, `stamp` what it was sent at."""


class Stopwatch:
    """Actors tell it that they were entered, from whatever thread."""

    def __init__(self) -> None:
        self._count = itertools.count(1)
        self._warm = self._last = 0
        self._finished: Callable[[], object] = lambda: None
        self.first: Callable[[], object] = lambda: None
        self.postmaster = 0
        self.began = self.used_before = self.server_before = 0.0
        self.delays: list[float] = []

    def expect(self, warm: int, last: int, finished: Callable[[], object]) -> None:
        """Start when so many have been entered, and call `finished` at the last."""
        self._warm, self._last, self._finished = warm, last, finished

    def entered(self) -> None:
        number = next(self._count)
        if number == 1:
            self.first()
        if number == self._warm:
            self.server_before = server_used(self.postmaster)
            self.used_before = used()
            self.began = perf_counter()
        if number == self._last:
            self._finished()

    def stamped(self, sent_at: float) -> None:
        """Note how long ago that was; all processes of a machine share this clock."""
        self.delays.append(monotonic() - sent_at)
        self.entered()


class Engine(ABC):
    """A queue with its worker. The actors of a program call its `watch`."""

    waits_for: str
    """SQL: whether jobs are left that are not done, when the last has been entered."""

    def __init__(self) -> None:
        self.watch = Stopwatch()

    @abstractmethod
    async def install(self) -> None:
        """Create its tables."""

    @abstractmethod
    def producer(self, connections: int) -> AbstractAsyncContextManager[Send]:
        """What enqueues, with at most so many connections."""

    @abstractmethod
    async def run(self, **options: Any) -> None:
        """Work until cancelled."""

    async def enqueue(self, count: int, size: int, kind: str = "noop", number: float = 0) -> float:
        """Jobs per second, so many at a time, from one connection."""
        async with self.producer(1) as send:
            await send(kind, [number] * min(size, 10))  # connects, and prepares the statement
            look_for_garbage_seldom()
            numbers = [number] * size
            began = perf_counter()
            for _ in range(count // size):
                await send(kind, numbers)
            return count / (perf_counter() - began)

    async def produce(self, count: int, producers: int) -> float:
        """Jobs per second, one at a time from each of the producers, which are one process."""
        left = iter(range(count))
        async with self.producer(producers) as send:

            async def produce() -> None:
                for number in left:
                    await send("noop", [number])

            await asyncio.gather(*(send("noop", [0]) for _ in range(producers)))
            look_for_garbage_seldom()
            began = perf_counter()
            await asyncio.gather(*(produce() for _ in range(producers)))
            return count / (perf_counter() - began)

    async def stamp(self, count: int, pause: float) -> None:
        """Send one job after the other, each with the time on it."""
        async with self.producer(1) as send:
            for _ in range(count):
                await send("stamp", [monotonic()])
                await asyncio.sleep(pause)

    async def drain(self, count: int, warm: int, **options: Any) -> dict[str, float]:
        """Work off what is there: jobs per second from the `warm`th entered until all are done and committed."""
        finished, loop = asyncio.Event(), asyncio.get_running_loop()
        self.watch.expect(warm, count, lambda: loop.call_soon_threadsafe(finished.set))
        looks = await asyncpg.connect()
        self.watch.postmaster = parent_of(looks.get_server_pid())
        work = asyncio.create_task(self.run(**options))
        waits = asyncio.create_task(finished.wait())
        done, _ = await asyncio.wait((work, waits), return_when=asyncio.FIRST_COMPLETED)
        if work in done:
            raise AssertionError("it ended before its work") from work.exception()
        while await looks.fetchval(f"SELECT {self.waits_for}"):
            await asyncio.sleep(0.005)
        watch, jobs = self.watch, count - warm
        return {
            "rate": jobs / (perf_counter() - watch.began),
            "worker": (used() - watch.used_before) / jobs,
            "server": (server_used(watch.postmaster) - watch.server_before) / jobs,
        }

    async def work(self, **options: Any) -> list[float]:
        """Work until standard input ends. Returns the delays of the stamped jobs."""
        ended, loop = asyncio.Event(), asyncio.get_running_loop()

        def wait() -> None:
            sys.stdin.buffer.read()
            loop.call_soon_threadsafe(ended.set)

        threading.Thread(target=wait, daemon=True).start()
        self.watch.first = lambda: say("working")
        work = asyncio.create_task(self.run(**options))
        waits = asyncio.create_task(ended.wait())
        done, _ = await asyncio.wait((work, waits), return_when=asyncio.FIRST_COMPLETED)
        if work in done:
            raise AssertionError("it ended before its work") from work.exception()
        return self.watch.delays

    async def claim(self, limit: int, times: int) -> list[float]:
        """Seconds of each claim of so many jobs."""
        raise NotImplementedError


def look_for_garbage_seldom() -> None:
    """As our servers and runners do, from which tasks are sent, and for all engines: what was loaded is not looked at again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def used() -> float:
    """Processor seconds of this process."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def server_used(postmaster: int) -> float:
    """Processor seconds of all of PostgreSQL's processes that live; those that ended meanwhile are missing."""
    nanoseconds = 0
    for directory in Path("/proc").iterdir():
        if directory.name.isdigit():
            with contextlib.suppress(OSError):
                if parent_of(int(directory.name)) == postmaster:
                    nanoseconds += int((directory / "schedstat").read_text().split()[0])
    return nanoseconds / 1e9


def say(what: Any) -> None:
    answers.write(json.dumps(what) + "\n")
    answers.flush()
