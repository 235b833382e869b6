"""How often Python looks for garbage in a process that runs tasks."""

import gc


def collect_less_often() -> None:
    """A task makes some thirty objects, and hundreds of tasks are under way: looking at them so often cost an eighth."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
