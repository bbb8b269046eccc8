"""`python -m tests.browser.screenshots`: the pictures of the page in docs/, of stacks with synthetic boards.

Starts `inspector up` on free ports with a data directory of its own, posts boards of two lines, one part of
them twice, one board in five as TIFF, waits until all are recorded, and takes each picture of SHOTS; then the
same with `--demo --clog` for those of BAD_SHIFT. The first takes a minute, the second eight: a chart needs
some minutes before the nozzle clogs.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import cv2
import httpx
import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright

from inspector.camera.shot import Placement
from inspector.camera.synthetic import SyntheticSource
from tests.browser.alone import chromium
from tests.support.servers import free_port
from tests.support.waiting import wait_until

DOCS = Path(__file__).parents[2] / "docs"
START_S = 90.0
INSPECTED_S = 60
CLOGGED_S = 1800.0
AGAIN = "SN-7700-021"
"""The part that is seen from two sides, and twice from one."""


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture. `path` may name {ng}, the id of a defective part; `keys` are pressed before."""

    name: str
    path: str
    scheme: Literal["dark", "light"] = "dark"
    language: str = "en-GB"
    size: tuple[int, int] = (1280, 800)
    keys: tuple[str, ...] = ()
    scroll_to: str | None = None


SHOTS = (
    Shot("live", "/", keys=("Space",)),
    Shot("live-tablet", "/", "light", size=(820, 1180), keys=("Space",)),
    Shot("gallery", "/gallery?verdict=NG&line=L1", "light"),
    Shot("gallery-search", "/gallery?lot_id=B-118&class=short&min_score=0.5"),
    Shot("inspection", "/inspections/{ng}"),
    Shot("history", f"/parts?part_id={AGAIN}", "light", size=(1024, 768), scroll_to=".history"),
    Shot("lot", "/v1/lots/B-118/report?simulated=true", "light", size=(1000, 1330)),
)

OVERVIEW = "/overview?simulated=true&span=15m"
BAD_SHIFT = (
    Shot("overview", OVERVIEW),
    Shot("overview-tablet", OVERVIEW, "light", "zh-CN", (820, 1180)),
    Shot("overview-parts", "/gallery?simulated=true&verdict=NG"),
)
_DEFLATE = 8
"""Of TIFF's compressions."""
SETTINGS = """
[retention]
ok_one_in = 10
"""
"""Good images enough for the mean below the map of defects."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.browser.screenshots", description=__doc__)
    parser.add_argument("names", nargs="*", help="of SHOTS and BAD_SHIFT; all if none is given")
    parser.add_argument("--to", type=Path, default=DOCS, help="folder for the pictures")
    parser.add_argument("--boards", type=int, default=40, help="how many are posted")
    parser.add_argument("--clog", type=int, default=240, help="the board from which the nozzle is clogged")
    options = parser.parse_args()
    lines, demo = ["--lines", "L1,L2"], ["--demo", "--rate", "1", "--clog", str(options.clog)]
    if shots := _wanted(SHOTS, options.names):
        with stack(*lines) as url:
            defective = post_boards(url, options.boards)
            take_all(url, shots, options.to, {"ng": defective})
    if shots := _wanted(BAD_SHIFT, options.names):
        with stack(*demo) as url:
            wait_until(
                lambda: _recorded(url) >= options.clog * 1.6,
                timeout_s=CLOGGED_S,
                what="a clogged nozzle is seen",
            )
            take_all(url, shots, options.to, {})


def _wanted(shots: Sequence[Shot], names: Sequence[str]) -> list[Shot]:
    return [shot for shot in shots if not names or shot.name in names]


def _recorded(url: str) -> int:
    answer = httpx.get(f"{url}/v1/stats", params={"simulated": True}, timeout=INSPECTED_S)
    return int(answer.json()["total"]["images"])


def take_all(url: str, shots: Sequence[Shot], folder: Path, names: Mapping[str, str]) -> None:
    with sync_playwright() as playwright:
        browser = chromium(playwright)
        for shot in shots:
            file = take(browser, url, shot, names, folder)
            sys.stdout.write(f"{file}: {file.stat().st_size // 1000} kB\n")
        browser.close()


@contextmanager
def stack(*options: str) -> Iterator[str]:
    """The address of a whole stack, gone afterwards."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder, "inspector.toml")
        settings.write_text(SETTINGS, "utf-8")
        command = [sys.executable, "-m", "inspector.cli", "up", "--port", str(port), "--data-dir", folder]
        process = subprocess.Popen(
            [*command, "--settings", str(settings), *options],
            env={**os.environ, "INSPECTOR_METRICS_PORT": "0"},
            stdout=subprocess.DEVNULL,
        )
        try:
            url = f"http://127.0.0.1:{port}"
            wait_until(lambda: _runs(process) and _ready(url), timeout_s=START_S, what="the stack is ready")
            yield url
        finally:
            process.terminate()
            process.wait(60)


def _runs(process: subprocess.Popen[bytes]) -> bool:
    """AssertionError, at once, where it could not start: it has said why."""
    assert process.poll() is None, f"inspector up ended with {process.returncode}"
    return True


def _ready(url: str) -> bool:
    try:
        return bool(httpx.get(f"{url}/v1/status").json()["workers"])
    except (httpx.TransportError, json.JSONDecodeError, KeyError):
        return False


def post_boards(url: str, count: int) -> str:
    """Posts them, the newest a defective one of L1; its id, once it is recorded."""
    boards = (frame.take() for frame in SyntheticSource(Placement(), seed=7700))
    *first, last = [board.image for board in itertools.islice(boards, 2 * (count // 2))]
    views = [{"view": "bottom"}, {"view": "top"}, {"view": "top"}]
    part = {"line": "L1", "station": "AOI-1", "lot_id": "B-118", "part_id": AGAIN}
    again = [{**part, **view} for view in views]
    with httpx.Client(base_url=url, timeout=INSPECTED_S + 5) as http:
        for image, said in zip(first, again, strict=False):
            _post(http, image, **said)
        for number, board in enumerate(first[3:], 30):
            image = board if number % 5 else _as_tiff(board)
            line = "L1" if number % 3 else "L2"
            place = {"line": line, "station": f"AOI-{1 + number % 2}", "lot_id": "B-118"}
            _post(http, image, **place, part_id=f"SN-7700-{number:03d}")
        newest = _post(http, last, line="L1", station="AOI-1", lot_id="B-118", part_id="SN-7700-099")
        query = {"part_id": "SN-7700-099"}
        wait_until(
            lambda: http.get("/v1/inspections", params=query).json()["inspections"],
            timeout_s=timedelta(minutes=1).total_seconds(),
            what="the newest is recorded",
        )
    return newest


def _as_tiff(image: bytes) -> bytes:
    """What no browser shows, with the same pixels."""
    pixels = cv2.imdecode(np.frombuffer(image, np.uint8), cv2.IMREAD_UNCHANGED)
    assert pixels is not None
    return cv2.imencode(".tiff", pixels, [cv2.IMWRITE_TIFF_COMPRESSION, _DEFLATE])[1].tobytes()


def _post(http: httpx.Client, image: bytes, **said: Any) -> str:
    headers = {"Prefer": f"wait={INSPECTED_S}", "Idempotency-Key": uuid.uuid4().hex}
    query = {**said, "simulated": "true"}
    answers: list[httpx.Response] = []

    def inspected() -> bool:
        # As a camera does: a machine under load may say 503.
        answers.append(http.post("/v1/inspections", content=image, params=query, headers=headers))
        return answers[-1].status_code == httpx.codes.OK

    wait_until(inspected, timeout_s=INSPECTED_S, what="a board is inspected")
    return str(answers[-1].json()["id"])


def take(browser: Browser, url: str, shot: Shot, names: Mapping[str, str], folder: Path) -> Path:
    width, height = shot.size
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=shot.scheme, locale=shot.language
    )
    page = context.new_page()
    page.goto(url + shot.path.format(**names))
    if shot.path.startswith("/overview"):
        page.locator(".overview-grid[data-drawn]").wait_for()
        page.locator(".chart-trend .main-svg").first.wait_for()  # the last of the charts
    _settle(page)
    for key in shot.keys:
        page.keyboard.press(key)
    if shot.scroll_to:
        page.locator(shot.scroll_to).scroll_into_view_if_needed()
    _settle(page)
    file = folder / f"{shot.name}.png"
    page.screenshot(path=file, animations="disabled")
    context.close()
    return file


PICTURED = """
[...document.images].every((image) => {
  const { left, top } = image.getBoundingClientRect();
  return image.complete || left > innerWidth || top > innerHeight;
})
"""


def _settle(page: Page) -> None:
    """Until nothing more is fetched, but for the stream and the heartbeat, and all pictures are there."""
    if page.locator("#age").count():  # the report of a lot has no strip
        page.locator("#age:visible").wait_for()
    # Not wait_for_function: the page's policy lets no text become a script.
    wait_until(lambda: page.evaluate(PICTURED), timeout_s=30, what="all pictures are there")
    page.wait_for_timeout(1_500)


if __name__ == "__main__":
    main()
