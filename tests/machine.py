"""What tests ask of the machine: which processes run, what a program says, and waiting for something, with a limit."""

import asyncio
import os
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil

LIMIT = 20.0
SECONDS_OF_A_PROGRAM = 110.0


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


async def said(command: Sequence[str], directory: Path, **environment: str) -> str:
    """All that a program prints, which must succeed."""
    process = await asyncio.create_subprocess_exec(
        *command, cwd=directory, env={**os.environ, **environment}, stdout=PIPE, stderr=STDOUT
    )
    try:
        async with asyncio.timeout(SECONDS_OF_A_PROGRAM):
            printed = (await process.communicate())[0].decode()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, printed
    return printed
