"""`python -m tests.browser.first_paint`: milliseconds until the page's first and largest paint.

A gateway on loopback with some parts in its queue. Cold is a browser that never saw the page, warm one that
has its files; twenty loads of each.
"""

from __future__ import annotations

import argparse
import statistics
import sys

from playwright.sync_api import Browser, BrowserContext

from tests.browser.alone import browser_and_stack
from tests.browser.growth import fill
from tests.browser.stack import Stack

PAINTS = """
() => new Promise((resolve) => {
  const first = performance.getEntriesByName("first-contentful-paint")[0]?.startTime;
  new PerformanceObserver((list) => resolve([first, list.getEntries().at(-1).startTime]))
    .observe({ type: "largest-contentful-paint", buffered: true });
})
"""


def load(context: BrowserContext, url: str) -> tuple[float, float]:
    """(first contentful, largest contentful) paint of one load, ms."""
    page = context.new_page()
    page.goto(url)
    page.locator("#verdict-part:not(:empty)").wait_for()
    first, largest = page.evaluate(PAINTS)
    page.close()
    return float(first), float(largest)


def measure(browser: Browser, stack: Stack, times: int) -> dict[str, list[tuple[float, float]]]:
    cold = []
    for _ in range(times):
        context = browser.new_context()
        cold.append(load(context, stack.url))
        context.close()
    context = browser.new_context()
    load(context, stack.url)
    warm = [load(context, stack.url) for _ in range(times)]
    context.close()
    return {"cold": cold, "warm": warm}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.browser.first_paint", description=__doc__)
    parser.add_argument("--times", type=int, default=20)
    options = parser.parse_args()
    with browser_and_stack() as (browser, stack):
        fill(stack)
        paints = measure(browser, stack, options.times)
    for name, loads in paints.items():
        for what, values in zip(("first", "largest"), zip(*loads, strict=True), strict=True):
            median = statistics.median(values)
            sys.stdout.write(f"{name}, {what} paint: median {median:.0f} ms, longest {max(values):.0f} ms\n")


if __name__ == "__main__":
    main()
