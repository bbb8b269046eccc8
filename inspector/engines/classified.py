"""Findings of classes that the model knows from image labels alone: it has no boxes for them.

The score is the image's, so that thresholds work as ever and a defective part is never OK for want of a box.
The box says where the map is high: one place for all such classes, since there is one map.
"""

from __future__ import annotations

import numpy as np

from inspector.decision.verdict import Detection
from inspector.engines.base import FloatArray
from inspector.imaging.opencv import cv2
from inspector.imaging.preprocess import Prepared, to_source
from inspector.models.bundle import Manifest

FLAT = 0.02
"""Between the highest and the lowest value of a map: it points nowhere, and the box is the whole image."""

HALF = 0.5
"""Of the peak's value: down to it the region around the peak belongs to the box."""


def findings(
    classes: FloatArray, attention: FloatArray, prepared: Prepared, manifest: Manifest
) -> list[Detection]:
    """`classes` (1 + K,) 0-1: defective, then each class; `attention` (h, w) 0-1 of the whole picture,
    without padding."""
    scores = _scores(classes, manifest)
    box = region(attention, prepared, manifest.attention.stride)
    return [
        Detection(name, round(min(1.0, score), 5), box)
        for name, score in sorted(scores.items(), key=lambda item: -item[1])
        if score >= manifest.postprocess["min_score"]
    ]


def _scores(classes: FloatArray, manifest: Manifest) -> dict[str, float]:
    """Of each such class. Where there are no others, the likeliest is as likely as any defect at all: a part
    that looks defective in a way that no class fits must not pass."""
    of_class = dict(zip(manifest.classes, classes[1:].tolist(), strict=True))
    scores = {name: of_class[name] for name in manifest.image_level}
    if scores and manifest.task == "classify":
        likeliest = max(scores, key=lambda name: scores[name])
        scores[likeliest] = max(scores[likeliest], float(classes[0]))
    return scores


def region(attention: FloatArray, prepared: Prepared, stride: int) -> tuple[float, float, float, float]:
    """The extent of what is high around the map's peak, in pixels of the source image."""
    peak = np.unravel_index(int(attention.argmax()), attention.shape)
    if attention.max() - attention.min() < FLAT:
        return (0.0, 0.0, float(prepared.width), float(prepared.height))
    high = (attention >= HALF * attention.max()).astype(np.uint8)
    _, pieces, stats, _ = cv2.connectedComponentsWithStats(high, connectivity=8)
    x, y, width, height, _ = stats[pieces[peak]].tolist()
    cells = np.array([[x, y, x + width, y + height]], np.float64)
    x1, y1, x2, y2 = (round(float(side), 2) for side in to_source(cells * stride, prepared)[0])
    return (x1, y1, x2, y2)
