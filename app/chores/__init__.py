"""Our own chores: actors that keep the installation in order, and when they are sent. Every task runner loads them.

They have a queue of their own, so that nobody's backlog is before them, and a runner can be kept for them alone.
"""

import sys

from app.chores import (
    files,
    notifications,  # noqa: F401  an actor without a schedule
    recovery,
    retention,
    statistics,
)
from app.settings import Settings
from app.tasks.loading import load_modules
from app.tasks.schedules import ScheduleSpec, declared_schedules

schedules = [*files.schedules, *recovery.schedules, *retention.schedules, *statistics.schedules]


def load_actors(settings: Settings) -> list[ScheduleSpec]:
    """Import all modules that declare actors, these and those of TASK_MODULES. Returns the schedules that they declare.

    Raises `ModuleNotLoaded` for one that cannot be imported.
    """
    names = load_modules(settings.task_modules)
    return declared_schedules([sys.modules[name] for name in (__name__, *names)])
