"""The live page as an operator sees it: chromium on a real gateway and a real Redis."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from inspector.messages.result import Reason, Verdict
from tests.browser.places import EDGES, in_image_pixels
from tests.browser.stack import Stack, finding

COUNTED = finding("spur", 0.97, (100, 50, 180, 130))
BELOW = finding("open", 0.20, (300, 200, 340, 240))
REASON = Reason.model_validate({"code": "above_threshold", "class": "spur", "text": "spur 0.97 >= 0.50"})


def show_ng(stack: Stack, **query: str) -> None:
    stack.post(**query)
    stack.inspect(Verdict.NG, [COUNTED, BELOW], [REASON])


def test_the_page_tells_how_to_begin(page: Page, stack: Stack) -> None:
    expect(page.locator("#empty")).to_be_visible()
    expect(page.locator("#post-example")).to_contain_text(f"{stack.url}/v1/inspections")


def test_a_part_shows_its_verdict_reasons_and_trace(page: Page, stack: Stack) -> None:
    show_ng(stack, line="L1", station="S2", part_id="PCB 7")

    expect(page.locator("#verdict-word")).to_have_text("NG")
    expect(page.locator("#verdict-part")).to_have_text("PCB 7")
    expect(page.locator("#verdict-flags")).to_have_text("NOT ACCEPTED")
    expect(page.locator("#reasons")).to_have_text("spur 0.97 >= 0.50")
    expect(page.locator("#facts")).to_contain_text("L1 · S2")
    expect(page.locator("#facts")).to_contain_text("default v1")
    expect(page.locator("#count-ng")).to_have_text("1")
    expect(page.locator("#rejects-of")).to_have_text("1 of 1 inspected")
    expect(page.locator("#count-latency")).to_have_text("40 ms")
    expect(page.locator("#announcer")).to_have_text("NG, part PCB 7, 1 defect")


def test_boxes_stand_on_exactly_their_pixels(page: Page, stack: Stack) -> None:
    show_ng(stack)

    box = in_image_pixels(page, page.locator(".box.counted .edge"))
    assert box == pytest.approx(COUNTED.box, abs=0.6)
    expect(page.locator(".label")).to_have_text("spur 0.97")


def test_zoomed_and_moved_the_boxes_stay_on_their_pixels(page: Page, stack: Stack) -> None:
    show_ng(stack)
    edge = page.locator(".box.counted .edge")
    edge.wait_for()
    viewport = page.locator("#viewport")
    whole = page.locator("#picture").evaluate(EDGES)

    viewport.hover(position={"x": 150, "y": 150})
    for _ in range(6):
        page.mouse.wheel(0, -100)
    expect(viewport).to_have_class("viewport zoomed")
    assert in_image_pixels(page, edge) == pytest.approx(COUNTED.box, abs=0.6)

    before = page.locator("#picture").evaluate(EDGES)
    page.mouse.down()
    page.mouse.move(700, 700, steps=2)
    page.mouse.up()
    assert page.locator("#picture").evaluate(EDGES)[:2] != before[:2]
    assert in_image_pixels(page, edge) == pytest.approx(COUNTED.box, abs=0.6)

    page.keyboard.press("0")
    assert page.locator("#picture").evaluate(EDGES) == pytest.approx(whole, abs=0.01)
    page.keyboard.press("+")
    expect(viewport).to_have_class("viewport zoomed")


def test_each_line_has_a_card_that_shows_it_alone(page: Page, stack: Stack) -> None:
    show_ng(stack, line="L1", part_id="on L1")
    expect(page.locator(".line-card:visible")).to_have_count(0)
    stack.post(line="L2", part_id="on L2")
    stack.inspect()

    expect(page.locator(".line-card")).to_have_count(3)
    expect(page.locator("#verdict-part")).to_have_text("on L2")
    page.get_by_role("group", name="Lines").get_by_role("button", name="L1").click()
    expect(page.locator("#verdict-part")).to_have_text("on L1")
    expect(page.locator("#count-ok")).to_have_text("0")
    expect(page).to_have_url(f"{stack.url}/?line=L1")

    page.reload()
    expect(page.locator("#verdict-part")).to_have_text("on L1")


def test_a_part_looked_up_elsewhere_costs_no_count(page: Page, stack: Stack) -> None:
    show_ng(stack, part_id="first")
    expect(page.locator("#count-ng")).to_have_text("1")
    page.locator("#facts a.mono").click()
    expect(page.get_by_role("heading", name="first", exact=True)).to_be_visible()
    stack.post(part_id="meanwhile")
    stack.inspect()

    page.get_by_role("link", name="Live").click()
    expect(page.locator("#verdict-part")).to_have_text("meanwhile")
    expect(page.locator("#count-ng")).to_have_text("1")
    expect(page.locator("#count-ok")).to_have_text("1")


def test_it_speaks_chinese_and_remembers_it(page: Page, stack: Stack) -> None:
    show_ng(stack, part_id="P1")
    page.get_by_label("Language").select_option("中文")

    expect(page.locator("#verdict-summary")).to_have_text("1 处缺陷")
    expect(page.locator("html")).to_have_attribute("lang", "zh")
    page.reload()
    expect(page).to_have_title("实时 · Inspector")
    expect(page.locator("#verdict-summary")).to_have_text("1 处缺陷")


def test_the_theme_is_chosen_once(page: Page, stack: Stack) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    before = page.evaluate(ground)
    page.locator("#theme").click()
    after = page.evaluate(ground)
    page.reload()

    assert before != after
    assert page.evaluate(ground) == after


def test_boxes_below_the_threshold_look_different_and_can_be_left_out(page: Page, stack: Stack) -> None:
    show_ng(stack)

    expect(page.locator(".box.below")).to_have_count(1)
    expect(page.locator(".box.below .edge")).to_have_css("stroke-dasharray", "2px, 3px")
    expect(page.locator(".box.counted .edge")).to_have_css("stroke-dasharray", "none")

    page.keyboard.press("b")
    expect(page.locator(".box.below")).to_have_count(0)
    expect(page.locator(".box.counted")).to_have_count(1)


def test_the_map_is_switched_on_and_faded(page: Page, stack: Stack) -> None:
    show_ng(stack)
    expect(page.locator("#picture")).to_be_visible()
    expect(page.locator("#heat")).to_be_hidden()

    page.keyboard.press("m")
    expect(page.locator("#heat")).to_be_visible()
    expect(page.locator("#heat")).to_have_css("opacity", "0.7")
    expect(page.get_by_text("where the network looks; the boxes decide")).to_be_visible()
    assert page.locator("#heat").bounding_box() == page.locator("#picture").bounding_box()

    page.get_by_label("Opacity").fill("30")
    expect(page.locator("#heat")).to_have_css("opacity", "0.3")

    page.get_by_role("button", name="Map").click()
    expect(page.locator("#heat")).to_be_hidden()


def test_a_part_that_failed_is_not_inspected_and_never_ok(page: Page, stack: Stack) -> None:
    stack.post(part_id="P1")
    stack.fail("the device ran out of memory")

    expect(page.locator("#verdict-word")).to_have_text("NOT INSPECTED")
    expect(page.locator("#verdict-part")).to_have_text("P1")
    expect(page.locator("#verdict-flags")).to_have_text("NOT ACCEPTED")
    expect(page.locator("#reasons")).to_contain_text("the device ran out of memory")
    expect(page.locator("#count-none")).to_have_text("1")
    expect(page.locator("#rejects-of")).to_have_text("no part inspected yet")


def test_what_a_client_sent_is_text_and_never_runs(page: Page, stack: Stack) -> None:
    hostile = "<img src=x onerror=\"document.title='taken'\"><script>document.title='taken'</script>"
    stack.post(part_id=hostile, lot_id=hostile)
    text = Reason(code="above_threshold", text=hostile)
    stack.inspect(Verdict.NG, [finding(hostile, 0.9, (10, 10, 60, 60))], [text])

    expect(page.locator("#verdict-part")).to_have_text(hostile)
    expect(page.locator("#facts")).to_contain_text(hostile)
    expect(page.locator("#reasons")).to_have_text(hostile)
    expect(page.locator(".label")).to_contain_text("onerror")
    expect(page.locator("#strip .tile img")).to_have_count(1)
    expect(page.locator("img[src=x], script:not([src])")).to_have_count(0)
    expect(page).to_have_title("Live · Inspector")


def test_pause_holds_a_part_and_resume_shows_the_newest(page: Page, stack: Stack) -> None:
    show_ng(stack, part_id="first")
    expect(page.locator("#verdict-part")).to_have_text("first")

    page.keyboard.press("Space")
    stack.post(part_id="second")
    stack.inspect()
    expect(page.locator("#held-count")).to_have_text("1 new")
    expect(page.locator("#verdict-part")).to_have_text("first")

    page.keyboard.press("Space")
    expect(page.locator("#verdict-part")).to_have_text("second")
    expect(page.locator("#verdict-word")).to_have_text("OK")

    page.keyboard.press("ArrowRight")
    expect(page.locator("#verdict-part")).to_have_text("first")
    expect(page.get_by_role("button", name="Resume")).to_be_visible()

    page.locator(".tile").first.click()
    expect(page.locator("#verdict-part")).to_have_text("second")


def test_the_page_holds_the_last_fifty_and_counts_them_all(page: Page, stack: Stack) -> None:
    for number in range(60):
        stack.post(part_id=f"P{number}")
    stack.inspect()

    expect(page.locator("#count-ok")).to_have_text("60")
    expect(page.locator(".tile")).to_have_count(50)
    expect(page.locator(".tile").first).to_contain_text("P59")


def test_a_page_opened_later_shows_what_was_before(page: Page, stack: Stack) -> None:
    show_ng(stack, part_id="before")
    page.reload()

    expect(page.locator("#verdict-part")).to_have_text("before")
    expect(page.locator("#count-ng")).to_have_text("1")


def test_a_lost_gateway_is_said_and_what_was_missed_is_shown_after(page: Page, stack: Stack) -> None:
    show_ng(stack, part_id="old")
    expect(page.locator("#verdict-part")).to_have_text("old")
    stack.post(part_id="meanwhile")

    stack.kill_gateway()
    expect(page.get_by_role("alert")).to_contain_text("Connection to the gateway lost")
    stack.inspect()  # finished while no gateway lives
    stack.start_gateway()

    expect(page.locator("body")).to_have_attribute("data-link", "live", timeout=15_000)
    expect(page.get_by_role("alert")).to_be_hidden()
    expect(page.locator("#verdict-part")).to_have_text("meanwhile")
    expect(page.locator("#count-ok")).to_have_text("1")
    expect(page.locator("#count-ng")).to_have_text("1")


def test_a_redis_restart_is_said_and_got_over(page: Page, stack: Stack) -> None:
    show_ng(stack, part_id="old")
    expect(page.locator("#verdict-part")).to_have_text("old")

    stack.redis.kill()
    expect(page.get_by_role("alert")).to_contain_text("queue does not answer", timeout=15_000)
    stack.redis.start()
    expect(page.get_by_role("alert")).to_be_hidden(timeout=15_000)

    stack.post(part_id="new")
    stack.inspect()
    expect(page.locator("#verdict-part")).to_have_text("new")
    expect(page.locator("#count-ok")).to_have_text("1")
    expect(page.locator("#count-ng")).to_have_text("1")
