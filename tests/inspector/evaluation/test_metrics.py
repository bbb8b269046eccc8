"""Pure figures against values worked out by hand or taken from textbooks."""

from __future__ import annotations

import numpy as np
import pytest

from inspector.evaluation.metrics import auroc, average_precision, iou, rate


def test_nothing_counted_is_no_rate() -> None:
    assert rate(0, 0) is None


@pytest.mark.parametrize(
    ("count", "of", "low", "high"),
    [
        (0, 10, 0.0, 0.2775),
        (10, 10, 0.7225, 1.0),
        (5, 10, 0.2366, 0.7634),
        (1, 100, 0.0018, 0.0545),
    ],
)
def test_wilson_interval(count: int, of: int, low: float, high: float) -> None:
    found = rate(count, of)
    assert found is not None
    assert (found.count, found.of, found.value) == (count, of, count / of)
    assert found.low == pytest.approx(low, abs=1e-4)
    assert found.high == pytest.approx(high, abs=1e-4)


@pytest.mark.parametrize(
    ("bad", "good", "expected"),
    [
        ([], [0.1], None),
        ([0.1], [], None),
        ([0.9, 0.8], [0.1, 0.2], 1.0),
        ([0.1], [0.9], 0.0),
        ([0.5, 0.5], [0.5], 0.5),
        ([0.9, 0.3], [0.5, 0.3, 0.1], (3 + 1.5) / 6),
    ],
)
def test_auroc(bad: list[float], good: list[float], expected: float | None) -> None:
    assert auroc(bad, good) == (None if expected is None else pytest.approx(expected))


@pytest.mark.parametrize(
    ("bad", "good", "expected"),
    [
        ([], [0.1], None),
        ([0.9], [], 1.0),
        ([0.9, 0.8], [0.1], 1.0),
        ([0.9, 0.1], [0.5], (1 + 2 / 3) / 2),
        ([0.5], [0.5], 0.5),
    ],
)
def test_average_precision(bad: list[float], good: list[float], expected: float | None) -> None:
    assert average_precision(bad, good) == (None if expected is None else pytest.approx(expected))


def test_iou() -> None:
    a = np.array([[0, 0, 10, 10], [0, 0, 0, 0]], np.float64)
    b = np.array([[0, 0, 10, 10], [5, 0, 15, 10], [10, 0, 20, 10]], np.float64)
    assert iou(a, b)[0] == pytest.approx([1.0, 1 / 3, 0.0])
    assert iou(a, b)[1] == pytest.approx([0.0, 0.0, 0.0])
    assert iou(a, np.empty((0, 4))).shape == (2, 0)
