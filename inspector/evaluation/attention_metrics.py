"""Whether the attention map M points at the defects.

G is the union of the true boxes, A its share of the area.

energy       sum of M inside G / sum of M
enrichment   energy / A; a uniform map has 1
pointing     share of defective images whose highest cell lies in G
peak recall  share of defects that hold one of the k highest peaks of their image, k its number of defects
std          mean standard deviation of M: 0 is a map that says nothing
outside      mean share of M outside [0.02, 0.98]: near 1 is a map that has saturated
quiet        mean over good images of their maximum and mean: it should stay low

M is read from its PNG values, 0-255, as 0-1, and scored at the image's resolution.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from inspector.evaluation.predictions import Case
from inspector.imaging.opencv import cv2

Map = NDArray[np.float32]  # (H, W) or (h, w), 0-1

SATURATED = (0.02, 0.98)


class AttentionScores(BaseModel):
    model_config = ConfigDict(frozen=True)

    energy: float
    enrichment: float
    pointing: float
    peak_recall: float
    aupro: float | None = None
    """Needs pixel masks."""
    std: float
    outside: float
    quiet_max: float | None = None
    quiet_mean: float | None = None


def score(defective: Sequence[Case], good: Sequence[Case] = ()) -> AttentionScores | None:
    """None when no defective image with a map is there. Images without a map are left out."""
    looked = [case for case in defective if case.prediction.attention is not None and len(case.truth_boxes)]
    if not looked:
        return None
    rows = np.array([_image_scores(case) for case in looked], np.float64)
    energy, area, pointing, std, outside = rows.mean(axis=0).tolist()
    defects = sum(len(case.truth_boxes) for case in looked)
    quiet = [_map(case) for case in good if case.prediction.attention is not None]
    return AttentionScores(
        energy=energy,
        enrichment=energy / area,
        pointing=pointing,
        peak_recall=sum(_peaks_found(case) for case in looked) / defects,
        std=std,
        outside=outside,
        quiet_max=float(np.mean([field.max() for field in quiet])) if quiet else None,
        quiet_mean=float(np.mean([field.mean() for field in quiet])) if quiet else None,
    )


def _image_scores(case: Case) -> tuple[float, float, float, float, float]:
    small = _map(case)
    height, width = case.prediction.size
    field = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    inside = _union(case)
    total = float(field.sum())
    energy = float(field[inside].sum()) / total if total else 0.0
    x, y = _peaks(small, 1, case.prediction.size)[0]
    low, high = SATURATED
    outside = float(((small < low) | (small > high)).mean())
    return energy, float(inside.mean()), float(_holds(case, x, y).any()), float(small.std()), outside


def _map(case: Case) -> Map:
    attention = case.prediction.attention
    assert attention is not None  # noqa: S101 - every caller has left the others out
    return attention.astype(np.float32) / np.float32(255)


def _union(case: Case) -> NDArray[np.bool_]:
    inside = np.zeros(case.prediction.size, np.bool_)
    for x1, y1, x2, y2 in case.truth_boxes.round().astype(int).tolist():
        inside[max(0, y1) : y2, max(0, x1) : x2] = True
    return inside


def _peaks_found(case: Case) -> int:
    """How many defects hold a peak, of as many peaks as there are defects."""
    peaks = _peaks(_map(case), len(case.truth_boxes), case.prediction.size)
    held = [_holds(case, x, y) for x, y in peaks]
    return int(np.any(held, axis=0).sum())


def _holds(case: Case, x: float, y: float) -> NDArray[np.bool_]:
    """(n,): the true boxes that hold the point."""
    x1, y1, x2, y2 = case.truth_boxes.T
    held: NDArray[np.bool_] = (x1 <= x) & (x < x2) & (y1 <= y) & (y < y2)
    return held


def _peaks(field: Map, count: int, size: tuple[int, int]) -> list[tuple[float, float]]:
    """The `count` highest local maxima, or fewer, as x, y in pixels of the source image.

    Equal neighbours are one peak, at their middle: a saturated spot must not fill all the places.
    """
    tops = (field == cv2.dilate(field, np.ones((3, 3), np.uint8))).astype(np.uint8)
    _, spots, _, centres = cv2.connectedComponentsWithStats(tops, connectivity=8)
    heights = np.zeros(len(centres), np.float32)
    np.maximum.at(heights, spots.ravel(), field.ravel())
    order = 1 + np.argsort(-heights[1:], kind="stable")[:count]
    scale = np.array([size[1] / field.shape[1], size[0] / field.shape[0]])
    points = (centres[order] + 0.5) * scale
    return [(float(x), float(y)) for x, y in points]
