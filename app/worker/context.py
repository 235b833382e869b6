"""Where a Python handler finds the files that it takes, and leaves those that it makes.

from app.worker import context

words = (context.input("corpus") / "hamlet.txt").read_text().split()
context.output("counts/hamlet.txt").write_text(f"{len(words)}\n")
context.describe_outputs("text:counts", {"language": "en"})
"""

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from app.worker.handler import INPUTS, OUTPUTS, Outputs


class Context:
    """The files of the work request that this process runs: all paths are those of its working directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.described = Outputs()

    def input(self, name: str) -> Path:
        """The directory with the files of the artifact that `taskData.inputs` calls so. They are read-only."""
        found = self._directory / INPUTS / inner(name)
        if not found.is_dir():
            raise FileNotFoundError(f"this work request has no input {name!r}")
        return found

    def output(self, path: str) -> Path:
        """Where to write a file that becomes part of the artifact that this request leaves, under that path in it."""
        target = self._directory / OUTPUTS / inner(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        return target

    def describe_outputs(self, category: str, data: Mapping[str, Any] | None = None) -> None:
        """Say what that artifact is. Without, it is a workyard:work-request-output."""
        self.described = Outputs(category, dict(data or {}))


def inner(path: str) -> PurePosixPath:
    """A path that stays where it is put."""
    found = PurePosixPath(path)
    if not found.parts or found.is_absolute() or ".." in found.parts:
        raise ValueError(f"{path!r} is no path inside the working directory")
    return found


context = Context(Path())
