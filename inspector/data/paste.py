"""Patches of some images laid into others: defects where there are few, and good patches as their controls.

A network that sees ten defects learns those ten places. A defect pasted elsewhere, onto a good image too, is
a new example (Ghiasi et al., "Simple Copy-Paste", CVPR 2021). So that the patch itself says nothing, its edge
is feathered, it takes on the brightness of the ground it comes to, and as many patches without a defect are
laid in the same way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from inspector.data.augment import Picture, Symmetries, drawn_symmetry, turn
from inspector.data.dataset import Boxes, Image, Sample, as_boxes, as_labels

MARGIN = 0.25
"""Ground around a defect that comes along, of its longer side ..."""

LEAST_MARGIN = 4
"""... and at least so many pixels: the feathered edge needs some."""

LARGEST = 0.5
"""Of a picture's side: a larger patch would replace the picture rather than add to it."""

MOST_PATCHES = 2
"""Laid into one picture."""

_PLACES = 12
"""Random places tried for a patch; the one whose ground is most like the patch's own is taken."""

_Rect = tuple[int, int, int, int]


class Donor(NamedTuple):
    """A defect that can be lifted out: no other box comes near it."""

    sample: Sample
    box: int
    """Index into `sample.boxes`."""


@dataclass(frozen=True, slots=True)
class _Patch:
    """A piece of ground, with a defect in it or none."""

    pixels: Image
    boxes: Boxes  # (1, 4) or (0, 4), pixels of the patch
    label: int
    place: tuple[float, float]
    """Where its corner lay, as shares of the image: defects keep to edges, seams and the like."""


def donors(samples: Sequence[Sample], labels: frozenset[int]) -> tuple[Donor, ...]:
    """The defects of those classes that can be lifted out."""
    return tuple(
        Donor(sample, index)
        for sample in samples
        if len(sample.boxes)
        for index, label in enumerate(sample.labels.tolist())
        if label in labels and _alone(sample.boxes, index)
    )


def paste(
    host: Picture, donor: Donor, source: Image, symmetries: Symmetries, rng: np.random.Generator
) -> Picture:
    """`host` with one or two patches of `source`, the donor's image: its defect, or ground of that size.

    What fits nowhere is left out. The host's own boxes are never covered.
    """
    for _ in range(int(rng.integers(1, MOST_PATCHES + 1))):
        patch = _defect(donor, source) if rng.random() < 0.5 else _ground(donor, source, rng)
        if patch is not None:
            host = _laid(host, _turned(patch, symmetries, rng), rng)
    return host


def _alone(boxes: Boxes, index: int) -> bool:
    x1, y1, x2, y2 = boxes[index]
    margin = _margin(boxes[index])
    others = np.delete(boxes, index, axis=0)
    meets = (others[:, 0] < x2 + margin) & (others[:, 2] > x1 - margin)
    meets &= (others[:, 1] < y2 + margin) & (others[:, 3] > y1 - margin)
    return not meets.any()


def _margin(box: Boxes) -> int:
    longer = float(max(box[2] - box[0], box[3] - box[1]))
    return max(LEAST_MARGIN, round(MARGIN * longer))


def _around(box: Boxes, shape: tuple[int, ...]) -> _Rect:
    """Whole pixels around a box with its margin, inside an image of `shape`."""
    margin = _margin(box)
    x1, y1 = (max(0, int(np.floor(side)) - margin) for side in box[:2])
    x2, y2 = (
        min(limit, int(np.ceil(side)) + margin) for side, limit in zip(box[2:], shape[1::-1], strict=True)
    )
    return x1, y1, x2, y2


def _defect(donor: Donor, source: Image) -> _Patch | None:
    box = donor.sample.boxes[donor.box]
    rect = _around(box, source.shape)
    own = as_boxes([box - np.array([*rect[:2], *rect[:2]], np.float32)])
    return _cut(source, rect, own, int(donor.sample.labels[donor.box]))


def _ground(donor: Donor, source: Image, rng: np.random.Generator) -> _Patch | None:
    """As large as the defect with its margin, where no defect is; None if no place is found."""
    x1, y1, x2, y2 = _around(donor.sample.boxes[donor.box], source.shape)
    width, height = x2 - x1, y2 - y1
    for _ in range(_PLACES):
        left = int(rng.integers(source.shape[1] - width + 1))
        top = int(rng.integers(source.shape[0] - height + 1))
        rect = (left, top, left + width, top + height)
        if _free(rect, donor.sample.boxes):
            return _cut(source, rect, as_boxes([]), 0)
    return None


def _cut(source: Image, rect: _Rect, boxes: Boxes, label: int) -> _Patch | None:
    x1, y1, x2, y2 = rect
    if x2 <= x1 or y2 <= y1:
        return None
    place = (x1 / source.shape[1], y1 / source.shape[0])
    return _Patch(source[y1:y2, x1:x2], boxes, label, place)


def _turned(patch: _Patch, symmetries: Symmetries, rng: np.random.Generator) -> _Patch:
    # No quarter turns: the ground has its direction (grinding, weave), and the whole picture is turned later.
    turns, mirror = drawn_symmetry("flips" if symmetries == "all" else symmetries, rng)
    labels = as_labels([0] * len(patch.boxes))
    turned = turn(Picture(patch.pixels, patch.boxes, labels), quarter_turns=turns, mirror=mirror)
    return _Patch(turned.image, turned.boxes, patch.label, patch.place)


def _laid(host: Picture, patch: _Patch, rng: np.random.Generator) -> Picture:
    rect = _place(host, patch, rng)
    if rect is None:
        return host
    x1, y1, x2, y2 = rect
    image = host.image.copy()
    image[y1:y2, x1:x2] = _blended(image[y1:y2, x1:x2], patch)
    boxes = np.concatenate([host.boxes, patch.boxes + np.array([x1, y1, x1, y1], np.float32)])
    labels = np.concatenate([host.labels, as_labels([patch.label] * len(patch.boxes))])
    return Picture(image, boxes, labels, host.template)


def _place(host: Picture, patch: _Patch, rng: np.random.Generator) -> _Rect | None:
    height, width = patch.pixels.shape[:2]
    rows, columns = host.image.shape[:2]
    if height > LARGEST * rows or width > LARGEST * columns:
        return None
    wanted = float(_ring(patch.pixels).mean())
    best: tuple[float, _Rect] | None = None
    for number in range(_PLACES):
        share = rng.random(2)
        if number % 2:  # near where it was
            share = (np.array(patch.place) + rng.uniform(-0.15, 0.15, 2)).clip(0, 1)
        left = min(int(share[0] * columns), columns - width)
        top = min(int(share[1] * rows), rows - height)
        rect = (left, top, left + width, top + height)
        if not _free(rect, host.boxes):
            continue
        away = abs(float(_ring(host.image[top : top + height, left : left + width]).mean()) - wanted)
        if best is None or away < best[0]:
            best = (away, rect)
    return best[1] if best else None


def _free(rect: _Rect, boxes: Boxes) -> bool:
    x1, y1, x2, y2 = rect
    meets = (boxes[:, 0] < x2) & (boxes[:, 2] > x1) & (boxes[:, 1] < y2) & (boxes[:, 3] > y1)
    return not meets.any()


def _ring(pixels: Image) -> Image:
    """The outermost pixels, (n,) or (n, 3)."""
    edges = (pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1])
    return np.concatenate(edges)


def _blended(ground: Image, patch: _Patch) -> Image:
    """The patch, as bright as the ground at its edge, faded into it over its outermost pixels."""
    lift = _ring(ground).mean(axis=0) - _ring(patch.pixels).mean(axis=0)
    weight = _feather(*ground.shape[:2])
    if ground.ndim == 3:
        weight = weight[..., None]
    mixed = ground * (1 - weight) + (patch.pixels + lift) * weight
    limit = np.iinfo(ground.dtype).max
    return np.asarray(mixed.clip(0, limit), ground.dtype)


def _feather(height: int, width: int) -> NDArray[np.float64]:
    """(h, w) 0-1: rises from the edge to 1 within LEAST_MARGIN pixels."""
    sides = [
        np.minimum(np.arange(n) + 1, np.arange(n)[::-1] + 1) / (LEAST_MARGIN + 1) for n in (height, width)
    ]
    return np.minimum(1.0, sides[0])[:, None] * np.minimum(1.0, sides[1])[None]
