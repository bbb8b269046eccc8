"""One image's attention map M against its truth, at the image's resolution.

G is the union of the true boxes, or the defects' own pixels where the data has masks. M is read from its PNG
values, 0-255, as 0-1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inspector.data.dataset import Boxes
from inspector.imaging.opencv import cv2

Map = NDArray[np.float32]  # (H, W) or (h, w), 0-1
Mask = NDArray[np.bool_]  # (H, W)

SATURATED = (0.02, 0.98)

LEVELS = 1021
"""Steps in which `Pixels` counts the map: quarters of its 8 bits, since between cells it is interpolated."""


@dataclass(frozen=True, slots=True)
class Look:
    """What attention_metrics.py takes the means of."""

    energy: float
    """Sum of M inside G / sum of M."""
    area: float
    """G's share of the image."""
    pointed: bool
    """The highest cell of M lies in G."""
    peaks_found: int
    """Defects that hold one of the k highest peaks, k their number."""
    defects: int
    std: float
    outside: float
    """Share of M outside `SATURATED`."""
    highest: float
    mean: float
    by_mask: bool


@dataclass(frozen=True, slots=True)
class Pixels:
    """How many pixels have which level of M, 0 to `LEVELS` - 1."""

    good: NDArray[np.int64]  # (LEVELS,) outside every mask
    defects: NDArray[np.int64]  # (n, LEVELS) in each connected piece of the mask


def look(attention: NDArray[np.uint8], size: tuple[int, int], boxes: Boxes, mask: Mask | None) -> Look:
    """`attention` is (h, w), of the whole image of `size` (height, width)."""
    small = attention.astype(np.float32) / np.float32(255)
    energy, area, found, pointed = 0.0, 0.0, 0, False
    if len(boxes):
        inside = _union(boxes, size) if mask is None else mask
        energy, area = _energy(small, inside), float(inside.mean())
        peaks = _peaks(small, len(boxes), size)
        held = np.array([_holds(boxes, mask, x, y) for x, y in peaks])
        found, pointed = int(held.any(axis=0).sum()), bool(held[0].any())
    low, high = SATURATED
    return Look(
        energy=energy,
        area=area,
        pointed=pointed,
        peaks_found=found,
        defects=len(boxes),
        std=float(small.std()),
        outside=float(((small < low) | (small > high)).mean()),
        highest=float(small.max()),
        mean=float(small.mean()),
        by_mask=mask is not None,
    )


def pixels(attention: NDArray[np.uint8], size: tuple[int, int], mask: Mask | None) -> Pixels:
    """For AUPRO. Without a mask the image is good. Pieces are 8-connected."""
    levels = levels_of(attention, size)
    if mask is None:
        return Pixels(_count(levels), np.zeros((0, LEVELS), np.int64))
    pieces, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
    # One count of label and level together: a loop over the pieces would go over the image each time.
    joint = np.bincount(labels.ravel().astype(np.int64) * LEVELS + levels.ravel(), minlength=pieces * LEVELS)
    counts = joint.reshape(pieces, LEVELS)
    return Pixels(counts[0], counts[1:])


def levels_of(attention: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.int64]:
    """(H, W) M at the image's resolution, in 1020ths."""
    height, width = size
    field = cv2.resize(attention.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    levels: NDArray[np.int64] = np.rint(field * np.float32((LEVELS - 1) / 255)).astype(np.int64)
    return levels


def _count(levels: NDArray[np.int64]) -> NDArray[np.int64]:
    counts: NDArray[np.int64] = np.bincount(levels.ravel(), minlength=LEVELS)
    return counts


def _energy(small: Map, inside: Mask) -> float:
    height, width = inside.shape
    field = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    total = float(field.sum())
    return float(field[inside].sum()) / total if total else 0.0


def _union(boxes: Boxes, size: tuple[int, int]) -> Mask:
    inside = np.zeros(size, np.bool_)
    for x1, y1, x2, y2 in boxes.round().astype(int).tolist():
        inside[max(0, y1) : y2, max(0, x1) : x2] = True
    return inside


def _holds(boxes: Boxes, mask: Mask | None, x: float, y: float) -> NDArray[np.bool_]:
    """(n,): the defects that hold the point: in their box, and on the mask where there is one."""
    x1, y1, x2, y2 = boxes.T
    held: NDArray[np.bool_] = (x1 <= x) & (x < x2) & (y1 <= y) & (y < y2)
    return held if mask is None else held & bool(mask[int(y), int(x)])


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
