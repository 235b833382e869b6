"""What a process and its supervisor agree on.

A process ends when its supervisor has gone, however that went: a killed supervisor leaves nothing behind. It keeps the
writing end of a pipe that it never writes to; the kernel closes it when the supervisor dies.
"""

import os
import signal
import threading
import time

SUPERVISOR_PIPE = "WORKYARD_SUPERVISOR_PIPE"
SECONDS_TO_STOP = 10.0
NOTHING_TO_RETRY = 2
"""Exit code of a mistake that only a person can put right; the supervisor does not start such a process again."""


def hold_on_to_supervisor() -> None:
    """In a process that `run` started: stop as by SIGTERM when the supervisor goes, and for sure ten seconds later."""
    if descriptor := os.environ.pop(SUPERVISOR_PIPE, ""):
        os.set_inheritable(int(descriptor), False)  # what we start is ours to stop
        threading.Thread(target=_watch, args=(int(descriptor),), daemon=True, name="leash").start()


def _watch(descriptor: int) -> None:
    os.read(descriptor, 1)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(SECONDS_TO_STOP)
    os._exit(1)
