"""Attention scores: maps whose figures are known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from inspector.evaluation.attention_metrics import score
from tests.inspector.evaluation.cases import Box, made

HERE: Box = (16, 16, 32, 32)
THERE: Box = (48, 48, 64, 64)


def spots(*cells: tuple[int, int], height: int = 255) -> NDArray[np.uint8]:
    """10 x 10 cells of 8 pixels, 0 but for those named (x, y)."""
    field = np.zeros((10, 10), np.uint8)
    for x, y in cells:
        field[y, x] = height
    return field


def test_without_a_map_or_a_defect_there_is_no_score() -> None:
    assert score([]) is None
    assert score([made([("open", HERE)])]) is None
    assert score([made(attention=spots())]) is None


def test_a_uniform_map_scores_chance() -> None:
    scores = score([made([("open", HERE)], attention=np.full((10, 10), 100, np.uint8))])
    assert scores is not None
    assert scores.energy == pytest.approx(256 / 6400)
    assert scores.enrichment == pytest.approx(1)
    assert scores.std == pytest.approx(0, abs=1e-6)
    assert scores.pointing == 0


def test_an_empty_map_scores_nothing() -> None:
    scores = score([made([("open", HERE)], attention=spots())])
    assert scores is not None
    assert (scores.energy, scores.pointing, scores.outside) == (0, 0, 1)


def test_a_map_on_both_defects() -> None:
    field = spots((2, 2), (3, 2), (2, 3), (3, 3), (6, 6))
    scores = score([made([("open", HERE), ("open", THERE)], attention=field)])
    assert scores is not None
    assert scores.pointing == 1
    assert scores.peak_recall == 1
    assert scores.energy > 0.6
    assert scores.enrichment == pytest.approx(scores.energy / (512 / 6400))


def test_a_second_peak_elsewhere_misses_its_defect() -> None:
    scores = score([made([("open", HERE), ("open", THERE)], attention=spots((2, 2), (9, 0)))])
    assert scores is not None
    assert scores.peak_recall == 0.5


def test_quiet_is_measured_on_good_images() -> None:
    bad, good = made([("open", HERE)], attention=spots((2, 2))), made(attention=spots((5, 5), height=51))
    scores = score([bad], [good, made(attention=spots())])
    assert scores is not None
    assert scores.quiet_max == pytest.approx(0.1)
    assert scores.quiet_mean == pytest.approx(0.001)
