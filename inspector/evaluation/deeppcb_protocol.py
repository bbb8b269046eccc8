"""DeepPCB's own protocol, written from its README and from how the ICDAR 2015 script it builds on works.

Tang et al., "On-line PCB Defect Detector On A New PCB Defect Dataset", 2019. Within an image, truths are
taken in file order, and each takes the first free detection, in the detections' own order, of the same class
with an IoU above 0.33. AP is the mean over all truths of the precision at the rank where each was found: not
interpolated, and one list for all images. The script takes all classes as one list (`ap_micro`); the papers
report the mean over classes.

Detections are listed by falling score here, as every detector writes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from inspector.evaluation.bootstrap import Ranked
from inspector.evaluation.metrics import iou
from inspector.evaluation.predictions import Case

IOU = 0.33


class DeepPcbScores(BaseModel):
    """Fractions 0-1. AP is over every detection; F, precision and recall are at the recipe's thresholds."""

    model_config = ConfigDict(frozen=True)

    ap_micro: float
    ap_class_mean: float
    ap_per_class: dict[str, float]
    f: float
    precision: float
    recall: float


class _Hit(NamedTuple):
    defect_class: str
    score: float
    right: bool
    counted: bool


def score(cases: Sequence[Case], classes: Sequence[str]) -> DeepPcbScores:
    """A class without any truth has no AP and is left out of the mean."""
    hits = [hit for case in cases for hit in _all_hits(case)]
    counted = [hit for case in cases for hit in _counted_hits(case)]
    truths = {name: sum(case.truth_classes.count(name) for case in cases) for name in classes}
    per_class = {
        name: _ap([hit for hit in hits if hit.defect_class == name], count)
        for name, count in truths.items()
        if count
    }
    right = sum(hit.right for hit in counted)
    precision = right / len(counted) if counted else 0.0
    recall = right / max(1, sum(truths.values()))
    return DeepPcbScores(
        ap_micro=_ap(hits, sum(truths.values())),
        ap_class_mean=float(np.mean(list(per_class.values()))) if per_class else 0.0,
        ap_per_class=per_class,
        f=2 * precision * recall / (precision + recall) if right else 0.0,
        precision=precision,
        recall=recall,
    )


def ranked(cases: Sequence[Case], classes: Sequence[str]) -> list[Ranked]:
    """What the AP of each class is made from, for the bootstrap. A class without any truth is left out."""
    hits = [(image, hit) for image, case in enumerate(cases) for hit in _all_hits(case)]
    hits.sort(key=lambda row: -row[1].score)
    found = []
    for name in classes:
        own = [(image, hit.right) for image, hit in hits if hit.defect_class == name]
        truths = np.array([case.truth_classes.count(name) for case in cases], np.int64)
        if truths.sum():
            image, right = (
                np.array([row[0] for row in own], np.intp),
                np.array([row[1] for row in own], np.bool_),
            )
            found.append(Ranked(image, right, truths))
    return found


def tallies(cases: Sequence[Case]) -> tuple[list[int], list[int], list[int]]:
    """For each case, what F is made from: findings that count and are right, that count, and true boxes."""
    counted = [_counted_hits(case) for case in cases]
    right = [sum(hit.right for hit in hits) for hits in counted]
    return right, [len(hits) for hits in counted], [len(case.truth_boxes) for case in cases]


def matches(case: Case, chosen: Sequence[int]) -> NDArray[np.bool_]:
    """(len(chosen),): which of the chosen detections of a case are right."""
    detections = [case.prediction.detections[index] for index in chosen]
    overlaps = iou(case.truth_boxes, np.array([detection.box for detection in detections], np.float64))
    right = np.zeros(len(detections), np.bool_)
    for truth, name in enumerate(case.truth_classes):
        for index, detection in enumerate(detections):
            if not right[index] and detection.defect_class == name and overlaps[truth, index] > IOU:
                right[index] = True
                break
    return right


def _all_hits(case: Case) -> list[_Hit]:
    return _hits(case, range(len(case.prediction.detections)))


def _counted_hits(case: Case) -> list[_Hit]:
    # Matched apart: a detection below its threshold is not in the list that F is made from.
    return _hits(case, [index for index, counted in enumerate(case.counted) if counted])


def _hits(case: Case, chosen: Sequence[int]) -> list[_Hit]:
    detections = case.prediction.detections
    ordered = sorted(chosen, key=lambda index: -detections[index].score)
    right = matches(case, ordered)
    return [
        _Hit(detections[index].defect_class, detections[index].score, bool(flag), case.counted[index])
        for index, flag in zip(ordered, right, strict=True)
    ]


def _ap(hits: Sequence[_Hit], truths: int) -> float:
    ordered = sorted(hits, key=lambda hit: -hit.score)
    right = np.array([hit.right for hit in ordered], np.float64)
    precision = np.cumsum(right) / np.arange(1, len(right) + 1)
    return float((precision * right).sum() / truths) if truths else 0.0
