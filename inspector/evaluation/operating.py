"""What other thresholds would have done, without judging anything again.

A Bench is a set of images as numbers: for each good and each bad board the highest score of every class, for
each defect the highest score of every class that meets it. Thresholds are an array, one a class. Of an image
whose defects have no boxes, each class is one defect, and any finding on the image meets it.

A board is accepted only when its verdict is OK; so REVIEW is no escape, and counts as overkill, as in
image_metrics.py. A bad board is one with a single defect where such boards could be made, else a defective
image; one whose class is all that is known is always a bad board. A test holds these figures against
`decision.judge`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from inspector.decision.verdict import judge
from inspector.evaluation.deeppcb_protocol import IOU
from inspector.evaluation.metrics import Rate, iou, rate
from inspector.evaluation.predictions import Case
from inspector.evaluation.report import Material
from inspector.messages.recipe import Recipe
from inspector.messages.result import Verdict

FloatArray = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Cost:
    """What a choice of thresholds does; None where there is nothing to count."""

    escape_per_defect: Rate | None
    escape: Rate | None
    """Bad boards judged OK."""
    overkill: Rate | None
    """Good boards not judged OK."""


@dataclass(frozen=True, slots=True)
class Rows:
    """n defects or boards against K classes."""

    scores: FloatArray  # (n, K) the highest of each class, 0 where there is none
    doubted: Flags  # (n,) not OK whatever the thresholds: image-level score, size
    samples: tuple[str, ...]  # (n,) the image that each comes from

    def where(self, keep: Flags) -> Rows:
        samples = tuple(name for name, kept in zip(self.samples, keep, strict=True) if kept)
        return Rows(self.scores[keep], self.doubted[keep], samples)

    def __len__(self) -> int:
        return len(self.scores)


@dataclass(frozen=True, slots=True)
class Bench:
    classes: tuple[str, ...]
    """All that the model knows: an alarm is one, whatever the data set holds."""
    defects: Rows
    kinds: NDArray[np.int64]  # (n,) the class of each defect
    bad: Rows
    good: Rows
    margin: float
    """Of the recipe's review band."""
    single: bool
    """The bad boards hold one defect each."""

    @classmethod
    def of(cls, material: Material, classes: Sequence[str], recipe: Recipe) -> Bench:
        boards = material.boards
        single = boards.get("single", ())
        defective = boards.get("defective", ())
        bad = (*single, *(case for case in defective if case.labels_only)) if single else defective
        # Defects are counted on the images as they were posted, as everywhere.
        seen = [case for case in material.posted if not case.good]
        kinds = [classes.index(name) for case in seen for name in case.truth_classes]
        return cls(
            classes=tuple(classes),
            defects=_defects(seen, classes),
            kinds=np.array(kinds, np.int64),
            bad=_boards(bad, classes, recipe),
            good=_boards(boards.get("good", ()), classes, recipe),
            margin=recipe.review.margin,
            single=bool(single),
        )

    def only(self, samples: set[str]) -> Bench:
        """What comes from these images."""
        keep = [
            np.array([name in samples for name in rows.samples], np.bool_)
            for rows in (self.defects, self.bad, self.good)
        ]
        return replace(
            self,
            defects=self.defects.where(keep[0]),
            kinds=self.kinds[keep[0]],
            bad=self.bad.where(keep[1]),
            good=self.good.where(keep[2]),
        )

    @property
    def samples(self) -> list[str]:
        return sorted({*self.defects.samples, *self.bad.samples, *self.good.samples})

    def found(self, thresholds: FloatArray) -> Flags:
        """(n,) which defects a finding that counts meets."""
        return np.asarray((self.defects.scores >= thresholds).any(axis=1), np.bool_)

    def not_ok(self, rows: Rows, thresholds: FloatArray) -> Flags:
        """(n,) which boards are NG or REVIEW."""
        return np.asarray((rows.scores >= thresholds - self.margin).any(axis=1) | rows.doubted, np.bool_)

    def cost(self, thresholds: FloatArray) -> Cost:
        escaped, rejected = ~self.not_ok(self.bad, thresholds), self.not_ok(self.good, thresholds)
        return Cost(
            rate(int((~self.found(thresholds)).sum()), len(self.defects)),
            rate(int(escaped.sum()), len(self.bad)),
            rate(int(rejected.sum()), len(self.good)),
        )


def of_recipe(recipe: Recipe, classes: Sequence[str]) -> FloatArray:
    """(K,)"""
    return np.array([recipe.thresholds.of(name) for name in classes], np.float64)


def _boards(cases: Sequence[Case], classes: Sequence[str], recipe: Recipe) -> Rows:
    scores = np.zeros((len(cases), len(classes)))
    for row, case in enumerate(cases):
        for detection in case.prediction.detections:
            column = classes.index(detection.defect_class)
            scores[row, column] = max(scores[row, column], detection.score)
    doubted = np.array([_doubted(case, recipe) for case in cases], np.bool_)
    return Rows(scores, doubted, tuple(case.sample for case in cases))


def _doubted(case: Case, recipe: Recipe) -> bool:
    """Not OK without any finding."""
    seen = case.prediction
    bare = judge((), seen.classification, recipe, size=seen.size)
    return bare.verdict is not Verdict.OK


def _meets(case: Case) -> Flags:
    """(defects, detections)"""
    detections = case.prediction.detections
    if case.labels_only:
        return np.ones((len(case.truth_classes), len(detections)), np.bool_)
    overlaps = iou(case.truth_boxes, np.array([d.box for d in detections], np.float64))
    return np.asarray(overlaps > IOU, np.bool_)


def _defects(cases: Sequence[Case], classes: Sequence[str]) -> Rows:
    rows: list[FloatArray] = []
    samples: list[str] = []
    for case in cases:
        detections = case.prediction.detections
        for met in _meets(case):
            scores = np.zeros(len(classes))
            for detection, meets in zip(detections, met, strict=True):
                if meets:
                    column = classes.index(detection.defect_class)
                    scores[column] = max(scores[column], detection.score)
            rows.append(scores)
            samples.append(case.sample)
    return Rows(
        np.array(rows, np.float64).reshape(-1, len(classes)), np.zeros(len(rows), np.bool_), tuple(samples)
    )
