from __future__ import annotations

import math
import time
from pathlib import Path

import httpx
import pytest
from prometheus_client import generate_latest

from api.metrics import Metrics
from api.problems import REFUSALS
from tests.api.support import Line, gateway_in_memory, gateway_on
from tests.support.pictures import jpeg
from tests.support.servers import DURABLE, QueueServer, free_port
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


def test_a_line_is_known_by_its_last_part(line: Line) -> None:
    assert line.metric('inspector_last_part_timestamp_seconds{line="L1"}') == 0
    before = time.time()
    line.post(IMAGE, line="L1")
    assert before <= line.metric('inspector_last_part_timestamp_seconds{line="L1"}') <= time.time()
    assert line.metric('inspector_takt_seconds{line="L1"}') == 1.0


def test_budgets_and_takts_are_those_of_the_settings() -> None:
    with gateway_in_memory(queue_max_depth=7, queue_max_bytes=1000, takt_s=0.5, lines=("L1",)) as line:
        assert line.metric("inspector_queue_depth_limit") == 7
        assert line.metric("inspector_queue_bytes_limit") == 1000
        assert line.metric('inspector_takt_seconds{line="other"}') == 0.5


def test_a_queue_without_a_server_tells_nothing_of_one_and_the_disk_is_the_one_named(tmp_path: Path) -> None:
    with gateway_in_memory(queue_disk=tmp_path) as line:
        wait_until(lambda: line.metric("inspector_queue_disk_bytes") > 0, what="a look at the disk")
        assert 0 < line.metric("inspector_queue_disk_free_bytes") <= line.metric("inspector_queue_disk_bytes")
        assert math.isnan(line.metric("inspector_queue_server_memory_bytes"))


def test_a_disk_that_is_not_there_is_not_known(tmp_path: Path) -> None:
    with gateway_in_memory(queue_disk=tmp_path / "none") as line:
        wait_until(lambda: line.metric("inspector_queue_up") == 1, what="a look at the queue")
        assert math.isnan(line.metric("inspector_queue_disk_free_bytes"))
        assert line.http.get("/healthz").status_code == 200


def test_the_server_is_seen(tmp_path: Path) -> None:
    with (
        QueueServer("valkey", tmp_path, {**DURABLE, "maxmemory": "64mb"}) as server,
        gateway_on(server.url) as line,
    ):
        wait_until(
            lambda: line.metric("inspector_queue_server_memory_bytes") > 0, what="a look at the server"
        )
        assert line.metric("inspector_queue_server_memory_limit_bytes") == 64 << 20
        assert line.metric("inspector_queue_server_aof_sound") == 1
