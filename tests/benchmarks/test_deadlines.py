"""What an overload with deadlines is summed up to."""

from __future__ import annotations

from benchmarks.deadlines import figures_of, recovered_s
from benchmarks.load import kind_of


def test_a_200_says_whether_it_was_in_time() -> None:
    assert kind_of(200, b'{"state":"done","result":{"deadline_missed":false}}') == "200"
    assert kind_of(200, b'{"state":"done","result":{"deadline_missed":true}}') == "late"
    assert kind_of(200, b'{"state":"expired"}') == "expired"
    assert kind_of(503, b"") == "503"


def test_it_has_recovered_behind_the_last_image_that_was_not_in_time() -> None:
    assert recovered_s({}) == 0
    assert recovered_s({"200": [3, 3, 3]}) == 0
    assert recovered_s({"200": [0, 3, 3], "503": [5, 0, 0], "late": [1, 1, 0]}) == 0.5


def test_late_and_expired_images_are_a_share_of_the_accepted() -> None:
    statuses = {
        "200": {"rate": 40.0, "answers": 400, "p99_ms": 450.0},
        "late": {"rate": 8.0, "answers": 80},
        "expired": {"rate": 2.0, "answers": 20, "p50_ms": 600.0},
        "503": {"rate": 50.0, "answers": 500, "p50_ms": 2.0, "p99_ms": 9.0},
    }
    seen = figures_of({"statuses": statuses, "generator_cpu_share": 0.1}, 50.0)
    assert (seen["inspected_of_maximum"], seen["in_time_of_maximum"]) == (0.96, 0.8)
    assert seen["late_share"] == 0.2
    assert (seen["refused_p50_ms"], seen["refused_p99_ms"]) == (2.0, 9.0)


def test_an_overload_of_which_nothing_was_accepted_is_no_error() -> None:
    seen = figures_of({"statuses": {}, "generator_cpu_share": 0.1}, 50.0)
    assert (seen["late_share"], seen["inspected_of_maximum"]) == (0, 0)
