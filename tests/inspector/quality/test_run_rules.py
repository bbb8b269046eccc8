"""Each rule: the shortest pattern that breaks it, the same without its last point, and its mirror image."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.quality.run_rules import DEFAULT, RULES, broken_rules

ALL = [rule.number for rule in RULES]

SHORTEST = {
    1: [3.1],
    2: [0.5] * 9,
    3: [-1.2, -0.6, 0.1, 0.4, 0.9, 1.4],
    4: [0.5, -0.5] * 7,
    5: [2.1, 0.0, 2.2],
    6: [1.1, 1.5, -0.2, 1.2, 1.3],
    7: [0.1, -0.2, 0.9, 0.4, -0.7] * 3,
    8: [1.5, -1.2, 1.1, -1.6, -1.3, 1.2, 1.9, -1.1],
}


def flags(scores: Sequence[float], rules: Sequence[int] = ALL) -> list[tuple[int, ...]]:
    return broken_rules(scores, [False] * len(scores), rules)


def test_no_points_break_nothing() -> None:
    assert flags([]) == []


def test_the_numbers_are_nelsons_one_to_eight() -> None:
    assert tuple(ALL) == (1, 2, 3, 4, 5, 6, 7, 8)
    assert set(DEFAULT) <= set(ALL)


@pytest.mark.parametrize("number", ALL)
@pytest.mark.parametrize("side", [1, -1])
def test_the_last_point_of_the_shortest_pattern_breaks_the_rule(number: int, side: int) -> None:
    scores = [side * score for score in SHORTEST[number]]
    assert [number in found for found in flags(scores)] == [False] * (len(scores) - 1) + [True]


@pytest.mark.parametrize("number", ALL)
def test_a_rule_that_is_not_asked_for_is_not_broken(number: int) -> None:
    others = [one for one in ALL if one != number]
    assert all(number not in found for found in flags(SHORTEST[number], others))


@pytest.mark.parametrize(
    ("number", "calm"),
    [
        (1, [3.0]),
        (2, [0.5] * 8 + [0.0, 0.5]),  # a point on the line ends the run
        (3, [-1.2, -0.6, 0.1, 0.1, 0.9, 1.4]),
        (4, [0.5, -0.5] * 6 + [0.5, 0.5]),
        (5, [2.1, 0.0, -2.2]),  # on both sides
        (5, [2.1, 2.2, 0.0][::2]),
        (6, [1.1, 1.5, 1.2, 0.9, 0.9]),
        (7, [0.1] * 14 + [1.0]),
        (8, [1.5, -1.2, 1.1, -1.6, -1.3, 1.2, 1.9, -0.9]),
    ],
)
def test_almost_a_pattern_is_none(number: int, calm: list[float]) -> None:
    assert number not in flags(calm)[-1]


def test_two_points_far_out_at_the_very_start_are_enough() -> None:
    assert flags([2.1, 2.2]) == [(), (5,)]


@pytest.mark.parametrize("number", [7, 8])
def test_whole_counts_of_a_few_are_neither_too_calm_nor_two_processes(number: int) -> None:
    scores = SHORTEST[number]
    assert number not in broken_rules(scores, [True] * len(scores), ALL)[-1]


@given(st.lists(st.floats(-5, 5), max_size=40))
def test_turned_over_the_same_rules_are_broken(scores: list[float]) -> None:
    assert flags(scores) == flags([-score for score in scores])
