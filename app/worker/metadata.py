"""What a worker says of itself: the machine, the tasks that it can run and in which version, its tags."""

import os
import platform
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from app.worker.handler import Handler


def dynamic_metadata(handlers: Mapping[str, Handler], tags: Iterable[str]) -> dict[str, Any]:
    """The worker's dynamic metadata as they are now; keys as debusine's workers send them, where they have one."""
    return {
        "system:cpu_count": processors(),
        "system:total_physical_memory": physical_memory(),
        "system:architecture": platform.machine(),
        "system:platform": sys.platform,
        "python:version": platform.python_version(),
        **{f"{name}:version": handler.version for name, handler in handlers.items()},
        "tags": sorted({*tags, *(f"task:{name}" for name in handlers)}),
    }


def processors() -> int:
    """Processors that this process may use, which in a container are fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def physical_memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
