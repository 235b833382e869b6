"""Programs really run: what they may do, and that nothing of them is left."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path

import pytest

from app.worker.handler import BadTaskData, Command, Ended
from app.worker.process import Limits, StreamName, clean_environment, run, working_directory

LIMITS = Limits(seconds=20, grace=0.5)


async def quiet(name: StreamName, chunk: bytes) -> None:
    pass


async def end_of(
    command: Command, limits: Limits = LIMITS, on_output: Callable[..., object] = quiet
) -> Ended:
    async with working_directory(None) as directory:
        environment = clean_environment(directory)
        return await run(
            command,
            directory,
            limits=limits,
            on_output=on_output,  # type: ignore[arg-type]
            environment=environment,
        )


def sh(script: str, **rest: object) -> Command:
    return Command(("/bin/sh", "-c", script), **rest)  # type: ignore[arg-type]


def python(script: str, **rest: object) -> Command:
    return Command((sys.executable, "-c", script), **rest)  # type: ignore[arg-type]


def state(pid: int) -> str:
    """As ps shows it: R runs, S sleeps, Z has ended but nobody looked; nothing when it is gone."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    return ""


def alive(pid: int) -> bool:
    return state(pid) not in ("", "Z")


async def until(condition: Callable[[], object], what: str) -> None:
    try:
        async with asyncio.timeout(10):
            while not condition():
                await asyncio.sleep(0.01)
    except TimeoutError:
        pytest.fail(f"within 10 s: {what}")


@pytest.fixture
async def pid_file(tmp_path: Path) -> AsyncIterator[Path]:
    """Programs write a process id here; the process is killed afterwards if a test failed to."""
    path = tmp_path / "pid"
    yield path
    if path.exists() and path.read_text().strip():
        with suppress(ProcessLookupError):
            os.kill(int(path.read_text()), signal.SIGKILL)


async def written(pid_file: Path) -> int:
    await until(
        lambda: pid_file.exists() and pid_file.read_text().endswith("\n"), "the program writes its pid"
    )
    return int(pid_file.read_text())


async def test_exit_code_and_both_streams_are_told() -> None:
    ended = await end_of(sh("echo out; echo err >&2; exit 3"))

    assert (ended.exit_code, ended.signal, ended.stopped_by) == (3, None, None)
    assert (ended.stdout, ended.stderr) == ("out\n", "err\n")
    assert 0 < ended.seconds < 20


async def test_output_comes_while_the_program_runs() -> None:
    first = asyncio.Event()

    async def on_output(name: StreamName, chunk: bytes) -> None:
        assert (name, chunk) == ("STDOUT", b"here\n")
        first.set()

    running = asyncio.create_task(end_of(sh("echo here; sleep 60"), on_output=on_output))
    async with asyncio.timeout(10):
        await first.wait()

    assert not running.done()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_a_program_ended_by_a_signal_says_so() -> None:
    ended = await end_of(sh("kill -SEGV $$"))

    assert (ended.exit_code, ended.signal) == (None, signal.SIGSEGV)


async def test_input_arrives_and_ends() -> None:
    text = "grün\n" * 100_000

    assert (await end_of(sh("wc -c", input=text))).stdout.strip() == str(len(text.encode()))


async def test_a_program_may_leave_its_input_unread() -> None:
    assert (await end_of(sh("exit 0", input="x" * 1_000_000))).exit_code == 0


async def test_without_input_a_program_reads_nothing() -> None:
    assert (await end_of(sh("cat; echo done"))).stdout == "done\n"


async def test_files_are_there_before_the_start() -> None:
    files = {"a.txt": "A", "deep/er/b.txt": "B"}

    assert (await end_of(sh("cat a.txt deep/er/b.txt", files=files))).stdout == "AB"


@pytest.mark.parametrize("path", ["/etc/passwd", "../up", "a/../../up", "", ".", "nul\0"])
async def test_a_file_outside_of_the_working_directory_is_refused(path: str) -> None:
    with pytest.raises(BadTaskData, match="not a path inside"):
        await end_of(sh("true", files={path: "x"}))


async def test_a_file_below_another_file_is_refused() -> None:
    with pytest.raises(BadTaskData, match="cannot write"):
        await end_of(sh("true", files={"a": "x", "a/b": "x"}))


async def test_nothing_of_our_environment_reaches_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKYARD_ADMIN_PASSWORD", "secret")

    names = {line.partition("=")[0] for line in (await end_of(sh("env"))).stdout.splitlines()}

    assert names - {"PWD", "SHLVL", "_", "OLDPWD"} == {"PATH", "HOME", "TMPDIR", "LANG", "TZ"}


async def test_the_working_directory_is_empty_and_home_and_tmp_can_be_written() -> None:
    ended = await end_of(sh("ls -A; touch here ~/home $TMPDIR/tmp && echo ok"))

    assert ended.stdout == "ok\n"


async def test_the_directory_is_removed_even_when_the_program_took_our_rights_away(tmp_path: Path) -> None:
    async with working_directory(tmp_path) as directory:
        (directory / "work/locked/deeper").mkdir(parents=True)
        (directory / "work/locked/deeper").chmod(0)
        (directory / "work/locked").chmod(0)
        (directory / "work/link").symlink_to("/")

    assert list(tmp_path.iterdir()) == []
    assert Path("/etc").is_dir()


async def test_a_program_that_does_not_exist_cannot_start() -> None:
    ended = await end_of(Command(("no-such-program",)))

    assert ended.stopped_by == "CANNOT_START"
    assert "no-such-program" in ended.message


@pytest.mark.parametrize("argument", ["nul\0", "x" * 3_000_000])
async def test_an_argument_that_the_system_does_not_take_is_told_as_such(argument: str) -> None:
    assert (await end_of(Command(("echo", argument)))).stopped_by == "CANNOT_START"


async def test_a_program_that_takes_too_long_is_stopped_with_all_that_it_started(pid_file: Path) -> None:
    script = f"(trap '' TERM; setsid sleep 300 & echo $! > {pid_file}); sleep 300"

    ended = await end_of(sh(script), Limits(seconds=0.5, grace=0.3))

    assert ended.stopped_by == "TIMED_OUT"
    assert "0.5 seconds" in ended.message
    assert not alive(int(pid_file.read_text()))


async def test_what_runs_on_after_the_program_has_ended_is_killed(pid_file: Path) -> None:
    ended = await end_of(sh(f"setsid sleep 300 & echo $! > {pid_file}; exit 0"))

    assert ended.exit_code == 0
    assert not alive(int(pid_file.read_text()))


async def test_sigterm_comes_first_and_may_be_used_to_tidy_up() -> None:
    ended = await end_of(sh("trap 'echo tidy; exit 7' TERM; sleep 300 & wait"), Limits(seconds=0.5, grace=10))

    assert (ended.stopped_by, ended.exit_code, ended.stdout) == ("TIMED_OUT", 7, "tidy\n")


async def test_cancelling_kills_a_program_that_does_not_listen(pid_file: Path) -> None:
    running = asyncio.create_task(
        end_of(sh(f"trap '' TERM; echo $$ > {pid_file}; while :; do sleep 1; done"))
    )
    pid = await written(pid_file)

    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert not alive(pid)


async def test_a_program_that_wants_more_memory_than_it_may_have_does_not_get_it() -> None:
    ended = await end_of(python("bytearray(500_000_000)", memory_bytes=200_000_000))

    assert ended.exit_code == 1
    assert "MemoryError" in ended.stderr


HOLD_60_MB = "import time; kept = bytearray(b'x') * 60_000_000; time.sleep(60)"
START_FOUR = f"""
import subprocess, sys, time
for _ in range(4):
    subprocess.Popen([sys.executable, "-c", {HOLD_60_MB!r}])
time.sleep(60)
"""


async def test_the_memory_of_a_program_and_its_children_counts_together() -> None:
    ended = await end_of(python(START_FOUR, memory_bytes=150_000_000))

    assert ended.stopped_by == "OUT_OF_MEMORY"
    assert "150000000 bytes" in ended.message


async def test_a_program_that_reserves_much_and_uses_little_may_run() -> None:
    reserve = "import mmap; mmap.mmap(-1, 8 << 30, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, mmap.PROT_READ)"

    assert (await end_of(python(reserve, memory_bytes=200_000_000))).exit_code == 0


async def test_a_file_larger_than_allowed_ends_the_program() -> None:
    ended = await end_of(sh("exec head -c 2000000 /dev/zero > big"), Limits(seconds=20, file_bytes=1_000_000))

    assert ended.signal == signal.SIGXFSZ


async def test_a_broken_pipe_ends_a_program_as_in_a_terminal() -> None:
    ended = await end_of(sh("yes | head -n 1"))

    assert (ended.exit_code, ended.stdout, ended.stderr) == (0, "y\n", "")


async def test_a_reader_that_waits_holds_the_program_back(pid_file: Path) -> None:
    read, gate = 0, asyncio.Event()

    async def on_output(name: StreamName, chunk: bytes) -> None:
        nonlocal read
        read += len(chunk)
        await gate.wait()

    script = f"echo $$ > {pid_file}; exec head -c 10000000 /dev/zero"
    running = asyncio.create_task(end_of(sh(script), on_output=on_output))
    pid = await written(pid_file)
    await until(lambda: read and state(pid) == "S", "the program sleeps because its pipe is full")
    held_at = read
    gate.set()
    ended = await running

    assert held_at <= 65536
    assert (read, ended.exit_code) == (10_000_000, 0)


async def test_nothing_survives_the_worker(pid_file: Path) -> None:
    worker = subprocess.Popen([sys.executable, "-c", WORKER, str(pid_file)], stdout=subprocess.PIPE)
    pid = await written(pid_file)
    assert alive(pid)

    worker.kill()
    worker.communicate()

    await until(lambda: not alive(pid), "the program is gone")


WORKER = """
import asyncio, sys
from tests.worker.test_child import end_of, sh
asyncio.run(end_of(sh("trap '' TERM; setsid sleep 300 & echo $! > " + sys.argv[1] + "; wait")))
"""


async def test_a_killed_guardian_takes_the_program_with_it(pid_file: Path) -> None:
    running = asyncio.create_task(end_of(sh(f"echo $$ > {pid_file}; exec sleep 300")))
    pid = await written(pid_file)

    os.kill(int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]), signal.SIGKILL)
    ended = await running

    assert ended.stopped_by == "LOST"
    await until(lambda: not alive(pid), "the program is gone")
