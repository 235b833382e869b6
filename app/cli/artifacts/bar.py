"""A bar on standard error while files are carried. Without a terminal there is none."""

import sys
from contextlib import AbstractContextManager, nullcontext
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)


def waiting(what: str) -> AbstractContextManager[object]:
    """Show what is being done, as long as nothing can be counted."""
    return Console(file=sys.stderr).status(what) if sys.stderr.isatty() else nullcontext()


class Bar:
    """One bar for all files, with the name of the one that moved last."""

    def __init__(self, verb: str, total: int) -> None:
        self._done: dict[str, int] = {}
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            DownloadColumn(binary_units=True),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[path]}", markup=False),
            console=Console(file=sys.stderr),
            disable=not sys.stderr.isatty(),
            transient=True,
        )
        self._task = self._bar.add_task(verb, total=total, path="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._bar.stop()

    def progress(self, path: str, done: int, size: int) -> None:
        """So many bytes of that file are there."""
        self._bar.advance(self._task, done - self._done.get(path, 0))
        self._bar.update(self._task, path=path)
        self._done[path] = done
