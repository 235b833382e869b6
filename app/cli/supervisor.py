"""Keeps processes of ours running."""

import asyncio
import contextlib
import os
import signal
import time
from dataclasses import dataclass, field

from app.cli.leash import NOTHING_TO_RETRY, SUPERVISOR_PIPE

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SECONDS_TO_STOP = 10.0
SHORTEST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
HEALTHY = 30.0
"""Seconds after which a process counts as healthy: its next death costs the shortest pause again."""


def say(text: str) -> None:
    """Tell the person at the terminal."""
    print(f"workyard: {text}", flush=True)


@dataclass(frozen=True)
class Child:
    """A command that is kept running, with what is added to its environment."""

    name: str
    command: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict, hash=False)


class Supervisor:
    """Starts the children, starts again those that die, stops all on SIGINT, SIGTERM or SIGHUP, the last one first.

    Each child has a process group of its own, so that Ctrl-C reaches us alone: the worker hands its work back to a
    server that still listens.
    """

    def __init__(self, children: list[Child]) -> None:
        self.children = children
        self.tasks: dict[Child, asyncio.Task[None]] = {}
        self.stopping = asyncio.Event()
        self.code = 0
        # Whoever reads from it learns of our end. Nothing is ever written.
        self.reader, self.writer = os.pipe()

    async def run(self) -> int:
        """Supervise until told to stop; return the exit code."""
        loop = asyncio.get_running_loop()
        for number in STOPPING:
            loop.add_signal_handler(number, self._stop, 0)
        try:
            async with asyncio.TaskGroup() as group:
                for child in self.children:
                    self.tasks[child] = group.create_task(self._keep(child))
        finally:
            for number in STOPPING:
                loop.remove_signal_handler(number)
            os.close(self.reader)
            os.close(self.writer)
        say("stopped")
        return self.code

    def _stop(self, code: int) -> None:
        if not self.stopping.is_set():
            say("stopping")
            self.code = code
            self.stopping.set()

    async def _keep(self, child: Child) -> None:
        pause = SHORTEST_PAUSE
        while not self.stopping.is_set():
            began = time.monotonic()
            code = await self._run_once(child)
            if self.stopping.is_set():
                return
            if code == NOTHING_TO_RETRY:  # it has said what a person must put right
                self._stop(code)
                return
            if time.monotonic() - began > HEALTHY:
                pause = SHORTEST_PAUSE
            say(f"the {child.name} {_describe(code)}; starting it again in {pause:g} s")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self.stopping.wait()
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _run_once(self, child: Child) -> int:
        process = await asyncio.create_subprocess_exec(
            *child.command,
            stdin=asyncio.subprocess.DEVNULL,
            pass_fds=(self.reader,),
            env={**os.environ, **child.environment, SUPERVISOR_PIPE: str(self.reader)},
            process_group=0,
        )
        ended = asyncio.ensure_future(process.wait())
        told = asyncio.ensure_future(self.stopping.wait())
        try:
            await asyncio.wait({ended, told}, return_when=asyncio.FIRST_COMPLETED)
            if not ended.done():
                await self._end(child, process)
            return await ended
        finally:
            told.cancel()

    async def _end(self, child: Child, process: asyncio.subprocess.Process) -> None:
        """Ask it to stop; when it does not, end it."""
        if later := [self.tasks[other] for other in self.children[self.children.index(child) + 1 :]]:
            await asyncio.wait(later)
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
            try:
                async with asyncio.timeout(SECONDS_TO_STOP):
                    await process.wait()
            except TimeoutError:
                say(f"the {child.name} did not stop within {SECONDS_TO_STOP:g} s; ending it")
                process.kill()


def _describe(code: int) -> str:
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
