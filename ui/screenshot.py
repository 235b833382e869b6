"""Take the README's picture of GraphiQL from a running Workyard: `.venv/bin/python ui/screenshot.py`.

Signs in as WORKYARD_ADMIN (admin) with WORKYARD_ADMIN_PASSWORD at WORKYARD_URL (http://127.0.0.1:8000), submits the
first example, and waits until the worker has done it. Needs playwright and a Chromium on the PATH or in $CHROMIUM.
"""

import os
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

PICTURE = Path(__file__).resolve().parent.parent / "docs" / "images" / "graphiql.png"
URL = os.environ.get("WORKYARD_URL", "http://127.0.0.1:8000")


def main() -> None:
    password = os.environ.get("WORKYARD_ADMIN_PASSWORD")
    program = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if not password or not program:
        sys.exit("Set WORKYARD_ADMIN_PASSWORD, and CHROMIUM where no chromium is on the PATH.")
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program)
        page = browser.new_page(viewport={"width": 1440, "height": 800}, color_scheme="light")
        sign_in(page, os.environ.get("WORKYARD_ADMIN", "admin"), password)
        watch_one_request(page)
        page.screenshot(path=PICTURE)
        browser.close()
    sys.stdout.write(
        f"{PICTURE.relative_to(Path.cwd()) if PICTURE.is_relative_to(Path.cwd()) else PICTURE}\n"
    )


def sign_in(page: Page, username: str, password: str) -> None:
    page.goto(f"{URL}/graphiql")
    page.get_by_label("User name").fill(username)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Execute query").wait_for()


def watch_one_request(page: Page) -> None:
    bring_to_front(page, "WatchItLive")
    page.get_by_role("button", name="Execute query").click()
    page.locator('[data-testid="watch-state"].is-live').wait_for()
    bring_to_front(page, "SubmitWork")
    page.get_by_role("button", name="Execute query").click()
    page.locator(".live-row", has_text="COMPLETED").wait_for()
    bring_to_front(page, "WatchItLive")
    page.locator(".result-window .view-lines", has_text="exitCode").wait_for()
    page.locator("body").focus()
    page.mouse.move(0, 0)
    page.wait_for_timeout(500)  # the tab's colour fades in


def bring_to_front(page: Page, title: str) -> None:
    page.get_by_role("tab", name=title, exact=True).click()
    page.locator(".graphiql-query-editor .view-lines", has_text=title).wait_for()


if __name__ == "__main__":
    main()
