"""AUPRO against its definition written out plainly: every threshold, every piece, every pixel."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from inspector.data.dataset import as_boxes, as_labels
from inspector.data.sources.masks import boxes_of
from inspector.evaluation.attention_metrics import AUPRO_LIMIT, aupro, score
from inspector.evaluation.looks import levels_of
from inspector.evaluation.predictions import Case, Prediction, case
from inspector.messages.result import Classification
from tests.inspector.evaluation.cases import CLASSES, RECIPE, made

SIZE = (48, 64)


def masked(folder: Path, name: str, mask: NDArray[np.bool_], attention: NDArray[np.uint8]) -> Case:
    """One image of 64 x 48 pixels with this mask; an empty one makes it good."""
    file = folder / f"{name}.png"
    cv2.imwrite(str(file), mask.astype(np.uint8) * 255)
    boxes = boxes_of(mask)
    prediction = Prediction((), Classification(defective=0.0, classes={}), SIZE, attention)
    truth = (as_boxes(boxes.tolist()), as_labels([0] * len(boxes)))
    return case(name, "", truth, CLASSES, prediction, RECIPE, mask=(file,) if len(boxes) else ())


def blank() -> NDArray[np.bool_]:
    return np.zeros(SIZE, np.bool_)


def plainly(pairs: list[tuple[NDArray[np.bool_], NDArray[np.uint8]]]) -> float:
    levels = [levels_of(attention, SIZE) for _, attention in pairs]
    points = [(0.0, 0.0)]
    for threshold in range(1020, -1, -1):
        false, good, overlaps = 0, 0, []
        for (mask, _), level in zip(pairs, levels, strict=True):
            lit = level >= threshold
            false, good = false + int((lit & ~mask).sum()), good + int((~mask).sum())
            count, pieces = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
            overlaps += [lit[pieces == piece].mean() for piece in range(1, count)]
        points.append((false / good, float(np.mean(overlaps))))
    total = 0.0
    for (x0, y0), (x1, y1) in pairwise(points):
        if x0 >= AUPRO_LIMIT:
            break
        end = min(x1, AUPRO_LIMIT)
        y_end = y1 if x1 == x0 else y0 + (y1 - y0) * (end - x0) / (x1 - x0)
        total += (end - x0) * (y0 + y_end) / 2
    return total / AUPRO_LIMIT


@pytest.mark.parametrize("seed", range(3))
def test_it_is_its_definition(seed: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(seed)
    pairs = []
    for number in range(4):
        mask = blank()
        for _ in range(number):  # the first one is good
            x, y = rng.integers(0, 40, 2)
            mask[y : y + 8, x : x + 3] = True
        attention = rng.integers(0, 100, (6, 8)).astype(np.uint8)
        attention[cv2.resize(mask.astype(np.uint8), (8, 6), interpolation=cv2.INTER_AREA) > 0] += 80
        pairs.append((mask, attention))
    cases = [masked(tmp_path, str(number), *pair) for number, pair in enumerate(pairs)]
    assert aupro(cases) == pytest.approx(plainly(pairs), abs=1e-9)


def test_without_masks_there_is_none(tmp_path: Path) -> None:
    assert aupro([]) is None
    assert aupro([made([("open", (0, 0, 20, 20))], attention=np.zeros((10, 10), np.uint8))]) is None
    assert aupro([masked(tmp_path, "good", blank(), np.zeros((6, 8), np.uint8))]) is None


def test_a_map_that_lights_up_the_defect_alone_is_one(tmp_path: Path) -> None:
    mask = blank()
    mask[8:24, 16:32] = True
    field = np.zeros(SIZE, np.uint8)
    field[mask] = 255  # a map of the image's own resolution
    assert aupro([masked(tmp_path, "a", mask, field)]) == pytest.approx(1)


def test_a_flat_map_is_worth_what_chance_is(tmp_path: Path) -> None:
    mask = blank()
    mask[8:24, 16:32] = True
    # All or nothing: the curve is the diagonal, and up to 0.3 its area is half of 0.3.
    assert aupro([masked(tmp_path, "a", mask, np.full((6, 8), 9, np.uint8))]) == pytest.approx(0.15)


def test_with_masks_energy_and_peaks_are_held_against_them(tmp_path: Path) -> None:
    mask = blank()
    mask[8:24, 16:18] = True  # two columns of a box that is drawn around both strokes
    mask[22:24, 18:32] = True
    field = np.full((6, 8), 100, np.uint8)
    field[1, 3] = 200  # x 24-32, y 8-16: in the box, not on the mask
    scores = score([masked(tmp_path, "a", mask, field)])
    assert scores is not None
    assert scores.truth == "masks"
    assert scores.pointing == 0
    assert scores.energy == pytest.approx(mask.mean(), rel=0.1)
    field[1, 3], field[2, 2] = 100, 200
    mask[19:22, 18:22] = True  # under the middle of that cell, x 20, y 20
    again = score([masked(tmp_path, "b", mask, field)])
    assert again is not None
    assert (again.pointing, again.peak_recall) == (1, 1)
