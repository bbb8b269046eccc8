"""What training does to a sample. Every function takes a generator, so that a seed fixes the outcome."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inspector.data.dataset import Boxes, Image, Labels
from inspector.data.healed import binarise, heal

MIN_VISIBLE = 0.4
"""Share of a box that a crop must keep for the box to stay a target."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded sample in the making. Labels without boxes are of the whole image, which is not cropped."""

    image: Image
    boxes: Boxes
    labels: Labels
    template: Image | None = None


@dataclass(frozen=True, slots=True)
class Augmentation:
    """Probabilities and ranges of the augmentation; the defaults suit small, rigid parts seen from above."""

    good: float = 0.15
    """All defects healed (needs a template): teaches what good looks like, boards with no box at all."""
    partly_good: float = 0.3
    """Some defects healed: the patches alone must not say that the part is good."""
    symmetries: bool = True
    """Flips and quarter turns."""
    contrast: float = 0.2
    binarise: float = 0.3
    """Share of images thresholded at mid grey, as many line cameras deliver them."""
    noise: float = 0.02
    """Largest standard deviation of Gaussian noise, of full scale."""


def augment(picture: Picture, size: int, recipe: Augmentation, rng: np.random.Generator) -> Picture:
    """One training crop of `size` x `size` pixels (smaller images are padded with zeros)."""
    picture = _crop(_healed(picture, recipe, rng), size, rng)
    if recipe.symmetries:
        picture = turn(picture, quarter_turns=int(rng.integers(4)), mirror=bool(rng.integers(2)))
    return Picture(_tones(picture.image, recipe, rng), picture.boxes, picture.labels)


def turn(picture: Picture, *, quarter_turns: int, mirror: bool) -> Picture:
    """Turn anticlockwise by quarter turns, then mirror left to right; the boxes go along."""
    image, boxes = picture.image, picture.boxes
    for _ in range(quarter_turns):
        width = image.shape[1]
        image = np.rot90(image)
        boxes = np.stack([boxes[:, 1], width - boxes[:, 2], boxes[:, 3], width - boxes[:, 0]], 1)
    if mirror:
        width = image.shape[1]
        image = image[:, ::-1]
        boxes = np.stack([width - boxes[:, 2], boxes[:, 1], width - boxes[:, 0], boxes[:, 3]], 1)
    return Picture(np.ascontiguousarray(image), boxes, picture.labels)


def _healed(picture: Picture, recipe: Augmentation, rng: np.random.Generator) -> Picture:
    if picture.template is None or len(picture.boxes) == 0:
        return picture
    chance = rng.random()
    if chance >= recipe.good + recipe.partly_good:
        return picture
    # No random number is below 0: nothing is kept then.
    keep = rng.random(len(picture.boxes)) < (0.0 if chance < recipe.good else 0.5)
    image, keep = heal(picture.image, picture.template, picture.boxes, keep, rng)
    return Picture(image, picture.boxes[keep], picture.labels[keep], picture.template)


def _crop(picture: Picture, size: int, rng: np.random.Generator) -> Picture:
    """A random window; half of them are laid around a box, or small sets would see mostly background."""
    height, width = picture.image.shape[:2]
    left, top = _corner(width, size, rng), _corner(height, size, rng)
    if len(picture.boxes) and rng.random() < 0.5:
        x1, y1, x2, y2 = picture.boxes[rng.integers(len(picture.boxes))]
        left = _corner_around(float(x1), float(x2), width, size, rng)
        top = _corner_around(float(y1), float(y2), height, size, rng)
    window = picture.image[top : top + size, left : left + size]
    padding = [(0, size - window.shape[0]), (0, size - window.shape[1])] + [(0, 0)] * (window.ndim - 2)
    if not len(picture.boxes):
        return Picture(np.pad(window, padding), picture.boxes, picture.labels)
    boxes, kept = _clip(picture.boxes - np.array([left, top, left, top], np.float32), size)
    return Picture(np.pad(window, padding), boxes, picture.labels[kept])


def _corner(length: int, size: int, rng: np.random.Generator) -> int:
    return int(rng.integers(max(length - size, 0) + 1))


def _corner_around(low: float, high: float, length: int, size: int, rng: np.random.Generator) -> int:
    first = max(0, min(int(high) - size, length - size))
    last = max(first, min(int(low), length - size))
    return int(rng.integers(first, last + 1))


def _clip(boxes: Boxes, size: int) -> tuple[Boxes, np.ndarray]:
    clipped = boxes.clip(0, size)
    visible = _area(clipped) / np.maximum(_area(boxes), 1e-6)
    kept = visible >= MIN_VISIBLE
    return clipped[kept], kept


def _area(boxes: Boxes) -> np.ndarray:
    area: np.ndarray = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return area


def _tones(image: Image, recipe: Augmentation, rng: np.random.Generator) -> Image:
    if rng.random() < recipe.binarise:
        return binarise(image)
    gain = 1 + recipe.contrast * rng.uniform(-1, 1)
    shift = 255 * recipe.contrast * rng.uniform(-0.5, 0.5)
    toned = image.astype(np.float32) * gain + shift
    if recipe.noise > 0 and rng.random() < 0.3:
        toned += rng.standard_normal(image.shape, np.float32) * (255 * recipe.noise * rng.random())
    return toned.clip(0, 255).astype(np.uint8)
