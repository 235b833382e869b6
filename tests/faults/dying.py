"""`python -m app` that kills itself: python -m tests.faults.dying before|after MODULE:NAME -- WORDS…

It is killed with SIGKILL when the function or method NAME of the module is called, or when it has returned: no finally,
no exit handler, nothing that is buffered. WHAT names such as `LocalStore._publish` lead into a class.
"""

import functools
import importlib
import inspect
import os
import runpy
import signal
import sys
from typing import Any, NoReturn


def die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("still alive")


def arm(when: str, what: str) -> None:
    """Have the process die then."""
    module, _, path = what.partition(":")
    *owners, name = path.split(".")
    place: Any = importlib.import_module(module)
    for owner in owners:
        place = getattr(place, owner)
    function = getattr(place, name)
    setattr(place, name, _deadly(when, function))


def _deadly(when: str, function: Any) -> Any:
    @functools.wraps(function)
    async def awaited(*args: Any, **kwargs: Any) -> None:
        if when == "after":
            await function(*args, **kwargs)
        die()

    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> None:
        if when == "after":
            function(*args, **kwargs)
        die()

    return awaited if inspect.iscoroutinefunction(function) else called


if __name__ == "__main__":
    when, what, _, *words = sys.argv[1:]
    arm(when, what)
    sys.argv = ["app", *words]
    runpy.run_module("app", run_name="__main__", alter_sys=True)
