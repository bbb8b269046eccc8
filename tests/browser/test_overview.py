"""The overview after a bad hour, as a quality engineer sees it: chromium on a gateway with records."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from inspector.records import database
from inspector.records.images import ImageStore
from inspector.records.mean_images import Mean, Stream, write_index
from inspector.records.migrate import upgrade
from tests.browser.stack import Stack
from tests.browser.test_accessible import trouble
from tests.support.bad_hour import COLUMN, ROW, write_bad_hour
from tests.support.pictures import png

NOW = datetime.now(UTC).replace(second=0, microsecond=0)
END = NOW.replace(minute=NOW.minute // 15 * 15)


class Plant:
    """A gateway with records, and the parts that a clogged nozzle spoilt in them."""

    def __init__(self, stack: Stack, spoilt: list[str]) -> None:
        self.stack, self.url, self.spoilt = stack, stack.url, spoilt


@pytest.fixture(scope="module")
def plant(shared_stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    folder = tmp_path_factory.mktemp("records")
    url, store = database.sqlite_url(folder / "records.db"), ImageStore(str(folder / "images"))
    engine = database.writer(url)
    upgrade(engine)
    spoilt = write_bad_hour(engine, store, END)
    engine.dispose()
    store.put("_mean/0.jpeg", png(64, 48, channels=1))
    stream = Stream(line="L1", station="S2", view="top", recipe="board-a", simulated=False)
    write_index(store, [Mean(stream=stream, images=48, made=END, path="_mean/0.jpeg")])
    stack = Stack(shared_stack.redis)
    try:
        stack.start_gateway("--database-url", url, "--images-url", str(folder / "images"))
        yield Plant(stack, spoilt)
    finally:
        stack.kill_gateway()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    faults: list[str] = []
    page = browser.new_page(viewport={"width": 1280, "height": 800}, color_scheme="dark")
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if "Policy" in message.text else None)
    yield page
    page.close()
    assert faults == []


def opened(page: Page, plant: Plant, query: str = "") -> Page:
    page.goto(f"{plant.url}/overview?until={END.isoformat().replace('+00:00', 'Z')}&{query}")
    page.locator(".overview-grid[data-drawn]").wait_for()
    if "line=L9" not in query:
        page.locator(".chart-trend .main-svg").first.wait_for()  # the last of the charts
    return page


def listed(page: Page) -> int:
    """Parts that the gallery shows."""
    page.locator(".grid:not([aria-busy]) .card").first.wait_for()
    return page.locator(".grid .card").count()


def test_a_span_without_parts_says_so_and_offers_the_simulated_ones(page: Page, plant: Plant) -> None:
    opened(page, plant, "line=L9")
    expect(page.locator(".overview-note")).to_contain_text("No parts in this span.")
    page.get_by_role("button", name="Show simulated parts").click()
    expect(page).to_have_url(re.compile("simulated=true"))


def test_the_figures_of_the_shift(page: Page, plant: Plant) -> None:
    opened(page, plant)
    expect(page.locator("[data-tile=throughput] b")).to_have_text("4.0/min")
    expect(page.locator("[data-tile=reject_rate] small")).to_contain_text("of 1,920 judged")
    expect(page.locator("[data-tile=latency] b")).to_have_text("30 ms")
    expect(page.locator("[data-tile=workers] b")).to_have_text("0")
    page.locator("[data-tile=reject_rate] a").click()
    expect(page).to_have_url(re.compile(r"/gallery\?.*verdict=NG"))


def test_the_bad_hour_stands_outside_the_limits_and_a_click_shows_its_parts(page: Page, plant: Plant) -> None:
    opened(page, plant)
    expect(page.locator(".chart-p_chart .chart-note")).to_contain_text("4 points out of control")
    points = page.locator(".chart-p_chart .scatterlayer .trace").last.locator(".points path")
    expect(points).to_have_count(32)
    spot = points.last.bounding_box()
    assert spot is not None
    page.mouse.move(spot["x"] + spot["width"] / 2, spot["y"] + spot["height"] / 2)
    expect(page.locator(".chart-p_chart .hoverlayer")).to_contain_text("beyond a limit")
    page.mouse.click(spot["x"] + spot["width"] / 2, spot["y"] + spot["height"] / 2)

    expect(page).to_have_url(re.compile(r"/gallery\?.*verdict=NG"))
    assert "line=L1" in page.url
    shown = listed(page)
    assert 8 <= shown <= 30, "a quarter of sixty parts, give or take chance"
    expect(page.locator(".grid .card").first).to_contain_text("L1-1-")


def test_a_points_row_leads_to_the_same_parts_by_keyboard(page: Page, plant: Plant) -> None:
    opened(page, plant)
    panel = page.locator(".chart-p_chart")
    panel.locator("summary").focus()
    page.keyboard.press("Enter")
    first = panel.locator("tbody tr").first
    expect(first).to_have_class("marked")
    expect(first).to_contain_text("beyond a limit")
    first.get_by_role("link").focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/gallery\?.*verdict=NG"))
    assert listed(page) >= 8


def test_the_map_shows_the_place_on_the_mean_of_good_images(page: Page, plant: Plant) -> None:
    opened(page, plant)
    expect(page.locator(".chart-heat .chart-note")).to_have_text(
        "over the mean of 48 OK images of L1 · S2 · top"
    )
    expect(page.locator(".heat-picture")).to_have_js_property("naturalWidth", 64)
    strongest = page.locator('.heat-cell[fill-opacity="1.00"]')
    expect(strongest).to_have_count(1)
    assert (strongest.get_attribute("x"), strongest.get_attribute("y")) == (str(COLUMN), str(ROW))
    strongest.click()
    expect(page).to_have_url(re.compile("place="))
    assert listed(page) >= min(48, len(plant.spoilt))


def test_the_paretos_first_class_leads_to_its_parts(page: Page, plant: Plant) -> None:
    opened(page, plant)
    expect(page.locator(".chart-pareto .xtick text").first).to_have_text("copper")
    bar = page.locator(".chart-pareto .bars .point path").first
    bar.wait_for()
    box = bar.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page).to_have_url(re.compile(r"/gallery\?.*class=copper"))
    listed(page)


def test_span_line_and_points_live_in_the_url(page: Page, plant: Plant) -> None:
    opened(page, plant)
    page.get_by_role("button", name="24 h").click()
    expect(page).to_have_url(re.compile("span=24h"))
    page.get_by_label("Points").select_option("50")
    expect(page).to_have_url(re.compile("parts=50"))
    page.get_by_label("Laney").check()
    expect(page).to_have_url(re.compile("laney=true"))
    page.reload()
    expect(page.get_by_role("button", name="24 h")).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_label("Points")).to_have_value("50")


def test_a_span_is_made_the_baseline_and_left_again(page: Page, plant: Plant) -> None:
    opened(page, plant)
    says = page.locator(".chart-p_chart .chart-note")
    page.get_by_role("button", name="Hold against this span").click()
    expect(says).to_contain_text("from a stated time")
    expect(page).to_have_url(re.compile("baseline_since="))
    page.get_by_role("button", name="Hold against what came before").click()
    expect(says).not_to_contain_text("a stated time")
    expect(page).not_to_have_url(re.compile("baseline_since="))


def test_times_of_the_address_may_be_typed(page: Page, plant: Plant) -> None:
    """By this place's clock, and with a zone whose + has become a space."""
    since, until = (f"{END - timedelta(hours=hours):%Y-%m-%dT%H:%M}" for hours in (8, 2))
    page.goto(f"{plant.url}/overview?until={END.isoformat()}&baseline_since={since}&baseline_until={until}")
    page.locator(".overview-grid[data-drawn]").wait_for()
    expect(page.locator(".overview-grid")).to_have_attribute("data-drawn", f"{END:%Y-%m-%dT%H:%M:%S}.000Z")
    expect(page.locator(".chart-p_chart .chart-note")).to_contain_text("from a stated time")


def test_a_drawing_leaves_the_keyboard_where_it_was(page: Page, plant: Plant) -> None:
    """The page draws itself anew four times a minute."""
    opened(page, plant)
    panel = page.locator(".chart-p_chart")
    panel.locator("summary").click()
    panel.locator("tbody a").nth(2).focus()
    held = panel.locator("tbody a").nth(2).element_handle()
    page.evaluate("document.documentElement.dispatchEvent(new CustomEvent('themechange'))")
    assert held is not None
    assert not held.evaluate("node => node.isConnected"), "drawn anew"
    expect(panel.locator("tbody a").nth(2)).to_be_focused()


def test_without_records_the_page_says_what_is_missing(page: Page, stack: Stack) -> None:
    page.goto(f"{stack.url}/overview")
    expect(page.locator(".overview-note")).to_contain_text("keeps no records")


def test_the_chart_library_comes_from_this_gateway_and_stays_in_the_browser(page: Page, plant: Plant) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    opened(page, plant)
    page.locator(".chart-p_chart .main-svg").first.wait_for()
    assert {url.split("/")[2] for url in asked if url.startswith("http")} == {plant.url.split("/")[2]}
    answer = page.request.get(f"{plant.url}/dashboard/vendor/plotly.js")
    assert "immutable" in answer.headers["cache-control"]
    assert re.search(r"plotly-[\d.]+\.js$", answer.url)


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_axe_finds_nothing_serious(browser: Browser, plant: Plant, scheme: Literal["dark", "light"]) -> None:
    context = browser.new_context(
        bypass_csp=True, color_scheme=scheme, viewport={"width": 1280, "height": 800}
    )
    assert trouble(opened(context.new_page(), plant)) == []
    context.close()
