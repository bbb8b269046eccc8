"""The live page holds no more nodes and listeners, and little more heap, after seconds of a shift.

growth.py does a whole one.
"""

from __future__ import annotations

from playwright.sync_api import Browser

from tests.browser.growth import fill, measure
from tests.browser.stack import Stack


def test_the_live_page_does_not_grow(browser: Browser, stack: Stack) -> None:
    fill(stack)
    first, second = measure(browser, stack, minutes=2, seconds=10)

    assert second.parts - first.parts >= 190
    # Of no part one node: a few come and go with the words on the page.
    assert second.nodes <= first.nodes + 50
    assert second.listeners <= first.listeners * 1.2
    assert second.heap_mb <= first.heap_mb * 1.3 + 1
