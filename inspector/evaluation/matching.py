"""Which finding is which defect, at the recipe's thresholds: confusion by class, misses and false alarms.

A finding that counts meets a defect at an IoU above 0.33. First findings take defects of their own class,
highest score first, each the free one it overlaps most; then what is left is paired across classes in the
same way. A defect left over is missed, a finding left over is a false alarm. Images whose defects have no
boxes are left out: a finding on one is neither.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from inspector.evaluation.deeppcb_protocol import IOU
from inspector.evaluation.metrics import iou
from inspector.evaluation.predictions import Case, located


class Confusion(BaseModel):
    """`counts[i][j]`: defects of class i found as class j. The last row is no defect: false alarms. The last
    column is not found: missed."""

    model_config = ConfigDict(frozen=True)

    classes: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Miss:
    """A defect that no finding that counts meets, of whatever class."""

    case: Case
    truth: int
    """Index of the true box."""
    score: float
    """The highest score of a detection that meets it; 0 where nothing does."""


@dataclass(frozen=True, slots=True)
class FalseAlarm:
    case: Case
    finding: int
    """Index of the detection."""
    score: float


def confusion(cases: Sequence[Case], classes: Sequence[str]) -> Confusion:
    """Findings of a class that is not named are false alarms without a column, and left out."""
    place = {name: index for index, name in enumerate(classes)}
    counts = np.zeros((len(classes) + 1, len(classes) + 1), np.int64)
    for case in located(cases):
        partners = pair(case)
        for name, finding in zip(case.truth_classes, partners, strict=True):
            column = len(classes) if finding is None else place[_class(case, finding)]
            counts[place[name], column] += 1
        for finding in _left_over(case, partners):
            if (found := _class(case, finding)) in place:
                counts[-1, place[found]] += 1
    return Confusion(classes=tuple(classes), counts=tuple(tuple(row) for row in counts.tolist()))


def misses(cases: Sequence[Case]) -> list[Miss]:
    """The least seen first; of those alike, the largest."""
    found = []
    for case in located(cases):
        overlaps = _overlaps(case) > IOU
        scores = np.array([detection.score for detection in case.prediction.detections])
        reached = np.array([finding.reached for finding in case.judgement.findings], np.bool_)
        for truth, met in enumerate(overlaps):
            if not (met & reached).any():
                found.append(Miss(case, truth, float(scores[met].max(initial=0.0))))
    return sorted(found, key=lambda miss: (miss.score, -_size(miss.case, miss.truth)))


def false_alarms(cases: Sequence[Case]) -> list[FalseAlarm]:
    """The surest first."""
    found = [
        FalseAlarm(case, finding, case.prediction.detections[finding].score)
        for case in located(cases)
        for finding in _left_over(case, pair(case))
    ]
    return sorted(found, key=lambda alarm: -alarm.score)


def pair(case: Case) -> list[int | None]:
    """For each true box, the detection that found it, as an index; None where it is missed."""
    overlaps = _overlaps(case)
    partners: list[int | None] = [None] * len(case.truth_classes)
    names = np.array(case.truth_classes)
    for own_class in (True, False):
        for finding in _by_score(case):
            if finding in partners:
                continue
            alike = names == _class(case, finding)
            free = np.array([partner is None for partner in partners], np.bool_)
            allowed = free & (alike if own_class else ~alike) & (overlaps[:, finding] > IOU)
            if allowed.any():
                partners[int(np.argmax(np.where(allowed, overlaps[:, finding], -1)))] = finding
    return partners


def _left_over(case: Case, partners: Sequence[int | None]) -> list[int]:
    return [finding for finding in _by_score(case) if finding not in partners]


def _by_score(case: Case) -> list[int]:
    counted = [index for index, counts in enumerate(case.counted) if counts]
    return sorted(counted, key=lambda index: -case.prediction.detections[index].score)


def _class(case: Case, finding: int) -> str:
    return case.prediction.detections[finding].defect_class


def _overlaps(case: Case) -> NDArray[np.float64]:
    """(truths, detections)"""
    boxes = np.array([detection.box for detection in case.prediction.detections], np.float64)
    return iou(case.truth_boxes, boxes)


def _size(case: Case, truth: int) -> float:
    x1, y1, x2, y2 = case.truth_boxes[truth].tolist()
    return float((x2 - x1) * (y2 - y1))
