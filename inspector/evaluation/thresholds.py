"""Where to draw the line between defects and good parts, from validation boards only."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from inspector.evaluation.deeppcb_protocol import IOU
from inspector.evaluation.metrics import iou
from inspector.evaluation.predictions import Case

FloatArray = NDArray[np.float64]

CANDIDATES: FloatArray = np.round(np.arange(0.05, 0.955, 0.01), 2)
"""Scores below 0.05 are never reported; a threshold above 0.95 would hang on rounding."""


WANTED_OVERKILL = 0.05
"""Share of good boards that may be rejected, over all classes: half of what a line would tolerate, since
validation boards are few and a threshold chosen on them is a little too kind to itself."""


def choose(
    defective: Sequence[Case],
    good: Sequence[Case],
    classes: Sequence[str],
    overkill: float = WANTED_OVERKILL,
) -> dict[str, float]:
    """One threshold, the same for each class: it misses fewest defects while it keeps to the wanted overkill.

    One and not one a class: a hundred good boards hold a handful of alarms, too few to share out among
    classes. A line that has seen more of its own parts sets them apart in its recipe.
    """
    found = [score for name in classes for score in found_scores(defective, name)]
    alarms = [max(scores) for scores in zip(*(alarm_scores(good, name) for name in classes), strict=True)]
    return dict.fromkeys(classes, best_threshold(found, alarms, overkill))


def best_threshold(found: Sequence[float], alarms: Sequence[float], overkill: float) -> float:
    """`found`: score of each true defect, 0 where missed. `alarms`: highest score on each good board.

    Of equally good thresholds the middle one is taken, farthest from harm either way. Where none keeps to
    `overkill`, it is the one that rejects fewest.
    """
    missed = _share_below(found, CANDIDATES)
    rejected = 1 - _share_below(alarms, CANDIDATES) if alarms else np.zeros(len(CANDIDATES))
    too_many = np.maximum(rejected - overkill, 0.0)
    allowed = np.isclose(too_many, too_many.min())
    best = CANDIDATES[allowed & np.isclose(missed, missed[allowed].min())]
    return float(best[len(best) // 2])


def found_scores(cases: Sequence[Case], defect_class: str) -> list[float]:
    """For each true defect of the class, the highest score of a detection of that class that meets it.

    Where only the image's class is known, the highest score on the image: any finding that counts stops it.
    """
    scores = []
    for case in cases:
        if case.labels_only:
            highest = max((d.score for d in case.prediction.detections), default=0.0)
            scores += [highest] * case.truth_classes.count(defect_class)
            continue
        detections = [d for d in case.prediction.detections if d.defect_class == defect_class]
        overlaps = iou(case.truth_boxes, np.array([d.box for d in detections], np.float64))
        for row, name in zip(overlaps, case.truth_classes, strict=True):
            if name == defect_class:
                hits = [d.score for d, overlap in zip(detections, row, strict=True) if overlap > IOU]
                scores.append(max(hits, default=0.0))
    return scores


def alarm_scores(cases: Sequence[Case], defect_class: str) -> list[float]:
    """For each good board, the highest score of that class."""
    return [
        max((d.score for d in case.prediction.detections if d.defect_class == defect_class), default=0.0)
        for case in cases
    ]


def _share_below(values: Sequence[float], thresholds: FloatArray) -> FloatArray:
    if not values:
        return np.zeros(len(thresholds))
    below = np.asarray(values)[:, None] < thresholds
    return np.asarray(below.mean(axis=0))
