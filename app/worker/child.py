"""The process in which a RunHandler works: `python -P -m app.worker.child < work_request.json`.

The outcome goes into the file that WORKYARD_OUTCOME_FILE names; output and errors are the handler's own.
"""

import json
import os
import sys
import traceback
from collections.abc import Awaitable
from dataclasses import asdict, replace
from inspect import isawaitable
from io import TextIOWrapper
from pathlib import Path

from app.worker.context import context
from app.worker.handler import (
    BadTaskData,
    Command,
    Ended,
    Handler,
    Outcome,
    Outputs,
    RunHandler,
    TaskError,
    WorkRequest,
)
from app.worker.text import storable

LARGEST_OUTCOME = 4 * 1024 * 1024
OUTCOME = "WORKYARD_OUTCOME_FILE"


def main() -> None:
    if isinstance(sys.stdout, TextIOWrapper):  # it is a pipe, but somebody is reading along
        sys.stdout.reconfigure(line_buffering=True)
    request = WorkRequest(**json.load(sys.stdin))
    path = Path(os.environ.pop(OUTCOME))
    outcome = outcome_of(request)
    sys.stdout.flush()
    write(path, outcome)


def outcome_of(request: WorkRequest) -> Outcome:
    from app.worker.registry import HandlerError, load_handler

    try:
        return run(load_handler(request.task_name), request)
    except (BadTaskData, HandlerError) as error:
        return Outcome.error("BAD_TASK_DATA" if isinstance(error, BadTaskData) else "NO_HANDLER", str(error))
    except MemoryError:
        return Outcome.error("OUT_OF_MEMORY", "the handler needs more memory than it may use")
    except Exception as error:
        traceback.print_exc()
        return Outcome.error("EXCEPTION", f"{type(error).__name__}: {error}")


def run(handler: Handler, request: WorkRequest) -> Outcome:
    assert isinstance(handler, RunHandler)
    outcome: object = handler.run(request)
    if isawaitable(outcome):
        import asyncio  # half of this program's start, and not every handler needs it

        outcome = asyncio.run(awaited(outcome))
    if not isinstance(outcome, Outcome):
        return Outcome.error("BAD_OUTCOME", f"the handler returned {type(outcome).__name__}, not an Outcome")
    described = context.described
    if described.category is None:
        return outcome
    return replace(outcome, outputs=replace(described, paths=outcome.outputs.paths))


async def awaited(outcome: Awaitable[object]) -> object:
    return await outcome


def write(path: Path, outcome: Outcome) -> None:
    try:
        text = json.dumps(storable(asdict(outcome)))
    except (TypeError, ValueError, RecursionError) as error:
        text = json.dumps(asdict(Outcome.error("NOT_JSON", f"the output cannot be written as JSON: {error}")))
    if len(text) > LARGEST_OUTCOME:
        text = json.dumps(
            asdict(Outcome.error("OUTPUT_TOO_LARGE", f"the output has {len(text)} bytes of JSON"))
        )
    path.write_text(text, encoding="utf-8")


def command_for(request: WorkRequest, outcome_file: Path, python_path: str) -> Command:
    """How the worker starts this program."""
    return Command(
        (sys.executable, "-P", "-m", "app.worker.child"),
        input=json.dumps(asdict(request)),
        environment={OUTCOME: str(outcome_file), "PYTHONPATH": python_path},
    )


def read(path: Path, ended: Ended) -> Outcome:
    """What the handler said, or what its end means if it said nothing."""
    if crash := ended.crash():
        return crash
    try:
        with path.open("rb") as file:
            said = json.loads(file.read(LARGEST_OUTCOME + 1))
        return Outcome(
            said["result"],
            said["output_data"],
            tuple(TaskError(**each) for each in said["errors"]),
            Outputs(**{**said["outputs"], "paths": tuple(said["outputs"]["paths"])}),
        )
    except FileNotFoundError:
        why = TaskError(
            "EXITED", f"the handler exited with code {ended.exit_code} before it returned an outcome"
        )
        return Outcome("FAILURE" if ended.exit_code else "ERROR", None, (why,))
    except (ValueError, KeyError, TypeError):
        return Outcome.error("BAD_OUTCOME", "the handler's outcome cannot be read")


if __name__ == "__main__":
    main()
