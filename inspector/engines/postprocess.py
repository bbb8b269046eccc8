"""What is left of the network's output (sifting.py) -> detections, classification and map of each image.

look         one input of the network, whole image or tile -> View
inspection   the views of one image -> Inspection

Numbers that cannot be true are an error, never OK.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inspector.decision.verdict import Detection
from inspector.engines import classified
from inspector.engines.base import FloatArray, Sifted
from inspector.engines.seams import Corners, Found, frame, merge, stitch
from inspector.engines.sifting import check_probabilities
from inspector.imaging.opencv import cv2
from inspector.imaging.preprocess import Prepared, cells, to_source
from inspector.imaging.tiles import Tile
from inspector.messages.result import AttentionFacts, Classification
from inspector.models.bundle import Manifest

MAX_CANDIDATES = 3000
"""Of one image, by score, before boxes are compared with each other: bounds a quadratic step. Ten times the
findings that are kept."""

SCORE_DECIMALS = 5
BOX_DECIMALS = 2


@dataclass(frozen=True, slots=True)
class Inspection:
    """What the model says about one image, before any recipe."""

    detections: list[Detection]
    """Highest score first."""
    classification: Classification
    attention: NDArray[np.uint8]  # (h, w) round(255 x M), the whole field of view, no padding
    facts: AttentionFacts


@dataclass(frozen=True, slots=True)
class View:
    """What the network says about one tile. Boxes and map in the picture's grid, without the padding."""

    tile: Tile
    found: Found
    """Highest score first."""
    classes: FloatArray  # (1 + K,)
    attention: FloatArray  # (h, w)


def look(sifted: Sifted, prepared: Prepared, index: int, manifest: Manifest) -> View:
    """Of tile `index` of the image. Raises InspectionFailed when the network's numbers make no sense."""
    tile, stride = prepared.tiles[index], manifest.attention.stride
    height, width = _seen(tile, prepared)
    attention = sifted.attention[: cells(height, stride), : cells(width, stride)]
    for what, values in (("image-level scores", sifted.classes), ("a map", attention)):
        check_probabilities(what, float(values.min()), float(values.max()))
    found = _found(sifted, tile, (height, width), manifest)
    # A copy of the map: a view of it would hold the outputs of the whole run in memory.
    return View(tile, found, sifted.classes, attention.copy())


def inspection(views: Sequence[View], prepared: Prepared, manifest: Manifest) -> Inspection:
    """All views of one image, in any order."""
    attention = _map(views, prepared, manifest.attention.stride)
    # A part is as defective as its worst tile. 1 - prod(1 - p) would call any large part defective:
    # neighbours see the same pixels, so their doubts are not independent, and a hundred small ones are none.
    classes = np.max([view.classes for view in views], axis=0)
    return Inspection(
        detections=_all_detections(views, classes, attention, prepared, manifest),
        classification=_classification(classes, manifest.classes),
        attention=np.rint(attention.clip(0, 1) * 255).astype(np.uint8),
        facts=_facts(attention, manifest.attention.source),
    )


def _all_detections(
    views: Sequence[View],
    classes: FloatArray,
    attention: FloatArray,
    prepared: Prepared,
    manifest: Manifest,
) -> list[Detection]:
    """Boxes, and findings of the classes that have none: by the image's score, that of its worst tile."""
    boxed = _detections(views, prepared, manifest)
    if not manifest.image_level:
        return boxed
    found = classified.findings(classes, attention, prepared, manifest) + boxed
    return sorted(found, key=lambda detection: -detection.score)[: int(manifest.postprocess["max_findings"])]


def _seen(tile: Tile, prepared: Prepared) -> tuple[int, int]:
    """Height and width of the picture inside the tile."""
    height, width = prepared.inner
    return min(tile.height, height - tile.y), min(tile.width, width - tile.x)


def _found(sifted: Sifted, tile: Tile, seen: tuple[int, int], manifest: Manifest) -> Found:
    rules = manifest.postprocess
    inside = _touches(sifted.boxes, seen)
    boxes, strengths, labels = sifted.boxes[inside], sifted.scores[inside], sifted.labels[inside]
    strongest = np.argsort(-strengths, kind="stable")[:MAX_CANDIDATES]
    boxes, labels, strengths = boxes[strongest], labels[strongest], strengths[strongest]
    corners = np.clip(boxes.astype(np.float64), 0.0, [seen[1], seen[0]] * 2)
    kept = _suppress(corners, strengths, labels, rules["nms_iou"])[: int(rules["max_findings"])]
    corner = np.array([tile.x, tile.y] * 2, np.float64)
    frames = np.tile(np.array(frame(tile), np.float64), (len(kept), 1))
    return Found(corners[kept] + corner, strengths[kept], labels[kept], frames)


def _touches(boxes: FloatArray, seen: tuple[int, int]) -> NDArray[np.bool_]:
    """Which boxes reach into the picture; the others lie in the padding."""
    height, width = seen
    x1, y1, x2, y2 = boxes.T
    reaches: NDArray[np.bool_] = (x1 < width) & (y1 < height) & (x2 > 0) & (y2 > 0)
    return reaches


def _detections(views: Sequence[View], prepared: Prepared, manifest: Manifest) -> list[Detection]:
    rules = manifest.postprocess
    found = Found(*(np.concatenate(arrays) for arrays in zip(*(view.found for view in views), strict=True)))
    if len(views) > 1:
        strongest = np.argsort(-found.scores, kind="stable")[:MAX_CANDIDATES]
        found = merge(found.take(strongest), prepared.tiles, prepared.inner, rules["nms_iou"])
    most = int(rules["max_findings"])
    corners = to_source(found.corners[:most], prepared)
    # As lists: Python takes a number out of an array five times as slowly.
    rows = zip(found.labels[:most].tolist(), found.scores[:most].tolist(), corners.tolist(), strict=True)
    return [Detection(manifest.classes[label], _score(score), _box(corner)) for label, score, corner in rows]


def _map(views: Sequence[View], prepared: Prepared, stride: int) -> FloatArray:
    if len(views) == 1:
        return views[0].attention
    return stitch(((view.tile, view.attention) for view in views), prepared.inner, stride)


def _suppress(corners: Corners, scores: FloatArray, labels: NDArray[np.intp], iou: float) -> list[int]:
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
    defective, *rest = map(_score, values.tolist())
    return Classification(defective=defective, classes=dict(zip(classes, rest, strict=True)))


def _facts(attention: FloatArray, source: str) -> AttentionFacts:
    height, width = attention.shape
    low, high = _score(float(attention.min())), _score(float(attention.max()))
    return AttentionFacts(source=source, width=width, height=height, min=low, max=high)


def _score(value: float) -> float:
    return round(min(1.0, max(0.0, value)), SCORE_DECIMALS)


def _box(corner: Sequence[float]) -> tuple[float, float, float, float]:
    x1, y1, x2, y2 = corner
    return (
        round(x1, BOX_DECIMALS),
        round(y1, BOX_DECIMALS),
        round(x2, BOX_DECIMALS),
        round(y2, BOX_DECIMALS),
    )
