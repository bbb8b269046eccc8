"""COCO figures: the library's, and nothing of its chatter."""

from __future__ import annotations

import pytest

from inspector.evaluation.coco_metrics import score
from tests.inspector.evaluation.cases import CLASSES, made


def test_nothing_to_find_is_no_figure() -> None:
    assert score([made(found=[("open", 0.9, (0, 0, 20, 20))])], CLASSES) is None


def test_nothing_found_is_zero() -> None:
    scores = score([made([("open", (0, 0, 20, 20))])], CLASSES)
    assert scores is not None
    assert (scores.map50, scores.map50_95) == (0, 0)


def test_all_found_exactly_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    case = made(
        [("open", (0, 0, 20, 20)), ("short", (40, 40, 60, 60))],
        [("open", 0.9, (0, 0, 20, 20)), ("short", 0.8, (40, 40, 60, 60))],
    )
    scores = score([case, made()], CLASSES)
    assert scores is not None
    assert [scores.map50, scores.map50_95] == pytest.approx([1, 1])
    assert scores.per_class["open"].truths == 1
    assert capsys.readouterr() == ("", "")


def test_a_loose_box_counts_at_half_and_not_at_the_stricter_ones() -> None:
    # IoU 0.8: right at 0.50, 0.55, ... 0.75 and, as it is not below it, at 0.80.
    scores = score([made([("open", (0, 0, 20, 20))], [("open", 0.9, (0, 0, 20, 16))])], CLASSES)
    assert scores is not None
    assert scores.map50 == pytest.approx(1)
    assert scores.map50_95 == pytest.approx(0.7)
    assert "short" not in scores.per_class
