"""Thresholds for a wanted rate, on scores whose best answer can be seen."""

from __future__ import annotations

import numpy as np
import pytest

from inspector.errors import DataError, SettingsError
from inspector.evaluation.choice import Mode, Wanted, choose, doubts, expected
from inspector.evaluation.metrics import rate
from inspector.evaluation.operating import Bench, Cost, Rows

BEFORE = np.array([0.5, 0.5])
LOWEST = 0.05


def rows(scores: list[tuple[float, float]], first: int = 0) -> Rows:
    names = tuple(str(first + number) for number in range(len(scores)))
    return Rows(np.array(scores).reshape(-1, 2), np.zeros(len(scores), np.bool_), names)


def bench(
    opens: list[float], shorts: list[float], good: list[tuple[float, float]], margin: float = 0.0
) -> Bench:
    """Each defect on a board of its own, found with that score as its own class."""
    scores = [(score, 0.0) for score in opens] + [(0.0, score) for score in shorts]
    kinds = np.array([0] * len(opens) + [1] * len(shorts), np.int64)
    bad = rows(scores)
    return Bench(("open", "short"), bad, kinds, bad, rows(good, 1000), margin, single=True)


def wanted(share: float, mode: Mode = "overkill") -> Wanted:
    return Wanted(mode, share)


APART = bench([0.9] * 12, [0.4] * 12, [(0.6, 0.1)] * 10 + [(0.0, 0.0)] * 90)
"""Opens are sure and so are their false alarms; shorts are faint, and nothing is taken for one."""


def test_a_class_is_set_by_its_own_alarms() -> None:
    choice = choose(APART, wanted(0.02), BEFORE, LOWEST)
    assert choice.by_class.all()
    assert 0.6 < choice.thresholds[0] <= 0.9
    assert 0.1 < choice.thresholds[1] <= 0.4
    cost = APART.cost(choice.thresholds)
    assert cost.escape is not None
    assert cost.overkill is not None
    assert (cost.escape.count, cost.overkill.count) == (0, 0)


def test_each_lies_in_the_middle_of_where_it_changes_nothing() -> None:
    choice = choose(APART, wanted(0.02), BEFORE, LOWEST)
    assert choice.thresholds == pytest.approx([0.75, 0.25], abs=0.011)


def test_one_for_all_where_it_is_asked_for() -> None:
    choice = choose(APART, wanted(0.02), BEFORE, LOWEST, per_class=False)
    assert choice.thresholds[0] == choice.thresholds[1]
    cost = APART.cost(choice.thresholds)
    assert cost.escape is not None
    assert cost.escape.count == 12


def test_a_budget_goes_where_it_finds_most() -> None:
    # Ten rejected boards buy either three opens or nine shorts.
    good = [(0.3, 0.0)] * 10 + [(0.0, 0.3)] * 10 + [(0.0, 0.0)] * 80
    tight = bench([0.9] * 9 + [0.2] * 3, [0.9] * 3 + [0.2] * 9, good)
    choice = choose(tight, wanted(0.10), BEFORE, LOWEST)
    assert choice.thresholds[0] > 0.3
    assert choice.thresholds[1] <= 0.2
    cost = tight.cost(choice.thresholds)
    assert cost.overkill is not None
    assert cost.overkill.count == 10


QUIET = [(0.6, 0.1)] * 5 + [(0.0, 0.0)] * 95


@pytest.mark.parametrize(
    ("images", "share", "why"),
    [
        (bench([0.9] * 12, [0.4] * 12, QUIET[:40]), 0.5, "40 good boards are too few"),
        (bench([0.9] * 12, [0.4] * 12, QUIET), 0.01, "1 good boards that may be rejected are too few"),
        (bench([0.9] * 9, [0.4] * 9, QUIET), 0.05, "no class has 10 defects"),
        (bench([0.9] * 12, [0.9] * 12, QUIET), 0.05, "a threshold for each class finds no more"),
    ],
)
def test_too_little_to_gain_gives_one_for_all_and_says_why(images: Bench, share: float, why: str) -> None:
    choice = choose(images, wanted(share), BEFORE, LOWEST)
    assert not choice.by_class.any()
    assert why in choice.why_one
    assert choice.thresholds[0] == choice.thresholds[1]


def test_a_class_with_few_defects_follows_and_one_with_none_is_left_alone() -> None:
    few = bench([0.9] * 12, [0.8] * 3, [(0.1, 0.1)] * 100)
    assert choose(few, wanted(0.05), BEFORE, LOWEST).by_class.tolist() in ([True, False], [False, False])
    none = bench([0.9] * 12, [], [(0.1, 0.1)] * 100)
    choice = choose(none, wanted(0.05), np.array([0.5, 0.77]), LOWEST)
    assert choice.thresholds[1] == 0.77
    assert choice.kept.tolist() == [False, True]


def test_a_wanted_escape_rate_is_had_with_the_fewest_rejected() -> None:
    good = [(0.3, 0.0)] * 10 + [(0.0, 0.3)] * 2 + [(0.0, 0.0)] * 88
    images = bench([0.9] * 10 + [0.2] * 2, [0.9] * 10 + [0.2] * 2, good)
    choice = choose(images, wanted(2 / 24, "escape"), BEFORE, LOWEST)
    cost = images.cost(choice.thresholds)
    assert cost.escape is not None
    assert cost.overkill is not None
    # Both faint shorts for two rejected boards, and neither of the faint opens, which would cost ten.
    assert (cost.escape.count, cost.overkill.count) == (2, 2)


@pytest.mark.parametrize(
    ("mode", "share", "message"),
    [
        ("overkill", 0.01, r"the nearest is 4.00% \(2 of 50\), with every threshold at 0.05"),
        ("escape", 0.0, r"the nearest is 4.17% \(1 of 24\)"),
    ],
)
def test_what_cannot_be_had_is_refused_with_the_nearest(mode: Mode, share: float, message: str) -> None:
    images = bench([0.9] * 12, [0.9] * 11 + [0.0], [(0.99, 0.0)] * 2 + [(0.0, 0.0)] * 48)
    with pytest.raises(SettingsError, match=message):
        choose(images, wanted(share, mode), BEFORE, LOWEST)


def test_a_review_band_is_overkill_and_no_threshold_reaches_below_what_is_reported() -> None:
    images = bench([0.9] * 12, [0.9] * 12, [(0.6, 0.0)] * 10 + [(0.0, 0.0)] * 90, margin=0.2)
    choice = choose(images, wanted(0.02), BEFORE, LOWEST)
    assert choice.thresholds[0] > 0.8  # 0.6 must stay below the band
    assert (choice.thresholds - 0.2 >= LOWEST - 1e-9).all()


@pytest.mark.parametrize("empty", ["good", "bad"])
def test_nothing_to_weigh_against(empty: str) -> None:
    images = bench([0.9], [], []) if empty == "good" else bench([], [], [(0.1, 0.1)])
    with pytest.raises(DataError, match="no good part" if empty == "good" else "no defective part"):
        choose(images, wanted(0.01), BEFORE, LOWEST)


def test_what_too_few_boards_cannot_show_is_said() -> None:
    nothing = Cost(None, None, None)
    assert doubts(APART, wanted(0.01), nothing) == []
    assert doubts(APART, wanted(0.01), None) == ["too few images to say what to expect on new parts"]
    (doubt,) = doubts(APART, wanted(0.005), nothing)
    assert "with 100 good boards a rate below 1.00% cannot be verified" in doubt
    assert "3.70%" in doubt


def test_what_to_expect_on_parts_not_seen() -> None:
    choice = choose(APART, wanted(0.02), BEFORE, LOWEST)
    cost = expected(APART, wanted(0.02), BEFORE, LOWEST, choice.by_class)
    assert cost is not None
    assert cost.escape is not None
    assert (cost.escape.count, cost.escape.of) == (0, 24)
    assert cost.overkill is not None
    assert cost.overkill.of == 100
    few = bench([0.9], [0.9], [(0.0, 0.0)] * 3)
    assert expected(few, wanted(0.5), BEFORE, LOWEST, choice.by_class) is None


def test_noise_that_a_class_of_its_own_could_hang_on_costs_more_on_parts_not_seen() -> None:
    rng = np.random.default_rng(0)
    good = [(a, b) for a, b in rng.beta(1, 6, (200, 2)).tolist()]
    images = bench(rng.beta(4, 2, 60).tolist(), rng.beta(4, 2, 60).tolist(), good)
    choice = choose(images, wanted(0.05), BEFORE, LOWEST)
    seen = images.cost(choice.thresholds)
    cost = expected(images, wanted(0.05), BEFORE, LOWEST, choice.by_class)
    assert seen.overkill is not None
    assert cost is not None
    assert cost.overkill is not None
    assert seen.overkill.count <= 10
    assert cost.overkill.count >= seen.overkill.count


def test_more_than_wanted_on_parts_not_seen_is_said() -> None:
    hoped = Cost(rate(0, 100), rate(0, 24), rate(4, 100))
    assert doubts(APART, wanted(0.05), hoped) == []
    (doubt,) = doubts(APART, wanted(0.03), hoped)
    assert doubt.startswith("on new parts expect overkill of 4.00%, more than the wanted 3%")
