from __future__ import annotations

import math

import httpx
import pytest
from prometheus_client import generate_latest

from api.metrics import Metrics
from api.problems import REFUSALS
from tests.api.support import Line, gateway_on
from tests.support.pictures import jpeg
from tests.support.servers import free_port
from tests.support.waiting import wait_until

IMAGE = jpeg()


def test_a_line_that_no_setting_names_counts_under_other(line: Line) -> None:
    for name in ("L1", "L1", "unheard-of", "another"):
        line.post(IMAGE, line=name)

    assert line.metric('inspector_images_received_total{line="L1"}') == 2
    assert line.metric('inspector_images_received_total{line="other"}') == 2
    with pytest.raises(KeyError):
        line.metric('inspector_images_received_total{line="unheard-of"}')


def test_the_queue_is_seen(line: Line) -> None:
    line.post(IMAGE)
    line.post(IMAGE)
    line.take()

    wait_until(lambda: line.metric("inspector_queue_depth") == 2, what="a depth of 2")
    wait_until(lambda: line.metric("inspector_queue_in_flight") == 1, what="one in flight")
    assert line.metric("inspector_queue_bytes") == 2 * len(IMAGE)
    assert line.metric("inspector_queue_up") == 1


def test_each_stage_is_timed_once_an_image(line: Line) -> None:
    with line.working():
        line.post(IMAGE, wait=10)
    line.post(b"text")

    counts = [
        line.metric(f'inspector_gateway_seconds_count{{stage="{stage}"}}') for stage in ("submit", "wait")
    ]
    assert counts == [1, 1]


def test_without_a_queue_its_gauges_are_no_old_news() -> None:
    with gateway_on(f"redis://127.0.0.1:{free_port()}/0") as line:
        wait_until(lambda: math.isnan(line.metric("inspector_queue_depth")), what="no depth")
        assert line.metric("inspector_queue_up") == 0


def test_they_are_served_on_a_port_of_their_own() -> None:
    with Metrics(["L1"], ["busy"]).served("127.0.0.1", 0) as port:
        text = httpx.get(f"http://127.0.0.1:{port}/metrics").text

    assert 'inspector_images_received_total{line="L1"} 0.0' in text
    assert 'inspector_images_refused_total{reason="busy"} 0.0' in text


def test_ten_thousand_lines_that_no_setting_names_add_no_series() -> None:
    metrics = Metrics(["L1"], REFUSALS)
    before = series(metrics)
    for number in range(10_000):
        metrics.received(f"line-{number}")

    assert series(metrics) == before
    assert metrics.registry.get_sample_value("inspector_images_received_total", {"line": "other"}) == 10_000


def series(metrics: Metrics) -> set[str]:
    """Name and labels of each, as a scrape sees them; `_created` is no series of ours."""
    lines = generate_latest(metrics.registry).decode().splitlines()
    return {line.rpartition(" ")[0] for line in lines if line.startswith("inspector_")}
