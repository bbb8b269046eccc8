"""Where things are drawn on the page, in the image's own pixels."""

from __future__ import annotations

from playwright.sync_api import Locator, Page

from tests.browser.stack import WIDTH

EDGES = "edge => { const r = edge.getBoundingClientRect(); return [r.x, r.y, r.right, r.bottom] }"


def in_image_pixels(page: Page, shape: Locator) -> tuple[float, ...]:
    """x1, y1, x2, y2 of what is drawn, its stroke left out, measured against the picture as shown."""
    shape.wait_for()
    left, top, right, _ = page.locator("#picture").evaluate(EDGES)
    scale = WIDTH / (right - left)
    drawn = shape.evaluate(EDGES)
    return tuple((value - (left, top)[at % 2]) * scale for at, value in enumerate(drawn))
