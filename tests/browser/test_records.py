"""The gallery and a part's own page, as a quality engineer uses them: chromium on a gateway with records."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page, expect

from inspector.imaging.preview import THUMBNAIL_SIDE
from inspector.messages.result import Verdict
from tests.browser.places import in_image_pixels
from tests.browser.recorded import HOSTILE, TWICE, RecordedPlant
from tests.browser.stack import HEIGHT, WIDTH, Stack, finding
from tests.browser.test_accessible import trouble
from tests.support.pictures import tiff
from tests.support.servers import DURABLE, QueueServer
from tests.support.worker_process import ArchiverProcess

TILES = ".grid .tile"
DEEP = tiff(WIDTH, HEIGHT, channels=1, bits=16)
"""What no browser shows."""


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("plant")
    records = RecordedPlant(folder)
    records.fill()
    with QueueServer("redis", tmp_path_factory.mktemp("redis"), DURABLE) as server:
        stack = Stack(server)
        try:
            stack.start_gateway(*records.options)
            yield stack
        finally:
            stack.kill_gateway()
            records.close()


@pytest.fixture
def page(browser: Browser, plant: Stack) -> Iterator[Page]:
    """No script error and no breach of the policy is overlooked."""
    faults: list[str] = []
    page = browser.new_page(viewport={"width": 1280, "height": 800}, base_url=plant.url)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if "Policy" in message.text else None)
    yield page
    page.close()
    assert faults == []


def test_a_filter_stands_in_the_address_and_a_colleague_sees_the_same(page: Page) -> None:
    page.goto("/gallery")
    expect(page.locator(TILES)).to_have_count(48)

    page.get_by_role("button", name="NG", exact=True).click()
    page.get_by_label("Line", exact=True).fill("L2")
    page.keyboard.press("Enter")
    expect(page.locator(TILES)).to_have_count(3)
    expect(page).to_have_url(re.compile(r"/gallery\?verdict=NG&line=L2$"))

    page.goto(page.url)
    expect(page.locator(TILES)).to_have_count(3)
    expect(page.get_by_label("Line", exact=True)).to_have_value("L2")
    expect(page.get_by_role("button", name="NG", exact=True)).to_have_attribute("aria-pressed", "true")
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    assert len(download.value.path().read_text("utf-8").splitlines()) == 4

    page.get_by_role("button", name="Clear all").click()
    expect(page.locator(TILES)).to_have_count(48)
    page.go_back()
    expect(page.locator(TILES)).to_have_count(3)


def test_every_filter_of_the_api_is_a_field(page: Page, plant: Stack) -> None:
    document = page.request.get("/openapi.json").json()
    filters = {one["name"] for one in document["paths"]["/v1/inspections"]["get"]["parameters"]}
    page.goto("/gallery")
    page.get_by_role("button", name="More filters").click()
    fields = page.locator("[data-filter]").evaluate_all("all => all.map((field) => field.dataset.filter)")

    assert set(fields) | {"verdict", "state", "limit", "cursor"} == filters


def test_scrolling_brings_the_rest(page: Page) -> None:
    page.goto("/gallery?verdict=OK")
    expect(page.locator(TILES)).to_have_count(48)
    page.mouse.move(600, 600)
    page.mouse.wheel(0, 20_000)

    expect(page.locator(TILES)).to_have_count(62)
    expect(page.locator(".gallery-count")).to_have_text("62 parts")


def test_what_nothing_matches_and_what_is_no_filter_are_said(page: Page) -> None:
    page.goto("/gallery?lot_id=nothing")
    expect(page.locator(".gallery-note")).to_have_text("No part is like that.")

    page.goto("/gallery?min_score=7")
    expect(page.locator(".gallery-note")).to_contain_text("min_score")


def test_a_part_page_tells_all_findings_and_every_look(page: Page) -> None:
    page.goto(f"/parts?part_id={TWICE}")

    expect(page.get_by_role("heading", name=TWICE)).to_be_visible()
    expect(page.locator("#picture")).to_be_visible()
    expect(page.locator("#findings tr")).to_have_text([re.compile(r"open0\.060\.50not counted, 0\.44 below")])
    expect(page.locator("#facts")).to_contain_text("board-a v3")
    expect(page.locator(".timing-legend")).to_contain_text("network 20 ms")
    expect(page.locator(".looks h3")).to_have_text(
        [re.compile("AOI-1 · top.*inspected again 1 ×"), re.compile("AOI-1 · bottom")]
    )
    expect(page.locator(".looks .tile")).to_have_count(3)

    page.locator(".looks .tile").nth(1).click()
    expect(page.locator("#verdict-word")).to_have_text("NG")
    expect(page.locator("#findings tr")).to_have_count(3)
    expect(page.locator(".looks .tile[aria-current]")).to_have_count(1)


@pytest.mark.parametrize(
    ("language", "became"),
    [("en-GB", "not counted: same place as spur"), ("zh-CN", "未计入：与 spur 位置相同")],
)
def test_another_name_of_a_place_is_said_to_be_one(
    browser: Browser, plant: Stack, language: str, became: str
) -> None:
    page = browser.new_page(base_url=plant.url, locale=language)
    page.goto(f"/parts?part_id={TWICE}")
    page.locator(".looks .tile[data-kind=ng]").click()

    expect(page.locator("#findings tr.same")).to_have_text(re.compile(f"short0.700.50{became}"))
    expect(page.locator(".box.same .edge")).to_have_css("stroke-dasharray", "2px, 3px")
    expect(page.locator(".label")).to_have_count(1)
    page.close()


def test_back_from_a_part_the_gallery_is_where_it_was(page: Page) -> None:
    page.goto("/gallery?verdict=OK")
    page.locator(TILES).nth(47).scroll_into_view_if_needed()
    expect(page.locator(TILES)).to_have_count(62)
    tile = page.locator(TILES).nth(50)
    name = tile.locator(".card-name").inner_text()
    tile.click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    page.go_back()

    expect(page.locator(TILES).nth(50)).to_be_in_viewport()


def test_a_failed_part_says_why_and_is_never_ok(page: Page) -> None:
    page.goto("/gallery?state=failed")
    page.locator(TILES).click()

    expect(page.locator("#verdict-word")).to_have_text("NOT INSPECTED")
    expect(page.locator("#reasons")).to_contain_text("the device hangs")
    expect(page.locator("#stage-note")).to_have_text("The image of this part is no longer held")


def test_what_a_client_sent_is_text_on_every_page(page: Page) -> None:
    for path in (f"/gallery?part_id={quote(HOSTILE)}", f"/parts?part_id={quote(HOSTILE)}"):
        page.goto(path)
        expect(page.get_by_text("<img src=x").or_(page.get_by_text("</script>")).first).to_be_visible()
        expect(page.locator("img[src=x], script:not([src])")).to_have_count(0)
        expect(page).to_have_title(re.compile("^(Gallery|Part) · Inspector$"))


def test_a_part_that_nobody_knows(page: Page) -> None:
    page.goto("/parts?part_id=nothing")
    expect(page.get_by_text("No part nothing is known here.")).to_be_visible()
    page.goto(f"/inspections/{'0' * 32}")
    expect(page.get_by_text(f"No inspection {'0' * 32} is known here.")).to_be_visible()


def test_a_16_bit_tiff_is_seen_on_every_page(page: Page, plant: Stack, tmp_path: Path) -> None:
    """By the pictures that the archiver makes of it."""
    box = (100.0, 50.0, 180.0, 130.0)
    page.goto("/")
    page.locator("body[data-link=live]").wait_for()
    flags = ("--redis-url", plant.redis.url, *plant.options)
    with ArchiverProcess(tmp_path / "archiver.log", *flags) as archiver:
        archiver.wait_ready()
        plant.post(DEEP, line="L9", part_id="DEEP-1")
        plant.inspect(Verdict.NG, [finding("spur", 0.9, box)])
        expect(page.locator("#verdict-part")).to_have_text("DEEP-1")
        expect(page.locator("#picture")).to_have_js_property("naturalWidth", WIDTH)
        strip = page.get_by_role("button", name="DEEP-1").locator("img")
        expect(strip).to_have_js_property("naturalWidth", WIDTH)

    page.goto("/gallery?line=L9")
    expect(page.locator(f"{TILES} img")).to_have_js_property("naturalWidth", THUMBNAIL_SIDE)
    page.locator(TILES).click()
    expect(page.locator("#picture")).to_have_js_property("naturalWidth", WIDTH)
    assert in_image_pixels(page, page.locator(".box.counted .edge")) == pytest.approx(box, abs=0.6)
    with page.expect_download() as download:
        page.locator("#facts").get_by_role("link", name=f"{WIDTH}×{HEIGHT} tiff").click()
    assert download.value.path().read_bytes() == DEEP


def test_of_a_tiff_without_a_preview_it_is_said(page: Page, plant: Stack) -> None:
    page.goto("/")
    page.locator("body[data-link=live]").wait_for()
    plant.post(DEEP, part_id="DEEP-2")
    plant.inspect()
    expect(page.locator("#verdict-part")).to_have_text("DEEP-2")
    expect(page.locator("#stage-note")).to_contain_text("A browser cannot show this image")
    expect(page.locator("#frame")).to_be_hidden()


def test_a_part_without_a_thumbnail_shows_its_image_in_the_gallery(page: Page) -> None:
    page.goto(f"/gallery?part_id={TWICE}")
    expect(page.locator(f"{TILES} img")).to_have_count(3)
    expect(page.locator(f"{TILES} img").first).not_to_have_js_property("naturalWidth", 0)


def test_a_lots_parts_lead_to_its_report(page: Page) -> None:
    page.goto("/gallery")
    expect(page.locator(TILES)).to_have_count(48)
    expect(page.get_by_role("link", name="Lot report")).to_be_hidden()
    page.goto("/gallery?lot_id=LOT-7")
    page.get_by_role("link", name="Lot report").click()
    expect(page.get_by_role("heading", name="LOT-7")).to_be_visible()


def test_axe_finds_nothing_serious_where_parts_are_looked_up(browser: Browser, plant: Stack) -> None:
    context = browser.new_context(
        bypass_csp=True, base_url=plant.url, viewport={"width": 1280, "height": 800}
    )
    page = context.new_page()
    for path in ("/gallery?lot_id=LOT-7", f"/parts?part_id={TWICE}", "/v1/lots/LOT-7/report"):
        page.goto(path)
        page.locator(".tile, article, .page-head").first.wait_for()
        assert (path, trouble(page)) == (path, [])
    context.close()
