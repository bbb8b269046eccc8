"""A browser and a stack for a command, outside pytest."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Playwright, sync_playwright

from tests.browser.stack import Stack, running
from tests.support.servers import DURABLE, QueueServer


def chromium(playwright: Playwright) -> Browser:
    arguments = ["--no-sandbox", "--disable-gpu"]
    return playwright.chromium.launch(executable_path=shutil.which("chromium"), args=arguments)


@contextmanager
def browser_and_stack() -> Iterator[tuple[Browser, Stack]]:
    with (
        tempfile.TemporaryDirectory() as folder,
        QueueServer("redis", Path(folder), DURABLE) as server,
        running(server) as stack,
        sync_playwright() as playwright,
    ):
        browser = chromium(playwright)
        yield browser, stack
        browser.close()
