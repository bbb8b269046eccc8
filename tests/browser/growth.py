"""`python -m tests.browser.growth --minutes 480`: does the live page grow over a shift?

A shift at 20 parts a second, compressed: the page's clock is a false one that stands, and is moved on by a
second at a time, so each timer, drawing and part comes exactly as often as in a shift, as fast as the machine
can. The parts come from a stand-in for EventSource, each with an id, a part id and an image of its own (the
URL differs; the bytes are of a few images that the real gateway holds). After each minute the garbage is
collected, and the browser is asked for its heap, DOM nodes and listeners. `--rate 400` brings a shift's parts
in a twentieth of its minutes: what stays behind with each part shows sooner, what stays with a drawing not.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from playwright.sync_api import Browser, CDPSession, Page, Request

from inspector.messages.result import Verdict
from tests.browser.alone import browser_and_stack
from tests.browser.stack import Stack, finding
from tests.support.waiting import wait_until

PARTS_PER_S = 20
MOST_UNDER_WAY = 2
"""Requests while the clock stands: those of a heartbeat."""
COLLECTIONS = 6
"""At most, before a measurement. After one alone up to twice the nodes were still there that three left."""

FEED = """
(() => {
  // Takes the place of EventSource: as many parts a second of the page's own clock as it is told.
  class Feed extends EventTarget {
    static CLOSED = 2;
    readyState = 1;
    constructor() {
      super();
      setTimeout(() => this.dispatchEvent(new Event("open")), 0);
      this.timer = setInterval(() => this.part(), 1000 / window.partsPerSecond);
    }
    close() { clearInterval(this.timer); }
    part() {
      const made = window.partsMade = (window.partsMade ?? 0) + 1;
      const like = structuredClone(window.patterns[made % window.patterns.length]);
      const id = made.toString(16).padStart(32, "0");
      const envelope = { ...like, id, links: { ...like.links, preview: `${like.links.preview}?${made}` } };
      envelope.result.part_id = `SN-${made}`;
      envelope.result.line = `L${1 + made % 3}`;
      this.dispatchEvent(new MessageEvent("inspection", { data: JSON.stringify(envelope) }));
    }
  }
  window.EventSource = Feed;
})();
"""


@dataclass(frozen=True, slots=True)
class Size:
    """Of the page after some minutes of the shift."""

    minute: int
    parts: int
    heap_mb: float
    nodes: int
    listeners: int


def measure(
    browser: Browser,
    stack: Stack,
    minutes: int,
    said: Callable[[Size], None] = lambda _: None,
    seconds: int = 60,
    rate: int = PARTS_PER_S,
    *,
    answered: bool = True,
) -> list[Size]:
    """One Size a minute, which may have fewer `seconds`, of the live page at `rate` parts a second.

    `stack` must hold some parts. Not `answered`: no picture ever comes, as on too slow a link.
    """
    context = browser.new_context(viewport={"width": 1280, "height": 800}, base_url=stack.url)
    page = context.new_page()
    page.clock.install()
    patterns: list[object] = []

    def listed() -> bool:
        answer = page.request.get("/v1/inspections")
        patterns[:] = answer.json()["inspections"] if answer.ok else []
        return bool(patterns)

    wait_until(listed, what="some parts")
    page.add_init_script(FEED)
    page.goto("/signin")  # of the same origin, and without a stream
    page.evaluate("given => Object.assign(window, given)", {"patterns": patterns, "partsPerSecond": rate})
    page.get_by_role("link", name="Live").first.click()
    page.locator("body[data-link=live]").wait_for()
    page.clock.pause_at(page.evaluate("Date.now() + 1000"))
    devtools = context.new_cdp_session(page)
    devtools.send("Performance.enable")
    under_way = _requests_of(page)
    if not answered:
        page.route("**/preview*", lambda _: None)
    sizes = []
    for minute in range(1, minutes + 1):
        for _ in range(seconds):
            page.clock.run_for(1_000)
            # Images take the time that they take: what is fetched is no growth.
            while answered and len(under_way) > MOST_UNDER_WAY:
                page.wait_for_timeout(20)
        sizes.append(_size(devtools, minute, page.evaluate("window.partsMade")))
        said(sizes[-1])
    context.close()
    return sizes


def _size(devtools: CDPSession, minute: int, parts: int) -> Size:
    """What is left when nothing more is collected."""
    left = _metrics(devtools)
    for _ in range(COLLECTIONS):
        before = left
        devtools.send("HeapProfiler.collectGarbage")
        left = _metrics(devtools)
        if left["Nodes"] == before["Nodes"]:
            break
    return Size(
        minute, parts, left["JSHeapUsedSize"] / 1e6, int(left["Nodes"]), int(left["JSEventListeners"])
    )


def _metrics(devtools: CDPSession) -> dict[str, float]:
    return {one["name"]: one["value"] for one in devtools.send("Performance.getMetrics")["metrics"]}


def _requests_of(page: Page) -> set[Request]:
    """Those that are under way, kept up to date."""
    under_way: set[Request] = set()

    def begun(request: Request) -> None:
        under_way.add(request)

    def ended(request: Request) -> None:
        under_way.discard(request)

    page.on("request", begun)
    page.on("requestfinished", ended)
    page.on("requestfailed", ended)
    return under_way


def summary(sizes: Sequence[Size]) -> str:
    """The second minute beside the last one, and the most in between: the first fills what is bounded."""
    begin, end = sizes[min(1, len(sizes) - 1)], sizes[-1]
    rows = [
        ("heap, MB", begin.heap_mb, end.heap_mb, max(one.heap_mb for one in sizes)),
        ("DOM nodes", begin.nodes, end.nodes, max(one.nodes for one in sizes)),
        ("listeners", begin.listeners, end.listeners, max(one.listeners for one in sizes)),
    ]
    head = f"| after | {begin.minute} min | {end.minute} min, {end.parts:,} parts | most |"
    body = [f"| {name} | {one:.6g} | {two:.6g} | {most:.6g} |" for name, one, two, most in rows]
    return "\n".join([head, "|---|---|---|---|", *body])


def fill(stack: Stack) -> None:
    """Some parts of each kind, for the feed to repeat."""
    for verdict in Verdict:
        for _ in range(3):
            stack.post()
        stack.inspect(verdict, [finding("spur", 0.9, (100, 50, 180, 130))])


def _tell(size: Size) -> None:
    sys.stderr.write(f"{size}\n")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.browser.growth", description=__doc__)
    parser.add_argument("--minutes", type=int, default=480, help="of the shift")
    parser.add_argument("--rate", type=int, default=PARTS_PER_S, help="parts a second")
    options = parser.parse_args()
    with browser_and_stack() as (browser, stack):
        fill(stack)
        sizes = measure(browser, stack, options.minutes, said=_tell, rate=options.rate)
    sys.stdout.write(summary(sizes) + "\n")


if __name__ == "__main__":
    main()
