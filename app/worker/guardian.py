"""Runs one program, watches over it, and sees to it that nothing of it outlives the worker.

A process between the worker and the program, started by path with `python -I -S` (so: standard library only, and as
little of that as possible). The worker may be killed at any moment; the guardian notices because the control socket
closes.

    guardian.py CONTROL_FD MEMORY_BYTES FILE_BYTES CPU_SECONDS DIRECTORY PROGRAM ARGUMENT…     (0: no limit)

The worker writes orders of one byte: T asks the program's group to end, K kills everything. The guardian answers
one line when nothing is left: `exit CODE`, `signal NUMBER`, `memory BYTES` or `cannot MESSAGE`, and ends.
"""

import contextlib
import ctypes
import os
import resource
import select
import signal
import sys
import time

TERMINATE, KILL = b"T", b"K"
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
LINUX = sys.platform == "linux"
LOOK_EVERY_MS = 250
GIVE_UP_AFTER_SECONDS = 10.0


def main() -> None:
    control = int(sys.argv[1])
    memory, file, cpu = map(int, sys.argv[2:5])
    directory, argv = sys.argv[5], sys.argv[6:]
    if LINUX:  # what daemonises itself becomes our child, and so cannot hide
        prctl(PR_SET_CHILD_SUBREAPER, 1)
    program, failure = start(control, memory, file, cpu, directory, argv)
    release_standard_streams()
    answer = failure or watch(control, program, memory)
    kill_everything(program)
    with contextlib.suppress(OSError):  # the worker may be gone
        os.write(control, answer.encode()[:4000] + b"\n")


def start(control: int, memory: int, file: int, cpu: int, directory: str, argv: list[str]) -> tuple[int, str]:
    """The program's process, and why it could not be started if it could not."""
    me = os.getpid()
    reading, writing = os.pipe()  # closed by a successful exec; otherwise carries the reason
    program = os.fork()
    if program == 0:
        try:
            os.close(control)
            os.setsid()
            if LINUX:
                prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
                if os.getppid() != me:
                    os._exit(1)
                first_to_go_when_memory_is_short()
            limit(memory, file, cpu)
            for number in (
                signal.SIGPIPE,
                signal.SIGXFSZ,
            ):  # Python ignores them, and exec would pass that on
                signal.signal(number, signal.SIG_DFL)
            os.chdir(directory)
            os.execvp(argv[0], argv)  # noqa: S606
        except BaseException as error:
            os.write(writing, f"{argv[0]}: {error}".encode("utf-8", "replace"))
        finally:
            os._exit(127)
    os.close(writing)
    reason = os.read(reading, 4000).decode("utf-8", "replace").replace("\n", " ")
    os.close(reading)
    return program, f"cannot {reason}" if reason else ""


def first_to_go_when_memory_is_short() -> None:
    """Have the kernel end the program rather than the worker."""
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write("500")


def limit(memory: int, file: int, cpu: int) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if memory:
        # Address space is no measure of memory: Go, Java and Node reserve far more than they use. Linux counts in
        # RLIMIT_DATA what can be written to.
        lower(resource.RLIMIT_DATA if LINUX else resource.RLIMIT_AS, memory)
    if file:
        lower(resource.RLIMIT_FSIZE, file)
    if cpu:
        lower(resource.RLIMIT_CPU, cpu)


def lower(kind: int, value: int) -> None:
    hard = resource.getrlimit(kind)[1]
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (value, value))


def release_standard_streams() -> None:
    """Let go of the program's pipes, so that their ends are seen when the program closes them."""
    null = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(null, number)


def watch(control: int, program: int, memory: int) -> str:
    """Wait for the program's end, pass on orders, and count its memory; the answer for the worker."""
    poll = select.poll()
    poll.register(control, select.POLLIN)
    ending = os.pidfd_open(program) if LINUX else None
    if ending is not None:
        poll.register(ending, select.POLLIN)
    while (ended := reap(program)) is None:
        for number, _ in poll.poll(LOOK_EVERY_MS if LINUX else 50):
            if number == control and (used := obey(control, program)):
                return used
        if memory and LINUX and uses_more_than(memory):
            return f"memory {memory}"
    return ended


def obey(control: int, program: int) -> str:
    """Carry out one order; not empty when that was the program's end."""
    order = os.read(control, 1)
    if order == TERMINATE:
        signal_group(program, signal.SIGTERM)
        return ""
    return f"signal {int(signal.SIGKILL)}"


def reap(program: int) -> str | None:
    """Clear away every child that has ended; the program's own end, if it is among them."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return None
        if pid == 0:
            return None
        if pid == program:
            code = os.waitstatus_to_exitcode(status)
            return f"exit {code}" if code >= 0 else f"signal {-code}"


def kill_everything(program: int) -> None:
    """Kill the program's group, and then whatever else has become our child, until there is nothing."""
    signal_group(program, signal.SIGKILL)
    until = time.monotonic() + GIVE_UP_AFTER_SECONDS
    while time.monotonic() < until:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            for child in children(os.getpid()):
                signal_one(child, signal.SIGKILL)
            time.sleep(0.005)


def signal_group(program: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(program, number)


def signal_one(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def uses_more_than(memory: int) -> bool:
    """Whether all descendants together hold more bytes. Shared pages are divided among those who share them, but only
    when the plain sum, which is cheap, is suspicious."""
    pids = descendants()
    return sum(map(resident, pids)) > memory and sum(map(proportional, pids)) > memory


def descendants() -> list[int]:
    found = children(os.getpid())
    for pid in found:  # grows while we look
        found += children(pid)
    return found


def children(pid: int) -> list[int]:
    found: list[int] = []
    with contextlib.suppress(OSError):  # it may have ended meanwhile
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children") as file:
                found += map(int, file.read().split())
    return found


def resident(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/statm") as file:
            return int(file.read().split()[1]) * resource.getpagesize()
    except (OSError, IndexError):
        return 0


def proportional(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/smaps_rollup") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("Pss:"))
    except (OSError, StopIteration):
        return 0


def prctl(option: int, value: int) -> None:
    ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


if __name__ == "__main__":
    main()
