"""One browser and one stack for a file of tests; for each test a fresh page and an empty queue."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.stack import Stack, running
from tests.support.servers import DURABLE, QueueServer

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


# Not for the whole session: while it is open, this thread has a running event loop, and asyncio.run in other
# tests would be refused.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    assert chromium, "these tests drive Debian's chromium: apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def shared_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("redis")
    with QueueServer("redis", folder, DURABLE) as server, running(server) as stack:
        yield stack


@pytest.fixture
def stack(shared_stack: Stack) -> Stack:
    shared_stack.refresh()
    return shared_stack


@pytest.fixture
def page(browser: Browser, stack: Stack) -> Iterator[Page]:
    """The live page of `stack`, connected. No script error and no breach of the policy is overlooked."""
    faults: list[str] = []
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if "Policy" in message.text else None)
    page.goto(stack.url)
    page.locator("body[data-link=live]").wait_for()
    yield page
    page.close()
    assert faults == []
