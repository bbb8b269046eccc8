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


def test_pictures_that_never_come_pile_nothing_up(browser: Browser, stack: Stack) -> None:
    """A tile that leaves the strip, or an image that is overtaken on the stage, is waited for no longer."""
    fill(stack)
    first, second = measure(browser, stack, minutes=2, seconds=10, answered=False)

    assert second.parts - first.parts >= 190
    # Forty images were begun on the stage, and two hundred tiles with ten nodes each.
    assert second.nodes <= first.nodes + 30
    assert second.listeners <= first.listeners * 1.2
