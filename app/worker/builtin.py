"""The handlers that every worker has: noop, shell and python."""

import importlib
import math
from collections.abc import Callable
from inspect import isawaitable
from typing import Any

from app.worker.handler import BadTaskData, Command, Ended, Handler, Outcome, Outputs, WorkRequest


class Noop:
    """Waits `seconds` and ends in `result`."""

    version = 1

    def command(self, request: WorkRequest) -> Command:
        if request.task_data.get("result", "SUCCESS") not in ("SUCCESS", "FAILURE", "ERROR"):
            raise BadTaskData("result must be SUCCESS, FAILURE or ERROR")
        return Command(("sleep", str(positive(request.task_data, "seconds") or 0)))

    def outcome(self, request: WorkRequest, ended: Ended) -> Outcome:
        result = request.task_data.get("result", "SUCCESS")
        if result == "ERROR":
            return ended.crash() or Outcome.error("AS_ASKED", "the request asked to end in ERROR")
        return ended.crash() or Outcome(result)


class Shell:
    """Runs a command line with /bin/sh."""

    version = 1

    def command(self, request: WorkRequest) -> Command:
        data = request.task_data
        outputs(data)  # what makes no sense is not run
        memory = positive(data, "memoryBytes")
        return Command(
            ("/bin/sh", "-c", text(data, "command")),
            input=text(data, "input", ""),
            files=texts(data, "files"),
            seconds=positive(data, "timeoutSeconds"),
            memory_bytes=None if memory is None else math.ceil(memory),
        )

    def outcome(self, request: WorkRequest, ended: Ended) -> Outcome:
        output_data = {
            "exitCode": ended.exit_code,
            "stdout": ended.stdout,
            "stderr": ended.stderr,
            "seconds": round(ended.seconds, 3),
        }
        if ended.signal is not None:
            output_data["signal"] = ended.signal
        result = "SUCCESS" if ended.exit_code == 0 else "FAILURE"
        return ended.crash(output_data) or Outcome(result, output_data, outputs=outputs(request.task_data))


class Python:
    """Calls an importable function; its value, which must be JSON, is the output."""

    version = 1

    async def run(self, request: WorkRequest) -> Outcome:
        function = imported(text(request.task_data, "function"))
        args, kwargs = request.task_data.get("args", []), request.task_data.get("kwargs", {})
        if not isinstance(args, list) or not isinstance(kwargs, dict):
            raise BadTaskData("args must be a list and kwargs an object")
        declared = outputs(request.task_data)
        value = function(*args, **kwargs)
        return Outcome.success({"value": await value if isawaitable(value) else value}, outputs=declared)


BUILT_IN: dict[str, Handler] = {"noop": Noop(), "shell": Shell(), "python": Python()}


def imported(path: str) -> Callable[..., Any]:
    """The function that `package.module:name` names; `name` may be dotted."""
    module_name, _, name = path.partition(":")
    if not module_name or not name:
        raise BadTaskData(f'function must be like "package.module:name", got {path!r}')
    try:
        found: Any = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise BadTaskData(f"there is no module {error.name} on this worker") from error
    for part in name.split("."):
        if not hasattr(found, part):
            raise BadTaskData(f"{module_name} has no {name}")
        found = getattr(found, part)
    if not callable(found):
        raise BadTaskData(f"{path} cannot be called")
    return found  # type: ignore[no-any-return]


def text(data: dict[str, Any], name: str, default: str | None = None) -> str:
    value = data.get(name, default)
    if not isinstance(value, str):
        raise BadTaskData(f"{name} must be a string")
    return value


def texts(data: dict[str, Any], name: str) -> dict[str, str]:
    value = data.get(name) or {}
    if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
        raise BadTaskData(f"{name} must be an object of strings")
    return value


def outputs(data: dict[str, Any]) -> Outputs:
    """What `outputs` says of the artifact that is left."""
    given = data.get("outputs", {})
    if not isinstance(given, dict):
        raise BadTaskData("outputs must be an object")
    category, known, paths = given.get("category"), given.get("data", {}), given.get("paths", [])
    if not isinstance(category, str | None) or not isinstance(known, dict):
        raise BadTaskData("outputs.category must be a string and outputs.data an object")
    if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
        raise BadTaskData("outputs.paths must be a list of strings")
    return Outputs(category, known, tuple(paths))


def positive(data: dict[str, Any], name: str) -> float | None:
    value = data.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise BadTaskData(f"{name} must be a number that is not negative")
    return value
