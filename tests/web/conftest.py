"""A real Chromium, for tests that see what a person sees."""

import os
import shutil
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, NoReturn

import pytest

if TYPE_CHECKING:
    from playwright.async_api import Browser

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator["Browser"]:
    """The browser that is on this machine; none is downloaded."""
    program = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        _not_here("no Chromium on this machine")
    try:
        from playwright.async_api import async_playwright
    except ImportError:
        _not_here("playwright is not installed")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program)
        yield browser
        await browser.close()


def _not_here(reason: str) -> NoReturn:
    if os.environ.get("REQUIRE_ALL") == "1" or os.environ.get("REQUIRE_BROWSER") == "1":
        pytest.fail(f"{reason}, and this run requires one", pytrace=False)
    pytest.skip(reason)
