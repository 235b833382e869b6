"""From a work request to its outcome, whatever the handler does."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from app.worker import child
from app.worker.artifacts import Artifacts, FilesFailed
from app.worker.handler import BadTaskData, CommandHandler, Handler, Outcome, WorkRequest
from app.worker.process import Limits, OnOutput, clean_environment, run, working_directory
from app.worker.verbs import AttemptLost

log = structlog.get_logger(__name__)

CODE = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Bench:
    """Where and within which limits this worker lets work be done.

    `below` is where working directories are made (default: the system's place for temporary files), `environment` what
    programs see besides the clean one.
    """

    limits: Limits
    below: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)


async def perform(
    handler: Handler,
    request: WorkRequest,
    bench: Bench,
    on_output: OnOutput,
    artifacts: Artifacts | None = None,
) -> Outcome:
    """Do the work in a child process. Cancelling kills it and everything that it has started.

    With `artifacts`, inputs are there before it starts, and its outputs with the server when this returns. Raises
    AttemptLost when the server says so meanwhile.
    """
    try:
        async with working_directory(bench.below) as directory:
            if artifacts:
                await artifacts.bring_inputs(request, directory / "work")
            outcome = await outcome_of(handler, request, directory, bench, on_output)
            if artifacts and outcome.result != "ERROR":
                outcome = await kept(artifacts, request, outcome, directory / "work")
            return outcome
    except BadTaskData as error:
        return Outcome.error("BAD_TASK_DATA", str(error))
    except FilesFailed as error:
        return Outcome.error(error.code, str(error))
    except AttemptLost:
        raise
    except Exception as error:
        log.exception("a handler failed in the worker itself", task_name=request.task_name)
        return Outcome.error("EXCEPTION", f"{type(error).__name__}: {error}")


async def outcome_of(
    handler: Handler, request: WorkRequest, directory: Path, bench: Bench, on_output: OnOutput
) -> Outcome:
    environment = clean_environment(directory) | named(request) | dict(bench.environment)
    if isinstance(handler, CommandHandler):
        command = handler.command(request)
    else:
        command = child.command_for(request, directory / "outcome.json", python_path())
    ended = await run(command, directory, limits=bench.limits, on_output=on_output, environment=environment)
    if isinstance(handler, CommandHandler):
        return handler.outcome(request, ended)
    return child.read(directory / "outcome.json", ended)


async def kept(artifacts: Artifacts, request: WorkRequest, outcome: Outcome, directory: Path) -> Outcome:
    """The outcome once its files are with the server; an error, with what the work said, when they cannot be."""
    try:
        await artifacts.take_outputs(request, outcome, directory)
    except FilesFailed as error:
        return Outcome.error(error.code, str(error), outcome.output_data)
    return outcome


def named(request: WorkRequest) -> dict[str, str]:
    return {
        "WORKYARD_WORK_REQUEST": request.id,
        "WORKYARD_ATTEMPT": str(request.attempt),
        "WORKYARD_TASK_NAME": request.task_name,
    }


def python_path() -> str:
    """What lets a child in another directory import what we can import."""
    given = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    return os.pathsep.join([str(CODE), *map(os.path.abspath, given)])
