"""What the built-in handlers, and those of others, make of task data; each really runs in a child process."""

import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from app.worker.handler import Outcome, TaskError, WorkRequest
from app.worker.perform import Bench, perform
from app.worker.process import Limits, StreamName
from app.worker.registry import HandlerError, load_handler, load_handlers

EXAMPLE = Path(__file__).parents[2] / "examples/word-count"


async def outcome_of(
    task_name: str, task_data: dict[str, Any], log: list[str] | None = None, **limits: Any
) -> Outcome:
    async def on_output(name: StreamName, chunk: bytes) -> None:
        if log is not None:
            log.append(f"{name} {chunk.decode()}")

    request = WorkRequest(id="V29ya1JlcXVlc3Q6MQ==", attempt=1, task_name=task_name, task_data=task_data)
    bench = Bench(Limits(**({"seconds": 30, "grace": 0.5} | limits)))
    return await perform(load_handler(task_name), request, bench, on_output)


@pytest.mark.parametrize("result", ["SUCCESS", "FAILURE"])
async def test_noop_ends_as_asked(result: str) -> None:
    assert await outcome_of("noop", {"result": result}) == Outcome(result)


async def test_noop_ends_in_an_error_with_a_reason_when_asked() -> None:
    outcome = await outcome_of("noop", {"result": "ERROR"})

    assert (outcome.result, [error.code for error in outcome.errors]) == ("ERROR", ["AS_ASKED"])


async def test_noop_waits_and_is_not_waited_for_longer_than_the_worker_allows() -> None:
    assert (await outcome_of("noop", {"seconds": 0.01})).result == "SUCCESS"
    assert (await outcome_of("noop", {"seconds": 300}, seconds=0.3)).errors[0].code == "TIMED_OUT"


@pytest.mark.parametrize(
    "task_data", [{"seconds": -1}, {"seconds": "x"}, {"seconds": True}, {"result": "MAYBE"}]
)
async def test_noop_refuses_data_that_make_no_sense(task_data: dict[str, Any]) -> None:
    assert (await outcome_of("noop", task_data)).errors[0].code == "BAD_TASK_DATA"


async def test_shell_runs_a_command_on_real_input() -> None:
    log: list[str] = []

    outcome = await outcome_of("shell", {"command": "sort; echo done >&2", "input": "b\na\n"}, log)

    assert outcome.result == "SUCCESS"
    assert outcome.output_data.pop("seconds") > 0
    assert outcome.output_data == {"exitCode": 0, "stdout": "a\nb\n", "stderr": "done\n"}
    assert sorted(log) == ["STDERR done\n", "STDOUT a\nb\n"]


async def test_shell_reads_its_files() -> None:
    outcome = await outcome_of("shell", {"command": "cat names.txt", "files": {"names.txt": "ann\nbob\n"}})

    assert outcome.output_data["stdout"] == "ann\nbob\n"


async def test_shell_fails_when_the_exit_code_is_not_zero() -> None:
    outcome = await outcome_of("shell", {"command": "exit 3"})

    assert (outcome.result, outcome.output_data["exitCode"], outcome.errors) == ("FAILURE", 3, ())


async def test_shell_ended_by_a_signal_is_an_error_and_shows_what_was_written_before() -> None:
    outcome = await outcome_of("shell", {"command": "echo before; kill -KILL $$"})

    assert (outcome.result, [error.code for error in outcome.errors]) == ("ERROR", ["KILLED"])
    assert (outcome.output_data["exitCode"], outcome.output_data["signal"]) == (None, 9)
    assert outcome.output_data["stdout"] == "before\n"


async def test_shell_stops_at_its_own_time_limit() -> None:
    outcome = await outcome_of("shell", {"command": "echo before; sleep 300", "timeoutSeconds": 0.3})

    assert (outcome.result, outcome.errors) == (
        "ERROR",
        (TaskError("TIMED_OUT", "the program took longer than 0.3 seconds"),),
    )
    assert outcome.output_data["stdout"] == "before\n"


async def test_shell_cannot_ask_for_more_than_the_worker_allows() -> None:
    outcome = await outcome_of("shell", {"command": "sleep 300", "timeoutSeconds": 1e9}, seconds=0.3)

    assert outcome.errors[0].code == "TIMED_OUT"


async def test_shell_keeps_the_end_of_a_long_output() -> None:
    outcome = await outcome_of("shell", {"command": "yes | head -n 100000; echo end"})

    assert len(outcome.output_data["stdout"]) == 65536
    assert outcome.output_data["stdout"].endswith("y\nend\n")


@pytest.mark.parametrize(
    "task_data",
    [{}, {"command": 1}, {"command": "true", "input": 1}, {"command": "true", "files": {"a": 1}},
     {"command": "true", "files": {"../a": ""}}, {"command": "true", "memoryBytes": "1G"}],
)  # fmt: skip
async def test_shell_refuses_data_that_make_no_sense(task_data: dict[str, Any]) -> None:
    assert (await outcome_of("shell", task_data)).errors[0].code == "BAD_TASK_DATA"


async def test_python_calls_a_function() -> None:
    task_data = {"function": "os.path:join", "args": ["a", "b"]}

    assert await outcome_of("python", task_data) == Outcome.success({"value": "a/b"})


async def test_python_passes_names_and_waits_for_what_is_awaited() -> None:
    task_data = {"function": "asyncio:sleep", "args": [0.01], "kwargs": {"result": {"slept": True}}}

    assert await outcome_of("python", task_data) == Outcome.success({"value": {"slept": True}})


async def test_what_a_function_prints_goes_into_the_log() -> None:
    log: list[str] = []

    await outcome_of("python", {"function": "builtins:print", "args": ["grün"]}, log)

    assert log == ["STDOUT grün\n"]


async def test_an_exception_is_an_error_with_its_traceback_in_the_log() -> None:
    log: list[str] = []

    outcome = await outcome_of("python", {"function": "builtins:int", "args": ["x"]}, log)

    assert (outcome.result, outcome.errors[0].code) == ("ERROR", "EXCEPTION")
    assert outcome.errors[0].message.startswith("ValueError: invalid literal")
    assert "Traceback" in "".join(log)


@pytest.mark.parametrize(
    ("function", "says"),
    [("os.path", "package.module:name"), ("no.such:name", "no module no"), ("os:nothing", "has no nothing"),
     ("os:name", "cannot be called")],
)  # fmt: skip
async def test_a_function_that_is_none_is_named(function: str, says: str) -> None:
    outcome = await outcome_of("python", {"function": function})

    assert (outcome.result, outcome.errors[0].code) == ("ERROR", "BAD_TASK_DATA")
    assert says in outcome.errors[0].message


async def test_a_value_that_is_no_json_is_an_error() -> None:
    assert (await outcome_of("python", {"function": "builtins:object"})).errors[0].code == "NOT_JSON"


async def test_a_handler_that_crashes_is_an_error_and_one_that_exits_a_failure() -> None:
    crash = await outcome_of("python", {"function": "os:abort"})
    leave = await outcome_of("python", {"function": "os:_exit", "args": [4]})
    polite = await outcome_of("python", {"function": "sys:exit", "args": [4]})

    assert (crash.result, crash.errors[0].code) == ("ERROR", "KILLED")
    assert (leave.result, leave.errors[0].code) == ("FAILURE", "EXITED")
    assert (polite.result, polite.errors[0].code) == ("FAILURE", "EXITED")


async def test_a_handler_that_needs_too_much_memory_is_an_error() -> None:
    task_data = {"function": "builtins:bytearray", "args": [500_000_000]}

    outcome = await outcome_of("python", task_data, memory_bytes=200_000_000)

    assert (outcome.result, outcome.errors[0].code) == ("ERROR", "OUT_OF_MEMORY")


async def test_the_working_directory_does_not_shadow_modules_of_the_handler(tmp_path: Path) -> None:
    outcome = await outcome_of("python", {"function": "os:getcwd"})

    assert outcome.output_data["value"] not in sys.path
    assert not Path(outcome.output_data["value"]).exists()


@pytest.fixture
def installed_example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an installer leaves behind of examples/word-count: its module on the path, and its entry points."""
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
    announced = project["entry-points"]["workyard.handlers"]
    info = tmp_path / "workyard_word_count-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: 1\n")
    lines = [f"{name} = {value}" for name, value in announced.items()]
    (info / "entry_points.txt").write_text("\n".join(["[workyard.handlers]", *lines]))
    monkeypatch.setenv("PYTHONPATH", f"{EXAMPLE}:{tmp_path}")  # for the child process
    monkeypatch.syspath_prepend(str(EXAMPLE))
    monkeypatch.syspath_prepend(str(tmp_path))


@pytest.mark.usefixtures("installed_example")
async def test_a_handler_of_another_package_is_found_and_runs() -> None:
    log: list[str] = []

    outcome = await outcome_of("word_count", {"text": "to be or not to be"}, log)

    assert outcome == Outcome.success({"words": 6})
    assert log == ["STDOUT counting 6 words\n"]
    assert sorted(load_handlers()) == ["noop", "python", "shell", "word_count"]


async def test_an_unknown_handler_is_named_with_those_that_there_are() -> None:
    with pytest.raises(HandlerError, match="there is no handler 'fly'; there are noop, python, shell"):
        load_handlers(["noop", "fly"])


async def test_a_worker_may_be_limited_to_some_tasks() -> None:
    assert list(load_handlers(["noop"])) == ["noop"]
