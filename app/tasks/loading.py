"""Imports the modules that declare actors."""

import importlib
from collections.abc import Iterable


class ModuleNotLoaded(Exception):
    """A module of TASK_MODULES cannot be imported; the message says which, and why."""


def load_modules(names: Iterable[str]) -> list[str]:
    """Import modules, whose actors are declared thereby. Returns their names. Raises `ModuleNotLoaded`."""
    loaded = []
    for name in names:
        try:
            importlib.import_module(name)
        except Exception as error:
            raise ModuleNotLoaded(
                f"cannot import {name!r} of TASK_MODULES: {type(error).__name__}: {error}"
            ) from error
        loaded.append(name)
    return loaded
