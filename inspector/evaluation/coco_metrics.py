"""mAP50 and mAP50-95 as COCO defines them, by pycocotools.

Its per-image matches are handed on as well: the bootstrap and the precision-recall curves are made from them
without asking it again.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from pydantic import BaseModel, ConfigDict

from inspector.evaluation.predictions import Case


class ClassScores(BaseModel):
    model_config = ConfigDict(frozen=True)

    map50: float
    map50_95: float
    truths: int


class CocoScores(BaseModel):
    """Fractions 0-1; a class without any truth is left out, also of the means."""

    model_config = ConfigDict(frozen=True)

    map50: float
    map50_95: float
    per_class: dict[str, ClassScores]


@dataclass(frozen=True, slots=True)
class Matched:
    """Every detection of one class, highest score first, as pycocotools matched it within its image."""

    image: NDArray[np.intp]  # (D,) index of its case
    score: NDArray[np.float64]  # (D,)
    right: NDArray[np.bool_]  # (10, D) at IoUs from 0.5 to 0.95
    truths: NDArray[np.int64]  # (n,) true boxes of the class in each case


@dataclass(frozen=True, slots=True)
class Evaluated:
    scores: CocoScores
    matched: dict[str, Matched]
    """By class; those without any truth are left out."""
    precision: dict[str, NDArray[np.float64]]
    """By class: (10, 101) at the IoUs and at recalls 0, 0.01, ... 1."""


def score(cases: Sequence[Case], classes: Sequence[str]) -> CocoScores | None:
    """None when there is no true box at all: then there is nothing to find."""
    evaluated = evaluate(cases, classes)
    return None if evaluated is None else evaluated.scores


def evaluate(cases: Sequence[Case], classes: Sequence[str]) -> Evaluated | None:
    """The same, with what it was made from."""
    if not any(len(case.truth_boxes) for case in cases):
        return None
    evaluation = _evaluation(cases, classes)
    precision: NDArray[np.float64] = evaluation.eval["precision"][:, :, :, 0, 0]
    truths = {
        name: np.array([case.truth_classes.count(name) for case in cases], np.int64) for name in classes
    }
    present = [(index, name) for index, name in enumerate(classes) if truths[name].sum()]
    per_class = {
        name: _class_scores(precision[:, :, index], int(truths[name].sum())) for index, name in present
    }
    scores = CocoScores(
        map50=float(np.mean([scores.map50 for scores in per_class.values()])),
        map50_95=float(np.mean([scores.map50_95 for scores in per_class.values()])),
        per_class=per_class,
    )
    return Evaluated(
        scores,
        {name: _matched(evaluation, index, len(cases), truths[name]) for index, name in present},
        {name: precision[:, :, index] for index, name in present},
    )


def _class_scores(precision: NDArray[np.float64], truths: int) -> ClassScores:
    return ClassScores(map50=float(precision[0].mean()), map50_95=float(precision.mean()), truths=truths)


def _evaluation(cases: Sequence[Case], classes: Sequence[str]) -> COCOeval:
    """At 10 IoUs from 0.5 to 0.95, 101 recalls, all areas, at most 100 detections an image."""
    # pycocotools prints its progress on stdout, which belongs to the report.
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = _truth(cases, classes)
        truth.createIndex()
        evaluation = COCOeval(truth, _found(truth, cases, classes), "bbox")
        # Small, medium and large objects apart, and fewer detections, are three quarters of the work.
        evaluation.params.areaRng, evaluation.params.areaRngLbl = evaluation.params.areaRng[:1], ["all"]
        evaluation.params.maxDets = evaluation.params.maxDets[-1:]
        evaluation.evaluate()
        evaluation.accumulate()
    return evaluation


def _matched(evaluation: COCOeval, index: int, images: int, truths: NDArray[np.int64]) -> Matched:
    """pycocotools lists its images class by class, None where there is nothing."""
    listed = evaluation.evalImgs[index * images : (index + 1) * images]
    rows = [(image, one) for image, one in enumerate(listed) if one is not None]
    image = np.concatenate([np.full(len(one["dtScores"]), number) for number, one in rows])
    score = np.concatenate([np.asarray(one["dtScores"], np.float64) for _, one in rows])
    right = np.concatenate([one["dtMatches"] > 0 for _, one in rows], axis=1)
    # The library's own order of equal scores.
    order = np.argsort(-score, kind="mergesort")
    return Matched(image[order].astype(np.intp), score[order], right[:, order], truths)


def _truth(cases: Sequence[Case], classes: Sequence[str]) -> dict[str, Any]:
    rows = [
        (image, classes.index(name), box)
        for image, case in enumerate(cases)
        for name, box in zip(case.truth_classes, case.truth_boxes.tolist(), strict=True)
    ]
    return {
        "images": [{"id": image} for image in range(len(cases))],
        "categories": [{"id": index, "name": name} for index, name in enumerate(classes)],
        # Ids start at 1: pycocotools takes 0 for "not matched".
        "annotations": [_annotation(number, *row) for number, row in enumerate(rows, 1)],
    }


def _annotation(number: int, image: int, category: int, box: Sequence[float]) -> dict[str, Any]:
    x, y, width, height = _xywh(box)
    return {
        "id": number,
        "image_id": image,
        "category_id": category,
        "bbox": [x, y, width, height],
        "area": width * height,
        "iscrowd": 0,
    }


def _found(truth: COCO, cases: Sequence[Case], classes: Sequence[str]) -> COCO:
    rows = [
        {
            "image_id": image,
            "category_id": classes.index(detection.defect_class),
            "bbox": _xywh(detection.box),
            "score": detection.score,
        }
        for image, case in enumerate(cases)
        for detection in case.prediction.detections
        if detection.defect_class in classes
    ]
    return truth.loadRes(rows) if rows else _empty(truth)


def _empty(truth: COCO) -> COCO:
    # loadRes refuses an empty list, though a model that finds nothing has a figure: 0.
    nothing = COCO()
    nothing.dataset = {**truth.dataset, "annotations": []}
    nothing.createIndex()
    return nothing


def _xywh(box: Sequence[float]) -> list[float]:
    x1, y1, x2, y2 = box
    return [x1, y1, x2 - x1, y2 - y1]
