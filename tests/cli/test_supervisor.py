"""The supervisor of `run`, over real processes that are really killed."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from app.cli import supervisor
from app.cli.supervisor import Child, Supervisor

LIMIT = 20.0
ROOT = Path(__file__).parents[2]


async def pid_of(directory: Path, name: str, other_than: int = 0) -> int:
    """The process id that a child of the supervised program has written."""
    file = directory / f"{name}.pid"
    async with asyncio.timeout(LIMIT):
        while not file.exists() or int(file.read_text()) == other_than:
            await asyncio.sleep(0.01)
    return int(file.read_text())


async def until_gone(*pids: int) -> None:
    async with asyncio.timeout(LIMIT):
        while any(_alive(pid) for pid in pids):
            await asyncio.sleep(0.01)


def _alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE  # nobody may be there to bury it
    except psutil.NoSuchProcess:
        return False


@pytest.fixture
async def program(tmp_path: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """The supervised program, which has started both children."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.cli.supervised", str(tmp_path), cwd=ROOT, stdout=subprocess.PIPE
    )
    pids = [await pid_of(tmp_path, name) for name in ("a", "b")]
    yield process
    for pid in (process.pid, *pids):
        if _alive(pid):
            os.kill(pid, signal.SIGKILL)
    await process.wait()


async def said(process: asyncio.subprocess.Process) -> list[str]:
    assert process.stdout
    async with asyncio.timeout(LIMIT):
        return (await process.stdout.read()).decode().splitlines()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_stops_all_the_last_one_first(
    program: asyncio.subprocess.Process, tmp_path: Path, number: signal.Signals
) -> None:
    program.send_signal(number)

    assert await said(program) == ["workyard: stopping", "workyard: stopped"]
    assert await program.wait() == 0
    assert (tmp_path / "ended").read_text().split() == ["b", "a"]


async def test_a_child_that_is_killed_is_started_again_and_the_other_goes_on(
    program: asyncio.subprocess.Process, tmp_path: Path
) -> None:
    first, other = await pid_of(tmp_path, "a"), await pid_of(tmp_path, "b")

    os.kill(first, signal.SIGKILL)

    second = await pid_of(tmp_path, "a", other_than=first)
    assert _alive(second)
    assert await pid_of(tmp_path, "b") == other
    program.terminate()
    assert (await said(program))[0] == "workyard: the a was ended by SIGKILL; starting it again in 0.5 s"


async def test_nothing_outlives_a_supervisor_that_is_killed(
    program: asyncio.subprocess.Process, tmp_path: Path
) -> None:
    pids = [await pid_of(tmp_path, name) for name in ("a", "b")]

    program.kill()

    await until_gone(*pids)
    assert sorted((tmp_path / "ended").read_text().split()) == ["a", "b"]


async def test_a_mistake_that_only_a_person_can_put_right_stops_all(
    capsys: pytest.CaptureFixture[str],
) -> None:
    mistaken = Child("mistaken", (sys.executable, "-c", "import sys; sys.exit(2)"))
    other = Child("other", (sys.executable, "-c", "import time; time.sleep(60)"))

    async with asyncio.timeout(LIMIT):
        code = await Supervisor([other, mistaken]).run()

    assert code == 2
    assert "starting it again" not in capsys.readouterr().out


async def test_a_child_that_does_not_stop_is_ended(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(supervisor, "SECONDS_TO_STOP", 0.2)
    deaf = "import signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); open(sys.argv[1], 'w'); signal.pause()"
    child = Child("deaf", (sys.executable, "-c", deaf, str(tmp_path / "ready")))

    running = asyncio.create_task(Supervisor([child]).run())
    async with asyncio.timeout(LIMIT):
        while not (tmp_path / "ready").exists():
            await asyncio.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)
        await running

    assert capsys.readouterr().out.splitlines() == [
        "workyard: stopping",
        "workyard: the deaf did not stop within 0.2 s; ending it",
        "workyard: stopped",
    ]


async def test_pauses_grow_while_a_child_keeps_dying(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "SHORTEST_PAUSE", 0.01)
    monkeypatch.setattr(supervisor, "LONGEST_PAUSE", 0.02)
    dying = Child("dying", (sys.executable, "-c", "import sys; sys.exit(3)"))

    running = asyncio.create_task(Supervisor([dying]).run())
    lines: list[str] = []
    async with asyncio.timeout(LIMIT):
        while len(lines) < 3:
            await asyncio.sleep(0.01)
            lines += capsys.readouterr().out.splitlines()
        os.kill(os.getpid(), signal.SIGTERM)
        await running

    assert [line.split()[-2] for line in lines[:3]] == ["0.01", "0.02", "0.02"]
