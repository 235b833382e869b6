"""What the pages tell a reader to type works."""

import asyncio
import os
import re
import subprocess
import tarfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import psutil

from app.database.address import Credentials
from tests.database.cluster import Databases
from tests.docs.pages import PAGES, ROOT, blocks
from tests.docs.session import is_make, run_examples
from tests.live import LiveServer, free_port, start_server
from tests.tasks_yard import run_runner

LIMIT_WITH_A_KILL = 240
"""Seconds for the guide to tasks: there are programs to start, pauses between attempts, and a runner to be missed."""


async def test_the_readmes_examples_run_and_resuming_repeats_nothing(
    yard: LiveServer, tmp_path: Path
) -> None:
    await run_examples(ROOT / "README.md", yard, tmp_path)

    watched, resumed = (events(tmp_path / name) for name in ("watched.txt", "resumed.txt"))
    assert [kind for _, kind in watched] == ["created", "started", "completed"]
    assert [kind for _, kind in resumed] == ["created", "started", "completed"]
    assert not {cursor for cursor, _ in watched} & {cursor for cursor, _ in resumed}


async def test_the_quickstarts_examples_run_as_described(yard: LiveServer, tmp_path: Path) -> None:
    printed = await run_examples(ROOT / "docs" / "quickstart.md", yard, tmp_path)

    assert (
        '{"data":{"viewer":{"user":{"username":"admin","isStaff":true},"scopes":["ADMIN","READ","WORK"]}}}'
        in printed
    )
    assert len(set(re.findall(r'"createWorkRequest":\{"workRequest":\{"id":"(\w+)"', printed))) == 1
    assert re.findall(r'"text":"(.*?)"', (tmp_path / "log.txt").read_text()) == ["line 1", "line 2", "line 3"]
    assert '"abortReason":"found it in the cache"},"userErrors":[]' in (tmp_path / "aborted.json").read_text()
    assert (
        '"name":"second-example","connected":true,"enabled":true' in (tmp_path / "workers.json").read_text()
    )


async def test_the_guide_to_artifacts_runs_as_it_stands_and_counts_the_same_in_every_way(
    yard: LiveServer, tmp_path: Path
) -> None:
    await run_examples(ROOT / "docs" / "guides" / "artifacts.md", yard, tmp_path)

    counted = (tmp_path / "counts" / "words.txt").read_text()
    assert [line.split() for line in counted.splitlines()] == [
        ["25", "lamb.txt"], ["20", "tyger.txt"], ["45", "total"],
    ]  # fmt: skip
    assert (tmp_path / "counted.txt").read_text() == counted
    assert (tmp_path / "counts-again" / "words.txt").read_text() == counted
    assert '"type":"BUILT_USING"' in (tmp_path / "made.json").read_text()
    assert (tmp_path / "first.txt").read_bytes() == (tmp_path / "numbers.txt").read_bytes()[:100]
    with tarfile.open(tmp_path / "numbers.tar.gz") as archive:
        file = archive.extractfile("numbers.txt")
        assert file
        assert file.read() == (tmp_path / "numbers.txt").read_bytes()


async def test_the_guide_to_tasks_runs_as_it_stands_and_a_killed_runners_task_is_done_once(
    databases: Databases, tmp_path: Path
) -> None:
    guide = ROOT / "docs" / "guides" / "tasks.md"
    (tmp_path / "reports.py").write_text(blocks(guide, "python")[0])
    modules = {"TASK_MODULES": "reports", "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}

    async with (
        start_server(databases, **modules) as server,
        run_runner(server.credentials, **modules),
        half_a_minute_after_a_kill(server.credentials),
    ):
        await run_examples(
            guide, server, tmp_path, limit=LIMIT_WITH_A_KILL, replacing={"8099": str(free_port())}
        )

    states = states_by_uid(tmp_path / "watched.txt")
    once = ["QUEUED", "CONSUMED", "PREPROCESS", "RUNNING", "POSTPROCESS", "DONE"]
    again = ["QUEUED", "CONSUMED", "PREPROCESS", "RUNNING", "POSTPROCESS"]
    assert states["reports.count_words:slow"] == states["reports.count_primes"] == once
    assert states["reports.count_words:busy"] == again * 2 + once
    assert states["reports.count_words:killed"] == once[:4] + once
    asked = (tmp_path / "slow.out").read_text()
    assert asked.count("/page?after=8") == 2
    assert asked.count("/page?ordered") == 1
    assert "/page?never" not in asked
    assert '"crashes":1,"retries":0,"result":{"words":9}' in (tmp_path / "survived.json").read_text()


@asynccontextmanager
async def half_a_minute_after_a_kill(credentials: Credentials) -> AsyncIterator[None]:
    """Let whoever waits for a runner that was killed to be missed find it missing already."""
    waiting = asyncio.create_task(miss_the_first_that_is_killed(credentials))
    try:
        yield
        assert waiting.done() and waiting.exception() is None, waiting
    finally:
        waiting.cancel()


async def miss_the_first_that_is_killed(credentials: Credentials) -> None:
    connection = await asyncpg.connect(**credentials)
    try:
        while True:
            for runner in await connection.fetch("SELECT id, pid FROM worker_status"):
                if runner["pid"] and not psutil.pid_exists(runner["pid"]):
                    await connection.execute(SEEN_LONG_AGO, runner["id"])
                    return
            await asyncio.sleep(0.1)
    finally:
        await connection.close()


SEEN_LONG_AGO = "UPDATE worker_status SET last_seen = now() - interval '31 seconds' WHERE id = $1"


async def test_the_guide_to_notifications_ends_with_a_mail(databases: Databases, tmp_path: Path) -> None:
    port = str(free_port())
    mail = {"SMTP_URL": f"smtp://127.0.0.1:{port}", "MAIL_FROM": "workyard@workyard.example"}

    async with start_server(databases, **mail) as server, run_runner(server.credentials, **mail):
        await run_examples(
            ROOT / "docs" / "guides" / "notifications.md", server, tmp_path, replacing={"8025": port}
        )

    taken = (tmp_path / "mail.out").read_text()
    assert taken.count("MESSAGE FOLLOWS") == 1
    assert re.search(r"^Subject: noop \d+: aborted$", taken, re.MULTILINE)
    assert re.search(r"^Cc: me@workyard.example$", taken, re.MULTILINE)
    assert '"uid":"app.chores.notifications.send_mail:aborted"' in (tmp_path / "mail.json").read_text()


def test_every_make_target_that_a_page_names_exists() -> None:
    lines = {
        line.split("#")[0].strip()
        for page in PAGES
        for code in blocks(page, "sh")
        if is_make(code)
        for line in code.splitlines()
    }

    assert "make run" in lines
    for line in sorted(lines):
        made = subprocess.run(["make", "-n", *line.split()[1:]], cwd=ROOT, capture_output=True, text=True)
        assert made.returncode == 0, f"{line}: {made.stderr}"


def events(file: Path) -> list[tuple[str, str]]:
    """The cursor of each event that curl wrote down, and the last word of its type."""
    return re.findall(r'^id: (\S+)\ndata: .*?"type":"work_request\.(\w+)"', file.read_text(), re.MULTILINE)


def states_by_uid(file: Path) -> dict[str, list[str]]:
    """The states that each task entered, by its uid, in the order in which curl wrote them down."""
    found: dict[str, list[str]] = {}
    for state, uid in re.findall(r'"state":"(\w+)".*?"uid":"([^"]+)"', file.read_text()):
        found.setdefault(uid, []).append(state)
    return found
