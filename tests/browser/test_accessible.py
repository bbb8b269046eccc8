"""axe-core on every page, in both themes: nothing serious. And the pages by keyboard alone."""

from __future__ import annotations

from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from inspector.messages.result import Reason, Verdict
from tests.browser.stack import Stack, finding

PAGES = ["/", "/gallery", "/inspections/{id}", "/signin", "/overview"]


def trouble(page: Page) -> list[str]:
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [
        f"{one['id']}: {node['target']}: {node['failureSummary']}"
        for one in found
        if one["impact"] in {"serious", "critical"}
        for node in one["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_axe_finds_nothing_serious(browser: Browser, stack: Stack, scheme: Literal["dark", "light"]) -> None:
    inspection = stack.post(part_id="P1", line="L1")
    stack.post(part_id="P2", line="L2")
    reason = Reason.model_validate({"code": "above_threshold", "class": "spur", "text": "spur 0.97 >= 0.50"})
    boxes = [finding("spur", 0.97, (100, 50, 180, 130)), finding("open", 0.2, (9, 9, 50, 50))]
    stack.inspect(Verdict.NG, boxes, [reason])
    # axe is a script of its own, which the page's policy would not let in.
    context = browser.new_context(
        bypass_csp=True, color_scheme=scheme, base_url=stack.url, viewport={"width": 1280, "height": 800}
    )
    page = context.new_page()
    for path in PAGES:
        page.goto(path.replace("{id}", inspection))
        page.locator("h1").wait_for()
        page.locator("#age:visible").wait_for()
        assert (path, trouble(page)) == (path, [])
    context.close()


def test_the_pages_are_reached_by_keyboard(page: Page, stack: Stack) -> None:
    stack.post(part_id="P1")
    stack.inspect()
    expect(page.locator("#verdict-part")).to_have_text("P1")

    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the page")).to_be_focused()
    for _ in range(4):
        page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Gallery")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Gallery")).to_be_focused()

    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
