"""What a person does at /graphiql, done by a real Chromium against the real server and its worker."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from app.client import Client
from tests.live import LiveServer

if TYPE_CHECKING:
    from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, WebSocketRoute

pytestmark = pytest.mark.browser

LIMIT = 30  # seconds for any one thing to happen

SUBMIT = """
mutation {
  createWorkRequest(input: {taskName: "noop"}) { workRequest { id } userErrors { code message path } }
}
"""
WATCH = """
subscription ($after: Cursor) {
  workRequestChanged(after: $after) { cursor status workRequest { id } }
}
"""


@dataclass
class Visit:
    """A browser's visit, and what went wrong on its pages."""

    context: "BrowserContext"
    url: str
    problems: list[str] = field(default_factory=list)

    async def open(self) -> "Page":
        page = await self.context.new_page()
        page.on("pageerror", lambda error: self.problems.append(f"error: {error}"))
        page.on("console", self._note_message)
        page.on("request", lambda request: self._note_foreign(request.url))
        page.on("websocket", lambda socket: self._note_foreign(socket.url))
        await page.goto(f"{self.url}/graphiql")
        return page

    async def sign_in(self, page: "Page", username: str, password: str) -> None:
        await page.get_by_label("User name").fill(username)
        await page.get_by_label("Password").fill(password)
        await page.get_by_role("button", name="Sign in").click()
        await editor_of(page).wait_for()

    async def sockets(self) -> list["WebSocketRoute"]:
        """The WebSockets that pages open from now on, in that order; a test can close them as a server would."""
        opened: list[WebSocketRoute] = []

        def pass_through(socket: "WebSocketRoute") -> None:
            socket.connect_to_server()
            opened.append(socket)

        await self.context.route_web_socket("**/graphql", pass_through)
        return opened

    def _note_message(self, message: "ConsoleMessage") -> None:
        if message.type in ("error", "warning"):
            self.problems.append(f"console: {message.text}")

    def _note_foreign(self, address: str) -> None:
        if not address.startswith("data:") and urlsplit(address).netloc != urlsplit(self.url).netloc:
            self.problems.append(f"asked elsewhere: {address}")


@pytest.fixture
async def visit(browser: "Browser", yard: LiveServer) -> AsyncIterator[Visit]:
    context = await browser.new_context(viewport={"width": 1440, "height": 860})
    context.set_default_timeout(LIMIT * 1000)
    yield Visit(context, yard.url)
    await context.close()


@pytest.fixture
async def program(yard: LiveServer) -> AsyncIterator[Client]:
    """Somebody else at the same server, who says what the page should have seen."""
    async with Client(yard.url, await yard.sign_in()) as client:
        yield client


async def test_a_wrong_password_is_answered_on_the_page(visit: Visit, yard: LiveServer) -> None:
    page = await visit.open()
    await page.get_by_label("User name").fill(yard.admin_username)
    await page.get_by_label("Password").fill("not the password")
    await page.get_by_role("button", name="Sign in").click()

    problem = page.get_by_role("alert")
    await problem.wait_for()

    assert (await problem.inner_text()).strip()
    assert await page.get_by_label("Password").is_visible()


async def test_work_submitted_in_the_first_tab_is_seen_live_in_the_second(
    visit: Visit, yard: LiveServer, tmp_path: Path
) -> None:
    page = await visit.open()
    await visit.sign_in(page, yard.admin_username, yard.admin_password)
    assert await page.get_by_test_id("username").inner_text() == yard.admin_username
    assert await page.title() == "Workyard"

    await watch(page)
    await bring_to_front(page, "SubmitWork")
    await run(page)

    await rows_with(page, "SUCCESS").first.wait_for()
    assert await statuses(page) == ["PENDING", "RUNNING", "COMPLETED"]
    await bring_to_front(page, "WatchItLive")
    await answer_of(page).filter(has_text='"exitCode"').wait_for()
    assert await page.get_by_test_id("last-cursor").input_value() == (await cursors(page))[-1]
    screenshot = await page.screenshot(path=tmp_path / "graphiql.png")
    assert screenshot.startswith(b"\x89PNG")
    assert visit.problems == []


async def test_a_closed_tab_resumes_from_its_last_cursor_with_exactly_what_it_missed(
    visit: Visit, yard: LiveServer, program: Client
) -> None:
    page = await visit.open()
    await visit.sign_in(page, yard.admin_username, yard.admin_password)
    await watch(page)
    await bring_to_front(page, "SubmitWork")
    await run(page)
    await rows_with(page, "RUNNING").first.wait_for()

    await bring_to_front(page, "WatchItLive")  # GraphiQL opens again with the tab that was in front
    seen = await cursors(page)
    await page.close()
    happened = await submit_and_follow(program, after=seen[0])
    page = await visit.open()
    await page.get_by_role("button", name="Resume from last cursor").click()
    await page.locator(f'[data-cursor="{happened[-1]}"]').wait_for()

    resumed = await cursors(page)
    assert seen[1:] + resumed == happened
    assert len(resumed) >= 4  # the first request's end, and all of the second
    assert visit.problems == []


async def test_a_subscription_goes_on_while_another_tab_is_in_front_and_ends_when_stopped(
    visit: Visit, yard: LiveServer, program: Client
) -> None:
    page = await visit.open()
    await visit.sign_in(page, yard.admin_username, yard.admin_password)
    await watch(page)
    await bring_to_front(page, "WhoAmI")
    await run(page)
    await answer_of(page).filter(has_text=yard.admin_username).wait_for()

    await program.mutate(SUBMIT)

    await rows_with(page, "SUCCESS").first.wait_for()
    assert yard.admin_username in await answer_of(page).inner_text()
    await bring_to_front(page, "WatchItLive")
    await answer_of(page).filter(has_text="workRequestChanged").wait_for()
    await page.get_by_role("button", name="Stop query").click()
    await page.get_by_text("WatchItLive: Stopped.").wait_for()
    await page.get_by_role("button", name="Resume from last cursor").wait_for()
    assert visit.problems == []


async def test_a_lost_connection_is_made_again_and_goes_on_from_the_last_cursor(
    visit: Visit, yard: LiveServer, program: Client
) -> None:
    sockets = await visit.sockets()
    page = await visit.open()
    await visit.sign_in(page, yard.admin_username, yard.admin_password)
    await watch(page)
    await program.mutate(SUBMIT)
    await rows_with(page, "SUCCESS").first.wait_for()
    seen = await cursors(page)

    await sockets[-1].close(code=1012, reason="Service restart")
    happened = await submit_and_follow(program, after=seen[0])

    await page.locator(f'[data-cursor="{happened[-1]}"]').wait_for()
    assert (await cursors(page))[1:] == happened
    assert await page.locator(".live-note").all_inner_texts() == [
        "WatchItLive: Connection lost: Service restart. Going on from the last cursor."
    ]
    assert len(sockets) == 2
    assert visit.problems == []


async def test_a_connection_that_the_server_refuses_is_told_and_not_made_again(
    visit: Visit, yard: LiveServer
) -> None:
    sockets = await visit.sockets()
    page = await visit.open()
    await visit.sign_in(page, yard.admin_username, yard.admin_password)
    await watch(page)

    await sockets[-1].close(code=4403, reason="Token revoked")

    told = "The server closed the connection: Token revoked (code 4403)."
    await page.locator(".live-row.is-fault", has_text=told).wait_for()
    await answer_of(page).filter(has_text="Token revoked").wait_for()
    await editor_of(page).wait_for()
    assert len(sockets) == 1
    assert visit.problems == []


async def test_signing_out_brings_the_form_back_and_forgets_who_one_was(
    visit: Visit, yard: LiveServer
) -> None:
    page = await visit.open()
    await visit.sign_in(page, yard.admin_username, yard.admin_password)

    await page.get_by_role("button", name="Sign out").click()

    await page.get_by_label("Password").wait_for()
    assert await page.get_by_test_id("username").count() == 0
    page = await visit.open()
    await page.get_by_label("Password").wait_for()
    assert visit.problems == []


def editor_of(page: "Page") -> "Locator":
    return page.get_by_role("button", name="Execute query")


def answer_of(page: "Page") -> "Locator":
    return page.locator(".result-window .view-lines")


def rows_with(page: "Page", status: str) -> "Locator":
    return page.locator(".live-row", has_text=status)


async def bring_to_front(page: "Page", title: str) -> None:
    await page.get_by_role("tab", name=title, exact=True).click()
    # The editor has the tab's text before GraphiQL knows its operation's name.
    await page.locator(".graphiql-query-editor .view-lines", has_text=title).wait_for()


async def run(page: "Page") -> None:
    await editor_of(page).click()


async def watch(page: "Page") -> None:
    await bring_to_front(page, "WatchItLive")
    await run(page)
    await page.locator('[data-testid="watch-state"].is-live').wait_for()


async def cursors(page: "Page") -> list[str]:
    rows = page.locator(".live-row[data-cursor]")
    return list(await rows.evaluate_all("rows => rows.map(row => row.dataset.cursor)"))


async def statuses(page: "Page") -> list[str]:
    return await page.locator(".live-row .live-status").all_inner_texts()


async def submit_and_follow(program: Client, after: str) -> list[str]:
    """Submit one more request; the cursors of all that happened since `after` until no request is left unfinished."""
    submitted = (await program.mutate(SUBMIT))["workRequest"]["id"]
    happened: list[str] = []
    unfinished = {submitted}
    async with asyncio.timeout(LIMIT), aclosing(program.subscribe(WATCH, after=after)) as events:
        async for event in events:
            happened.append(event["cursor"])
            if event["status"] == "COMPLETED":
                unfinished.discard(event["workRequest"]["id"])
            else:
                unfinished.add(event["workRequest"]["id"])
            if not unfinished:
                break
    return happened
