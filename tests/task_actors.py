"""Actors for tests: they note where they ran, and wait at gates. Runners of their own import this by TASK_MODULES."""

import asyncio
import os
import signal
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from app.tasks import Retry, actor, current_task

LONG = 60.0


class Run(NamedTuple):
    """That an actor was entered in this process."""

    actor: str
    number: int
    attempt: int
    at: float


class Stage:
    """What the actors of this process did, and the gates at which they wait."""

    def __init__(self) -> None:
        self.runs: list[Run] = []
        self.gates: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self.cancelled: list[int] = []

    def note(self, actor: str, number: int = 0) -> None:
        self.runs.append(Run(actor, number, current_task().attempt, time.time()))

    def numbers(self, actor: str) -> list[int]:
        """What an actor was called with, in the order in which it ran."""
        return [run.number for run in self.runs if run.actor == actor]

    def clear(self) -> None:
        self.__init__()  # type: ignore[misc]


stage = Stage()


def mark(path: str, word: str) -> None:
    """Append a line to a file in one write, so that processes do not get into each other's lines."""
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        os.write(file, f"{word}\n".encode())
    finally:
        os.close(file)


def marks(path: Path) -> list[str]:
    """The lines so far."""
    return path.read_text().split() if path.exists() else []


@actor(remote=True)
async def noop(number: int = 0) -> None:
    """Note that it ran."""
    stage.note("noop", number)


@actor(store_results=True)
async def answer(line: str = "thinking") -> int:
    """Log a line, and return 42."""
    current_task().info(line)
    return 42


@actor(store_results=True)
async def returns(what: str) -> Any:
    """Return something that JSON cannot say, or that is too long."""
    return object() if what == "object" else "x" * int(what)


@actor
async def says(*levels: str) -> None:
    """Log a line of each of these levels."""
    for level in levels:
        say: Callable[[str], None] = getattr(current_task(), level)
        say(f"a line of level {level}")


@actor(log=False)
async def silent() -> None:
    """Neither it nor the machinery logs anything."""


@actor(max_retries=0, remote=True)
async def fails(number: int = 0) -> None:
    """Log an error and raise another."""
    stage.note("fails", number)
    current_task().error("something is wrong here")
    raise RuntimeError("it cannot be done")


@actor(max_retries=2, min_backoff=1000)
async def fails_always() -> None:
    """Raise, three times in all."""
    stage.note("fails_always", current_task().retries)
    current_task().info(f"attempt {current_task().attempt}")
    raise RuntimeError("it cannot be done")


@actor(max_retries=1)
async def asks_for_later() -> None:
    """Ask to be called again in three seconds, the first time."""
    stage.note("asks_for_later")
    if current_task().retries == 0:
        raise Retry(delay=3000)


@actor(throws=ValueError, max_retries=5)
async def throws() -> None:
    """Raise what it says that it raises."""
    stage.note("throws")
    raise ValueError("that is no number")


@actor(remote=True)
async def waits(gate: str, number: int = 0) -> None:
    """Wait until the gate is open."""
    stage.note("waits", number)
    try:
        await stage.gates[gate].wait()
    except asyncio.CancelledError:
        stage.cancelled.append(number)
        raise


@actor
async def waits_each_time(gate: str) -> None:
    """Wait until the gate of this attempt is open."""
    attempt = current_task().attempt
    stage.note("waits_each_time", attempt)
    await stage.gates[f"{gate} {attempt}"].wait()


@actor
async def waits_and_sends(gate: str) -> None:
    """Wait until the gate of this attempt is open, and send noop together with the end."""
    attempt = current_task().attempt
    stage.note("waits_and_sends", attempt)
    await stage.gates[f"{gate} {attempt}"].wait()
    noop.send(attempt)
    stage.note("sent", attempt)


@actor(max_retries=0)
def computes(number: int) -> int:
    """A plain function: it runs in a thread."""
    stage.note("computes", number)
    return number * number


@actor(process=True, max_retries=0, store_results=True)
def computes_apart(number: int) -> int:
    """Run in a process of its own, which a negative number kills."""
    current_task().info(f"computing {number}")
    if number < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return number * number


@actor(remote=True)
async def marked(path: str, word: str, seconds: float = 0) -> None:
    """Write down that it began, and, after so long, that it has done its work."""
    mark(path, f"began-{word}")
    await asyncio.sleep(seconds)
    mark(path, f"ended-{word}")


@actor
async def held_at_first(path: str) -> None:
    """Take a minute, unless it was tried before."""
    attempt = current_task().attempt
    mark(path, f"began-{attempt}")
    if attempt == 1:
        await asyncio.sleep(LONG)
    mark(path, f"ended-{attempt}")


@actor
async def held_for(path: str, word: str, gate: str) -> None:
    """Begin, and end once the file that is the gate is there."""
    mark(path, f"began-{word}")
    while not Path(gate).exists():
        await asyncio.sleep(0.01)
    mark(path, f"ended-{word}")


@actor(max_retries=0)
async def stalls(path: str, seconds: float) -> None:
    """Keep the event loop of its runner from turning."""
    mark(path, "began")
    time.sleep(seconds)
    mark(path, "ended")


@actor(max_retries=2, min_backoff=1, max_backoff=1, remote=True)
async def acts(plan: list[str], gate: str) -> None:
    """Do what the plan says for this attempt."""
    attempt = current_task().attempt
    stage.note("acts", attempt)
    match plan[attempt - 1] if attempt <= len(plan) else "return":
        case "raise":
            raise RuntimeError("as planned")
        case "ask":
            raise Retry("as planned", delay=1)
        case "wait":
            current_task().info("waiting")
            await stage.gates[gate].wait()
        case "info" | "warning" | "error" as level:
            getattr(current_task(), level)("as planned")
            await asyncio.sleep(0)


@actor
async def logs_odd_things() -> None:
    """Log what PostgreSQL or JSON cannot take as it comes."""
    task = current_task()
    task.info("a zero \0 and half a pair \ud800", zero="\0", half="\udfff", number=float("nan"), big=2**200)
    task.info("", **{"\0": object(), "\ud800": b"\xff"})
    task.info("x" * 100_000, deep=[[[[[[[[]]]]]]]])


@actor
async def logs_secrets() -> None:
    """Log what should not be seen."""
    current_task().info(
        "signing in", user="ann", password="hunter2", headers={"api_key": "hunter2", "x-token": ["hunter2"]}
    )
