"""A program with a supervisor over two children: python supervised.py DIRECTORY. Each writes what happens to it."""

import asyncio
import os
import signal
import sys
import threading
from pathlib import Path

from app.cli.leash import hold_on_to_supervisor
from app.cli.supervisor import Child, Supervisor


def child(name: str, directory: Path) -> None:
    """Say that it runs; on SIGTERM say so and end."""
    hold_on_to_supervisor()
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    (directory / f"{name}.pid.new").write_text(str(os.getpid()))
    (directory / f"{name}.pid.new").rename(directory / f"{name}.pid")
    stopped.wait()
    with (directory / "ended").open("a") as file:
        file.write(f"{name}\n")


def main(directory: Path) -> int:
    children = [
        Child(name, (sys.executable, "-m", "tests.cli.supervised", str(directory), name))
        for name in ("a", "b")
    ]
    return asyncio.run(Supervisor(children).run())


if __name__ == "__main__":
    if len(sys.argv) > 2:
        child(sys.argv[2], Path(sys.argv[1]))
    else:
        sys.exit(main(Path(sys.argv[1])))
