"""Tasks at /graphiql: sent, watched and followed by a real Chromium, run by a real runner."""

import asyncio
import os
import re
import sys
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests.database.cluster import Databases
from tests.docs.pages import ROOT
from tests.live import LiveServer, start_server
from tests.tasks_yard import run_runner
from tests.web.test_graphiql_browser import LIMIT, Visit, answer_of, bring_to_front, run

if TYPE_CHECKING:
    from playwright.async_api import Browser, Locator, Page

pytestmark = pytest.mark.browser

EXAMPLES = ROOT / "examples" / "tasks"
STATES = ["QUEUED", "CONSUMED", "PREPROCESS", "RUNNING", "POSTPROCESS", "DONE"]
ACTOR = "reports.count_words"


@dataclass
class Reports:
    """A server and a runner that have the actors of the guide, and a page that takes its time."""

    server: LiveServer
    slow_page: str


@pytest.fixture(scope="module")
async def reports(browser: "Browser", databases: Databases) -> AsyncIterator[Reports]:
    modules = {"TASK_MODULES": "reports", "PYTHONPATH": os.pathsep.join([str(EXAMPLES), str(ROOT)])}
    async with (
        start_server(databases, **modules) as server,
        run_runner(server.credentials, **modules),
        _slow_server() as slow_page,
    ):
        yield Reports(server, slow_page)


@asynccontextmanager
async def _slow_server() -> AsyncIterator[str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(EXAMPLES / "slow_server.py"), "0"), stdin=DEVNULL, stdout=PIPE, stderr=STDOUT
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(LIMIT):
            yield (await process.stdout.readline()).decode().split()[-1]
    finally:
        process.terminate()
        await process.wait()


@pytest.fixture
async def visit(browser: "Browser", reports: Reports) -> AsyncIterator[Visit]:
    context = await browser.new_context(viewport={"width": 1440, "height": 860})
    context.set_default_timeout(LIMIT * 1000)
    yield Visit(context, reports.server.url)
    await context.close()


async def test_a_task_sent_in_one_tab_shows_its_states_its_log_and_its_result_in_the_others(
    visit: Visit, reports: Reports
) -> None:
    page = await visit.open()
    await visit.sign_in(page, reports.server.admin_username, reports.server.admin_password)
    await watch(page, "WatchTasks")
    await send(page, f"{reports.slow_page}?after=5")
    await watch(page, "FollowATasksLog")

    await page.locator(".live-row", has_text="RUNNING").wait_for()
    assert await rows_of(page, "task.done").count() == 0  # it is shown while it runs
    await rows_of(page, "task.done").first.wait_for()
    logged = page.locator(".live-row .is-log")
    await logged.filter(has_text="Task has finished").wait_for()

    assert await states_shown(page) == STATES
    assert (await logged.all_inner_texts())[-1] == "Task has finished"
    await bring_to_front(page, "WatchTasks")
    await answer_of(page).filter(has_text='"words": 9').wait_for()
    assert visit.problems == []


async def test_a_task_that_fails_is_seen_to_be_tried_again_and_its_log_says_why(
    visit: Visit, reports: Reports, tmp_path: Path
) -> None:
    page = await visit.open()
    await visit.sign_in(page, reports.server.admin_username, reports.server.admin_password)
    await watch(page, "WatchTasks")
    await send(page, f"{reports.slow_page}?busy=1&after=4")
    await watch(page, "FollowATasksLog")

    await page.locator(".live-row", has=page.locator(".is-log", has_text="the server is busy")).wait_for()
    await rows_of(page, "task.done").first.wait_for()
    await page.locator(".live-row", has=page.locator(".is-log", has_text="Task has finished")).wait_for()
    await bring_to_front(page, "WatchTasks")
    await answer_of(page).filter(has_text='"words": 9').wait_for()
    screenshot = await page.screenshot(path=tmp_path / "tasks.png")  # docs/images/tasks.png is one of these
    assert screenshot.startswith(b"\x89PNG")

    assert await states_shown(page) == [*STATES[:-1], *STATES]
    assert "QUEUED" in await rows_of(page, "task.requeued").locator(".live-status").all_inner_texts()
    assert visit.problems == []


async def send(page: "Page", url: str) -> None:
    """Run the example that sends a task, with another address in it."""
    text = next((ROOT / "ui" / "graphiql" / "examples").glob("*-send-a-task.graphql")).read_text()
    await bring_to_front(page, "SendATask")
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await page.evaluate(
        "text => navigator.clipboard.writeText(text)", re.sub(r'"http://[^"]*"', f'"{url}"', text)
    )
    await page.locator(".graphiql-query-editor .view-lines").click()
    await page.keyboard.press("ControlOrMeta+a")
    await page.keyboard.press("ControlOrMeta+v")
    await page.locator(".graphiql-query-editor .view-lines", has_text=urlsplit(url).netloc).wait_for()
    await run(page)
    await answer_of(page).filter(has_text='"QUEUED"').wait_for()


async def watch(page: "Page", title: str) -> None:
    """Run the subscription of that tab, and wait until it is followed."""
    await bring_to_front(page, title)
    await run(page)
    await page.locator(".live-watches li.is-live", has_text=title).wait_for()


def rows_of(page: "Page", type: str) -> "Locator":
    """The events of a type that were received."""
    return page.locator(".live-row", has=page.locator(".live-type", has_text=type))


async def states_shown(page: "Page") -> list[str]:
    """The states of tasks that were received, in order."""
    return await page.locator(".live-row", has_text=ACTOR).locator(".live-status").all_inner_texts()
