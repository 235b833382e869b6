"""What tests ask of the machine: which processes run, and waiting for something, with a limit."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import psutil

LIMIT = 20.0


def processes(base: Path) -> list[psutil.Process]:
    """The supervisor and the postmaster of a directory."""
    found = []
    for process in psutil.process_iter():
        try:
            if any(str(base) in word for word in process.cmdline()) and process.pid != os.getpid():
                found.append(process)
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            pass
    return found


async def until(true: Callable[[], bool], limit: float = LIMIT) -> None:
    """Wait until something is true."""
    async with asyncio.timeout(limit):
        while not true():
            await asyncio.sleep(0.01)
