"""mAP50 and mAP50-95 as COCO defines them, by pycocotools."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
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


def score(cases: Sequence[Case], classes: Sequence[str]) -> CocoScores | None:
    """None when there is no true box at all: then there is nothing to find."""
    if not any(len(case.truth_boxes) for case in cases):
        return None
    precision = _precision(cases, classes)
    per_class = {
        name: _class_scores(precision[:, :, index], truths)
        for index, name in enumerate(classes)
        if (truths := sum(case.truth_classes.count(name) for case in cases))
    }
    return CocoScores(
        map50=float(np.mean([scores.map50 for scores in per_class.values()])),
        map50_95=float(np.mean([scores.map50_95 for scores in per_class.values()])),
        per_class=per_class,
    )


def _class_scores(precision: NDArray[np.float64], truths: int) -> ClassScores:
    return ClassScores(map50=float(precision[0].mean()), map50_95=float(precision.mean()), truths=truths)


def _precision(cases: Sequence[Case], classes: Sequence[str]) -> NDArray[np.float64]:
    """(10 IoUs from 0.5 to 0.95, 101 recalls, K classes), all areas, at most 100 detections an image."""
    # pycocotools prints its progress on stdout, which belongs to the report.
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = _truth(cases, classes)
        truth.createIndex()
        evaluation = COCOeval(truth, _found(truth, cases, classes), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
    precision: NDArray[np.float64] = evaluation.eval["precision"][:, :, :, 0, -1]
    return precision


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
