"""Runs a Command under its guardian: limits, a directory of its own, its output as it comes, and a certain end."""

import asyncio
import math
import os
import shutil
import socket
import stat
import sys
import tempfile
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from time import monotonic
from typing import Literal

from app.worker.handler import BadTaskData, Command, Ended
from app.worker.text import Tail

GUARDIAN = Path(__file__).with_name("guardian.py")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
CHUNK = 16384
DIRECTORY_PREFIX = "work-"

StreamName = Literal["STDOUT", "STDERR"]
OnOutput = Callable[[StreamName, bytes], Awaitable[None]]


@dataclass(frozen=True)
class Limits:
    """What one command may use at most. None is no limit. `grace` is the time between SIGTERM and SIGKILL."""

    seconds: float
    memory_bytes: int | None = None
    file_bytes: int | None = None
    grace: float = 3.0

    def narrowed(self, command: Command) -> "Limits":
        return Limits(
            seconds=min(self.seconds, command.seconds or math.inf),
            memory_bytes=min(filter(None, (self.memory_bytes, command.memory_bytes)), default=None),
            file_bytes=self.file_bytes,
            grace=self.grace,
        )

    @property
    def cpu_seconds(self) -> int:
        """A second net for when nobody is left to watch the clock: all processors for all of the time."""
        return math.ceil(self.seconds + self.grace + 1) * (os.cpu_count() or 1)


async def run(
    command: Command, directory: Path, *, limits: Limits, on_output: OnOutput, environment: Mapping[str, str]
) -> Ended:
    """Run the command to its end. Cancelling ends it, with everything that it has started, before this returns.

    `on_output` gets the output while it comes; as long as it waits, the program's pipe fills and the program waits.
    Raises BadTaskData when a file's path leads out of the working directory.
    """
    limits = limits.narrowed(command)
    write_files(directory / "work", command.files)
    try:
        async with started(
            command, limits, directory / "work", {**environment, **command.environment}
        ) as process:
            return await process.watched(limits, command.input, on_output)
    except CannotStart as error:
        return Ended(stopped_by="CANNOT_START", message=str(error))


class CannotStart(Exception):
    """The operating system refused, for instance because the arguments are too long."""


def what_happened(
    answer: str, timed_out: bool, limits: Limits, seconds: float, out: Tail, err: Tail
) -> Ended:
    """The guardian's answer as an Ended."""
    kind, _, rest = answer.partition(" ")
    stopped_by, message = None, ""
    if kind == "cannot":
        stopped_by, message = "CANNOT_START", f"the program could not be started: {rest}"
    elif timed_out:
        stopped_by, message = "TIMED_OUT", f"the program took longer than {limits.seconds:g} seconds"
    elif kind == "memory":
        stopped_by, message = "OUT_OF_MEMORY", f"the program used more than {rest} bytes of memory"
    elif kind not in ("exit", "signal"):
        stopped_by, message = "LOST", "the process that watched over the program was killed"
    return Ended(
        exit_code=int(rest) if kind == "exit" else None,
        signal=int(rest) if kind == "signal" else None,
        seconds=seconds,
        stdout=out.text(),
        stderr=err.text(),
        stopped_by=stopped_by,
        message=message,
    )


@dataclass
class Process:
    """A program and its guardian."""

    guardian: asyncio.subprocess.Process
    control: asyncio.StreamWriter
    answer: asyncio.Task[bytes]
    began: float
    seconds: float = 0.0

    @property
    def stdout(self) -> asyncio.StreamReader:
        assert self.guardian.stdout
        return self.guardian.stdout

    @property
    def stderr(self) -> asyncio.StreamReader:
        assert self.guardian.stderr
        return self.guardian.stderr

    async def watched(self, limits: Limits, input: str, on_output: OnOutput) -> Ended:
        out, err = Tail(), Tail()
        async with asyncio.TaskGroup() as group:
            group.create_task(self.read("STDOUT", self.stdout, out, on_output))
            group.create_task(self.read("STDERR", self.stderr, err, on_output))
            feeding = group.create_task(self.feed(input))
            answer, timed_out = await self.ended(limits)
            feeding.cancel()
        return what_happened(answer, timed_out, limits, self.seconds, out, err)

    async def read(
        self, name: StreamName, stream: asyncio.StreamReader, tail: Tail, on_output: OnOutput
    ) -> None:
        while chunk := await stream.read(CHUNK):
            tail.add(chunk)
            await on_output(name, chunk)

    async def feed(self, input: str) -> None:
        if stdin := self.guardian.stdin:
            with suppress(BrokenPipeError, ConnectionResetError):  # it may end without reading
                stdin.write(input.encode("utf-8", "replace"))
                await stdin.drain()
            stdin.close()

    async def ended(self, limits: Limits) -> tuple[str, bool]:
        """The guardian's answer once nothing is left of the program, and whether its time ran out."""
        timed_out = False
        if not await self._answers_within(limits.seconds):
            timed_out = True
            await self.stop(limits.grace)
        answer = await asyncio.shield(self.answer)
        self.seconds = monotonic() - self.began
        return answer.decode().strip(), timed_out

    async def stop(self, grace: float) -> None:
        """Ask the program to end; when it does not within the grace, kill it and all that it has started."""
        self.order(b"T")
        if not await self._answers_within(grace):
            self.order(b"K")
            await asyncio.shield(self.answer)

    def order(self, order: bytes) -> None:
        self.control.write(order)

    async def _answers_within(self, seconds: float) -> bool:
        done, _ = await asyncio.wait({self.answer}, timeout=seconds)
        return bool(done)


@asynccontextmanager
async def started(
    command: Command, limits: Limits, directory: Path, environment: Mapping[str, str]
) -> AsyncIterator[Process]:
    """The running program; on leaving, however that happens, nothing of it is left."""
    ours, theirs = socket.socketpair()
    with theirs:
        try:
            guardian = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", str(GUARDIAN), str(theirs.fileno())),
                *(str(limits.memory_bytes or 0), str(limits.file_bytes or 0), str(limits.cpu_seconds)),
                *(str(directory), *command.argv),
                stdin=PIPE if command.input else DEVNULL,
                stdout=PIPE,
                stderr=PIPE,
                env=environment,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            ours.close()
            raise CannotStart(f"the program could not be started: {error}") from error
    reader, writer = await asyncio.open_connection(sock=ours)
    process = Process(guardian, writer, asyncio.create_task(last_words(reader)), monotonic())
    try:
        yield process
    finally:
        if not process.answer.done():
            await finish(process.stop(limits.grace))
        writer.close()
        await finish(guardian.wait())


async def last_words(control: asyncio.StreamReader) -> bytes:
    with suppress(ConnectionResetError):
        return await control.read()
    return b""


async def finish(ending: Awaitable[object]) -> None:
    """Wait for it even while we are being cancelled, once more and again."""
    task = asyncio.ensure_future(ending)
    cancelled = False
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            cancelled = True
    if cancelled:
        raise asyncio.CancelledError


def clean_environment(directory: Path) -> dict[str, str]:
    """Nothing of the worker's own environment, which may hold secrets, reaches a program."""
    return {
        "PATH": PATH,
        "HOME": str(directory / "home"),
        "TMPDIR": str(directory / "tmp"),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
    }


@asynccontextmanager
async def working_directory(below: Path | None) -> AsyncIterator[Path]:
    """A new directory with `work`, `home` and `tmp`; removed afterwards with all that is in it."""
    directory = Path(tempfile.mkdtemp(prefix=DIRECTORY_PREFIX, dir=below))
    try:
        for name in ("work", "home", "tmp"):
            (directory / name).mkdir()
        yield directory
    finally:
        await finish(asyncio.to_thread(remove, directory))


def remove(directory: Path) -> None:
    """Remove a directory even if a program took away our right to do so."""
    for folder, names, _ in os.walk(directory):
        for name in names:
            path = os.path.join(folder, name)
            if not os.path.islink(path):
                os.chmod(path, stat.S_IRWXU)
    shutil.rmtree(directory, ignore_errors=True)


def write_files(directory: Path, files: Mapping[str, str]) -> None:
    for name, content in files.items():
        path = PurePosixPath(name)
        if not path.parts or path.is_absolute() or ".." in path.parts or "\0" in name:
            raise BadTaskData(f"files: {name!r} is not a path inside the working directory")
        target = directory / path
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content.encode("utf-8", "replace"))
        except OSError as error:
            raise BadTaskData(f"files: cannot write {name!r}: {error.strerror}") from error
