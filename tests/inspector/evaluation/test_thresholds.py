"""Where the line is drawn between defects and false alarms."""

from __future__ import annotations

import pytest

from inspector.evaluation.thresholds import best_threshold


@pytest.mark.parametrize(
    ("found", "alarms", "low", "high"),
    [
        ([0.9, 0.8], [0.1, 0.2], 0.2, 0.8),  # between the two
        ([0.9, 0.8], [], 0.05, 0.8),
        ([0.9, 0.3], [0.4, 0.1], 0.4, 0.9),  # they overlap: no good board is rejected
    ],
)
def test_the_line_lies_between_defects_and_alarms(
    found: list[float], alarms: list[float], low: float, high: float
) -> None:
    assert low < best_threshold(found, alarms, overkill=0.0) <= high


def test_a_wanted_overkill_is_spent_on_finding_more() -> None:
    found, alarms = [0.9, 0.3], [0.4, 0.1, 0.1, 0.1]
    assert best_threshold(found, alarms, overkill=0.25) <= 0.3
    assert best_threshold(found, alarms, overkill=0.24) > 0.4


def test_of_equally_good_lines_the_middle_one_is_taken() -> None:
    assert best_threshold([0.9], [0.1], 0.0) == pytest.approx(0.5, abs=0.02)


def test_where_no_line_keeps_to_the_overkill_it_rejects_fewest() -> None:
    assert best_threshold([0.99], [0.97, 0.5], 0.0) > 0.5


def test_a_line_never_lies_below_what_is_reported() -> None:
    assert best_threshold([0.0], [], 0.0) >= 0.05
