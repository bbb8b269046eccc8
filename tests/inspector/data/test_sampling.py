"""How often images are shown: rare classes more often, within bounds, and good ones at a chosen share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from inspector.data.dataset import Sample, as_boxes, as_labels
from inspector.data.sampling import MOST_OFTEN, class_factors, images_of_class, shares


def sample(*labels: int) -> Sample:
    return Sample("x", Path("x.png"), as_boxes([[0, 0, 9, 9]] * len(labels)), as_labels(list(labels)))


@pytest.mark.parametrize(
    ("counts", "balance", "wanted"),
    [
        ([], 0.5, []),
        ([0, 0], 0.5, [1, 1]),
        ([100, 25], 0.0, [1, 1]),
        ([100, 25], 0.5, [1, 2]),
        ([100, 25], 1.0, [1, 4]),
        ([100, 1], 0.5, [1, MOST_OFTEN]),
        ([100, 0], 0.5, [1, 1]),
    ],
)
def test_factors(counts: list[int], balance: float, wanted: list[float]) -> None:
    np.testing.assert_allclose(class_factors(np.array(counts, np.int64), balance), wanted)


def test_an_image_counts_once_for_a_class() -> None:
    assert images_of_class([sample(0, 0, 1), sample(0), sample()], 3).tolist() == [2, 1, 0]


def test_all_alike_needs_no_weights() -> None:
    assert shares([sample(0), sample()], 1, balance=0, good_share=None) is None


def test_good_images_get_the_share_asked_for() -> None:
    samples = [sample(0), *[sample() for _ in range(9)]]
    weights = shares(samples, 1, balance=0, good_share=0.4)
    assert weights is not None
    assert weights.sum() == pytest.approx(1)
    assert weights[0] == pytest.approx(0.6)


def test_a_rare_class_comes_more_often_and_the_good_share_stays() -> None:
    samples = [*[sample(0) for _ in range(9)], sample(1), sample(), sample()]
    weights = shares(samples, 2, balance=0.5, good_share=None)
    assert weights is not None
    assert weights[9] == pytest.approx(3 * weights[0])
    assert weights[10:].sum() == pytest.approx(2 / 12)


@pytest.mark.parametrize("samples", [[sample(0)], [sample()]])
def test_only_good_or_only_defective_images_are_no_special_case(samples: list[Sample]) -> None:
    weights = shares(samples, 1, balance=0.5, good_share=0.3)
    assert weights is not None
    assert weights.tolist() == [1.0]
