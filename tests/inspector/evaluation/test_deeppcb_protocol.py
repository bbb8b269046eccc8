"""DeepPCB's own protocol, on cases small enough to work out by hand."""

from __future__ import annotations

import pytest

from inspector.evaluation.deeppcb_protocol import score
from tests.inspector.evaluation.cases import CLASSES, Box, made

HERE: Box = (0, 0, 20, 20)
THERE: Box = (40, 40, 60, 60)


def test_nothing_to_find() -> None:
    scores = score([made()], CLASSES)
    assert (scores.ap_micro, scores.ap_class_mean, scores.f) == (0, 0, 0)


def test_all_found() -> None:
    case = made([("open", HERE), ("short", THERE)], [("short", 0.9, THERE), ("open", 0.8, HERE)])
    scores = score([case], CLASSES)
    assert (scores.ap_micro, scores.ap_class_mean, scores.f) == (1, 1, 1)


def test_a_wrong_class_is_a_false_alarm_and_a_miss() -> None:
    scores = score([made([("open", HERE)], [("short", 0.9, HERE)])], CLASSES)
    assert (scores.precision, scores.recall, scores.ap_micro) == (0, 0, 0)


@pytest.mark.parametrize(("height", "right"), [(6.5, False), (6.7, True)])
def test_iou_must_be_above_a_third_or_so(height: float, right: bool) -> None:
    scores = score([made([("open", HERE)], [("open", 0.9, (0, 0, 20, height))])], CLASSES)
    assert scores.recall == float(right)


def test_the_second_box_on_one_defect_is_a_false_alarm() -> None:
    scores = score([made([("open", HERE)], [("open", 0.9, HERE), ("open", 0.8, HERE)])], CLASSES)
    assert (scores.precision, scores.recall) == (0.5, 1)
    assert scores.ap_micro == 1


def test_ap_is_the_mean_precision_at_each_truth_over_all_images() -> None:
    first = made([("open", HERE)], [("open", 0.6, HERE), ("open", 0.9, THERE)])
    second = made([("open", HERE), ("short", THERE)], [("short", 0.7, THERE)])
    scores = score([first, second], CLASSES)
    # By score: wrong 0.9, right 0.7, right 0.6; three truths.
    assert scores.ap_micro == pytest.approx((1 / 2 + 2 / 3) / 3)
    assert scores.ap_per_class == pytest.approx({"open": (1 / 2) / 2, "short": 1.0})
    assert scores.ap_class_mean == pytest.approx((0.25 + 1) / 2)


def test_f_counts_only_what_reaches_its_threshold() -> None:
    case = made([("open", HERE), ("open", THERE)], [("open", 0.9, HERE), ("open", 0.4, THERE)])
    scores = score([case], CLASSES)
    assert (scores.precision, scores.recall) == (1, 0.5)
    assert scores.f == pytest.approx(2 / 3)
    assert scores.ap_micro == 1


def test_a_class_without_truth_is_left_out_of_the_mean() -> None:
    scores = score([made([("open", HERE)], [("open", 0.9, HERE), ("short", 0.9, THERE)])], CLASSES)
    assert scores.ap_per_class == {"open": 1.0}
    assert scores.ap_class_mean == 1
