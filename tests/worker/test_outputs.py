"""Which files of its directory a piece of work leaves, and how handlers in Python say so."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from app.client import BadPath
from app.worker import Outputs
from app.worker.context import Context
from app.worker.outputs import output_files
from tests.worker.test_handlers import outcome_of


def made(directory: Path, *names: str) -> Path:
    for name in names:
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(name)
    return directory


def test_everything_below_outputs_goes_under_its_path_there(tmp_path: Path) -> None:
    made(tmp_path, "outputs/a.txt", "outputs/b/c.txt", "scratch.txt")

    assert list(output_files(tmp_path, Outputs(), missing=False)) == ["a.txt", "b/c.txt"]


def test_declared_paths_are_files_directories_and_patterns(tmp_path: Path) -> None:
    made(tmp_path, "one.log", "two.log", "build/a", "build/deep/b", "[odd].txt", "else")

    found = output_files(tmp_path, Outputs(paths=("*.log", "build", "[odd].txt")), missing=False)

    assert sorted(found) == ["[odd].txt", "build/a", "build/deep/b", "one.log", "two.log"]
    assert all(file.read_text() == path for path, file in found.items())


def test_work_that_leaves_nothing_has_no_files(tmp_path: Path) -> None:
    assert output_files(tmp_path, Outputs(), missing=False) == {}


def test_a_declared_path_must_be_there_unless_the_work_has_failed(tmp_path: Path) -> None:
    with pytest.raises(BadPath, match="has not made 'report"):
        output_files(tmp_path, Outputs(paths=("report.txt",)), missing=False)

    assert output_files(tmp_path, Outputs(paths=("report.txt",)), missing=True) == {}


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../secret", "a/../../secret", "..", "", "link/passwd", "link"]
)
def test_no_declared_path_leads_out_of_the_directory(path: str, tmp_path: Path) -> None:
    directory = made(tmp_path / "work", "a/file")
    made(tmp_path, "secret")
    (directory / "link").symlink_to("/etc")

    with pytest.raises(BadPath):
        output_files(directory, Outputs(paths=(path,)), missing=True)


def test_a_symbolic_link_below_outputs_is_refused(tmp_path: Path) -> None:
    (made(tmp_path, "outputs/a") / "outputs" / "link").symlink_to("/etc/passwd")

    with pytest.raises(BadPath, match="symbolic link"):
        output_files(tmp_path, Outputs(), missing=False)


def test_a_handler_finds_inputs_and_places_for_outputs(tmp_path: Path) -> None:
    context = Context(made(tmp_path, "inputs/corpus/a.txt"))

    context.output("deep/counts.txt").write_text((context.input("corpus") / "a.txt").read_text())
    context.describe_outputs("text:counts", {"language": "en"})

    assert (tmp_path / "outputs/deep/counts.txt").read_text() == "inputs/corpus/a.txt"
    assert context.described == Outputs("text:counts", {"language": "en"})


@pytest.mark.parametrize("path", ["../x", "/x", ""])
def test_a_handler_cannot_leave_its_directory_by_mistake(path: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no path inside"):
        Context(tmp_path).output(path)


def test_an_input_that_the_request_does_not_have_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no input 'corpus'"):
        Context(tmp_path).input("corpus")


async def test_the_outcome_of_shell_declares_its_outputs() -> None:
    given = {"category": "text:counts", "data": {"a": 1}, "paths": ["*.txt"]}

    outcome = await outcome_of("shell", {"command": "true", "outputs": given})

    assert outcome.outputs == Outputs("text:counts", {"a": 1}, ("*.txt",))


async def test_a_function_describes_its_outputs_through_the_context(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "describing.py").write_text(
        "from app.worker import context\ndef describe(): context.describe_outputs('text:counts', {'n': 1})\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    outcome = await outcome_of(
        "python", {"function": "describing:describe", "outputs": {"category": "other", "paths": ["x"]}}
    )

    assert outcome.outputs == Outputs("text:counts", {"n": 1}, ("x",))


@pytest.mark.parametrize(
    "outputs", [1, {"category": 1}, {"data": []}, {"paths": "a"}, {"paths": [1]}], ids=repr
)
async def test_outputs_that_make_no_sense_are_refused_before_the_work(outputs: Any) -> None:
    outcome = await outcome_of("shell", {"command": "exit 3", "outputs": outputs})

    assert [error.code for error in outcome.errors] == ["BAD_TASK_DATA"]


def test_a_childs_start_imports_no_client() -> None:
    program = "import sys, app.worker; print('httpx' in sys.modules, 'app.client' in sys.modules)"

    printed = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout

    assert printed == "False False\n"
