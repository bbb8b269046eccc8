"""RawOutput -> detections, classification and map of each image.

Numbers that cannot be true are an error, never OK.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inspector.decision.verdict import Detection
from inspector.engines import classified
from inspector.engines.base import FloatArray, RawOutput
from inspector.errors import InspectionFailed
from inspector.imaging.opencv import cv2
from inspector.imaging.preprocess import Prepared, crop_map, to_source
from inspector.messages.result import AttentionFacts, Classification
from inspector.models.bundle import Manifest

MAX_CANDIDATES = 3000
"""Of one image, by score, before boxes are compared with each other: bounds a quadratic step. Ten times the
findings that are kept."""

SCORE_DECIMALS = 5
BOX_DECIMALS = 2

_TOLERANCE = 1e-3
"""How far rounding in a reduced precision may push a probability out of 0-1."""


@dataclass(frozen=True, slots=True)
class Inspection:
    """What the model says about one image, before any recipe."""

    detections: list[Detection]
    """Highest score first."""
    classification: Classification
    attention: NDArray[np.uint8]  # (h, w) round(255 x M), the whole field of view, no padding
    facts: AttentionFacts
    downscale: float
    """Network pixels per source pixel; below 1 the image was shrunk."""


def inspection(raw: RawOutput, index: int, prepared: Prepared, manifest: Manifest) -> Inspection:
    """Image `index` of the batch. Raises InspectionFailed when the network's numbers make no sense."""
    boxes, scores, classes = raw.boxes[index], raw.scores[index], raw.classes[index]
    attention = crop_map(raw.attention[index], prepared, manifest.attention.stride)
    if not np.isfinite(boxes).all():
        raise InspectionFailed("the network gave boxes that are not numbers")
    for what, values in (("scores", scores), ("image-level scores", classes), ("a map", attention)):
        _check_probabilities(what, values)
    return Inspection(
        detections=_all_detections(boxes, scores, classes, attention, prepared, manifest),
        classification=_classification(classes, manifest.classes),
        attention=np.rint(attention.clip(0, 1) * 255).astype(np.uint8),
        facts=_facts(attention, manifest.attention.source),
        downscale=min(1.0, prepared.scale / manifest.input.trained_scale),
    )


def _check_probabilities(what: str, values: FloatArray) -> None:
    # Written so that NaN fails it: every comparison with NaN is false.
    if not ((values >= -_TOLERANCE) & (values <= 1 + _TOLERANCE)).all():
        raise InspectionFailed(f"the network gave {what} that are not within 0-1")


def _all_detections(
    boxes: FloatArray,
    scores: FloatArray,
    classes: FloatArray,
    attention: FloatArray,
    prepared: Prepared,
    manifest: Manifest,
) -> list[Detection]:
    """Boxes, and findings of the classes that have none."""
    if not manifest.image_level:
        return _detections(boxes, scores, prepared, manifest)
    labelled = classified.findings(classes, attention, prepared, manifest)
    with_boxes = np.array([name not in manifest.image_level for name in manifest.classes])
    found = labelled + _detections(boxes, scores * with_boxes, prepared, manifest)
    return sorted(found, key=lambda detection: -detection.score)[: int(manifest.postprocess["max_findings"])]


def _detections(
    boxes: FloatArray, scores: FloatArray, prepared: Prepared, manifest: Manifest
) -> list[Detection]:
    rules = manifest.postprocess
    points, labels = np.nonzero((scores >= rules["min_score"]) & _touches(boxes, prepared)[:, None])
    strengths = scores[points, labels]
    strongest = np.argsort(-strengths, kind="stable")[:MAX_CANDIDATES]
    points, labels, strengths = points[strongest], labels[strongest], strengths[strongest]
    corners = to_source(boxes[points], prepared)
    kept = _suppress(corners, strengths, labels, rules["nms_iou"])[: int(rules["max_findings"])]
    return [
        Detection(manifest.classes[label], _score(score), _box(corner))
        for label, score, corner in zip(labels[kept], strengths[kept], corners[kept], strict=True)
    ]


def _touches(boxes: FloatArray, prepared: Prepared) -> NDArray[np.bool_]:
    """Which boxes reach into the picture; the others lie in the padding."""
    height, width = prepared.inner
    x1, y1, x2, y2 = boxes.T
    reaches: NDArray[np.bool_] = (x1 < width) & (y1 < height) & (x2 > 0) & (y2 > 0)
    return reaches


def _suppress(
    corners: NDArray[np.float64], scores: FloatArray, labels: NDArray[np.intp], iou: float
) -> list[int]:
    """Non-maximum suppression within each class; indices in the order given, which is by score."""
    if len(scores) == 0:
        return []
    rects = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1)
    # Only what is filtered already comes here, so the threshold lets all of it through.
    kept = cv2.dnn.NMSBoxesBatched(
        rects.tolist(), scores.tolist(), labels.tolist(), score_threshold=-1.0, nms_threshold=iou
    )
    return sorted(int(index) for index in kept)


def _classification(values: FloatArray, classes: list[str]) -> Classification:
    return Classification(
        defective=_score(values[0]),
        classes={name: _score(value) for name, value in zip(classes, values[1:], strict=True)},
    )


def _facts(attention: FloatArray, source: str) -> AttentionFacts:
    height, width = attention.shape
    low, high = _score(attention.min()), _score(attention.max())
    return AttentionFacts(source=source, width=width, height=height, min=low, max=high)


def _score(value: np.floating) -> float:
    return round(min(1.0, max(0.0, float(value))), SCORE_DECIMALS)


def _box(corner: NDArray[np.float64]) -> tuple[float, float, float, float]:
    x1, y1, x2, y2 = (round(float(side), BOX_DECIMALS) for side in corner)
    return (x1, y1, x2, y2)
