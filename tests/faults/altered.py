"""`python -m app` with a wrong clock or other patience: python -m tests.faults.altered WHAT=VALUE… -- WORDS…

WHAT is `clock`, with a file that says by how many seconds the clock of the machine is off, and that may be changed at any
time, as clocks are set; or a constant of ours, as app.daemons.runner.health:LONGEST_SILENCE.
"""

import importlib
import runpy
import sys
import time
from datetime import datetime, tzinfo
from pathlib import Path

import app.clock


def set_clock(file: Path) -> None:
    """Have this process take the clock to be off by what the file says."""
    right = time.time

    def wrong() -> float:
        return right() + float(file.read_text() or 0)

    class Wrong:
        @staticmethod
        def now(tz: tzinfo | None = None) -> datetime:
            return datetime.fromtimestamp(wrong(), tz)

    time.time = wrong
    vars(app.clock)["datetime"] = Wrong


def alter(what: str, value: str) -> None:
    if what == "clock":
        set_clock(Path(value))
    else:
        module, name = what.split(":")
        setattr(importlib.import_module(module), name, float(value))


if __name__ == "__main__":
    words = iter(sys.argv[1:])
    for word in iter(lambda: next(words), "--"):
        alter(*word.split("=", 1))
    sys.argv = ["app", *words]
    runpy.run_module("app", run_name="__main__", alter_sys=True)
