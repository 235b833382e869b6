"""What a handler is given, what it says, and the two forms that it may have.

Imports nothing heavy: each child process that runs a handler begins with it.
"""

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable


@dataclass(frozen=True)
class WorkRequest:
    """A work request as its handler sees it. `attempt` counts from 1."""

    id: str
    attempt: int
    task_name: str
    task_data: dict[str, Any]


@dataclass(frozen=True)
class TaskError:
    """One thing that went wrong: a stable code for programs, a sentence for people."""

    code: str
    message: str


INPUTS, OUTPUTS = "inputs", "outputs"
"""Directories in the working directory: what the request takes, below the name of each input; and what it leaves."""


@dataclass(frozen=True)
class Outputs:
    """The artifact that a work request leaves: all that is below `outputs/`, and these `paths` of its directory.

    Of a path that names a directory, everything below it; a path may also be a pattern such as `*.log`. Without a
    category it is a workyard:work-request-output, and is only made when there are files.
    """

    category: str | None = None
    data: dict[str, Any] = field(default_factory=dict)
    paths: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """How a work request ended: `result` is SUCCESS, FAILURE (it ran, and says no) or ERROR (it could not run).

    Unless it is ERROR, its `outputs` are uploaded before it is reported.
    """

    result: str
    output_data: Any = None
    errors: tuple[TaskError, ...] = ()
    outputs: Outputs = Outputs()

    @classmethod
    def success(cls, output_data: Any = None, *, outputs: Outputs = Outputs()) -> "Outcome":
        return cls("SUCCESS", output_data, outputs=outputs)

    @classmethod
    def failure(
        cls,
        output_data: Any = None,
        *errors: TaskError,
        outputs: Outputs = Outputs(),
    ) -> "Outcome":
        return cls("FAILURE", output_data, errors, outputs)

    @classmethod
    def error(cls, code: str, message: str, output_data: Any = None) -> "Outcome":
        return cls("ERROR", output_data, (TaskError(code, message),))


class BadTaskData(Exception):
    """The task data do not say what to do; the message goes to whoever asked for the work."""


@dataclass(frozen=True)
class Command:
    """A program to run: in an empty working directory, with a clean environment, as a group of processes of its own.

    `argv[0]` is looked up in the PATH of that environment. `files` are written before the start, by their path below
    the working directory. `seconds` and `memory_bytes` can only narrow the worker's own limits.
    """

    argv: tuple[str, ...]
    input: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    seconds: float | None = None
    memory_bytes: int | None = None


@dataclass(frozen=True)
class Ended:
    """How a command ended. `stdout` and `stderr` are the last 64 KiB of each.

    `stopped_by` is set when the worker had to end it: TIMED_OUT or OUT_OF_MEMORY; or when it never ran: CANNOT_START.
    """

    exit_code: int | None = None
    signal: int | None = None
    seconds: float = 0.0
    stdout: str = ""
    stderr: str = ""
    stopped_by: str | None = None
    message: str = ""

    def crash(self, output_data: Any = None) -> Outcome | None:
        """The outcome when the program did not come to an end of its own; None when it did."""
        if self.stopped_by:
            return Outcome.error(self.stopped_by, self.message, output_data)
        if self.signal is not None:
            return Outcome.error("KILLED", f"the program was ended by signal {self.signal}", output_data)
        return None


@runtime_checkable
class RunHandler(Protocol):
    """Python that does the work, in a child process of its own. What it prints becomes the log.

    `version` goes into the worker's metadata as `<task>:version`. `run` may be an ordinary function as well. Whatever
    it raises ends the request in ERROR.
    """

    @property
    def version(self) -> int | str: ...

    def run(self, request: WorkRequest) -> Outcome | Awaitable[Outcome]: ...


@runtime_checkable
class CommandHandler(Protocol):
    """A program that does the work. Both functions run in the worker itself, and so must be quick and pure."""

    @property
    def version(self) -> int | str: ...

    def command(self, request: WorkRequest) -> Command:
        """The program for this request; raise BadTaskData when its data make no sense."""

    def outcome(self, request: WorkRequest, ended: Ended) -> Outcome:
        """What the program's end means."""


Handler = RunHandler | CommandHandler
