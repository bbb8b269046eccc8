"""What training does to a sample. Every function takes a generator, so that a seed fixes the outcome.

    healing (with a template) -> window, at some scale -> flips and turns -> tones

Which of it a data set gets is decided in `tailored.py`; defects of other images are pasted in `paste.py`,
before this; padding comes after it, when a batch is put together (training/loader.py).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from inspector.data.dataset import Boxes, Image, Labels
from inspector.data.healed import binarise, heal
from inspector.imaging.opencv import cv2

MIN_VISIBLE = 0.4
"""Share of a box that a crop must keep for the box to stay a target ..."""

FILLS = 0.1
"""... unless what it keeps fills this share of the crop: a defect larger than the crop is no background."""

SMALLEST_WINDOW = 32
"""Pixels: what a crop is cut from, whatever the scale."""

Symmetries = Literal["all", "flips", "none"]
"""All eight of the square; without quarter turns; none."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded sample in the making. Labels without boxes are of the whole image, which is not cropped."""

    image: Image
    """uint8, or uint16 of a camera with more bits."""
    boxes: Boxes
    labels: Labels
    template: Image | None = None
    whole: bool = False
    """Nothing of it may be cut off (training/whole.py)."""


@dataclass(frozen=True, slots=True)
class Augmentation:
    """Probabilities and ranges of the augmentation; the defaults suit binarised boards with templates."""

    good: float = 0.15
    """All defects healed (needs a template): teaches what good looks like, boards with no box at all."""
    partly_good: float = 0.3
    """Some defects healed: the patches alone must not say that the part is good."""
    symmetries: Symmetries = "all"
    contrast: float = 0.2
    """Largest change of contrast, of 1: a gain, as another exposure is."""
    brightness: float = 0.1
    """Largest change of brightness, of full scale."""
    binarise: float = 0.3
    """Share of images thresholded at mid grey, as many line cameras deliver them."""
    noise: float = 0.02
    """Largest standard deviation of Gaussian noise, of full scale; in three of ten images."""
    blur: float = 0.0
    """Largest standard deviation of Gaussian blur, pixels; in one of five images."""
    tint: float = 0.0
    """Largest change of one colour against the others, of 1."""
    scale: float = 0.0
    """Largest enlargement, and its inverse: 0.15 is a size of 1/1.15 to 1.15."""
    paste: float = 0.0
    """Share of images that get patches of others (`paste.py`)."""


def augment(
    picture: Picture,
    size: int,
    recipe: Augmentation,
    rng: np.random.Generator,
    *,
    white: int = 255,
    across: bool | None = None,
) -> Picture:
    """One training crop of `size` x `size` pixels, or what there is of a smaller image.

    `white` is the stored level of white. With 255 the crop is uint8, else float32 of 0-255. `across` decides
    on the quarter turn, where such turns are allowed; None: either.
    """
    picture = _window(_healed(picture, recipe, rng), size, recipe.scale, rng)
    picture = _symmetric(picture, recipe.symmetries, rng, across)
    return Picture(_tones(picture.image, recipe, rng, white), picture.boxes, picture.labels)


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


def drawn_symmetry(
    symmetries: Symmetries, rng: np.random.Generator, across: bool | None = None
) -> tuple[int, bool]:
    """(quarter turns, mirror) of one of those allowed, each as likely; `across` says if turns are odd."""
    if symmetries == "none":
        return 0, False
    # Without quarter turns: the half turn, and both mirrors.
    turns = int(rng.integers(4)) if symmetries == "all" else 2 * int(rng.integers(2))
    if symmetries == "all" and across is not None:
        turns = turns // 2 * 2 + across
    return turns, bool(rng.integers(2))


def _symmetric(
    picture: Picture, symmetries: Symmetries, rng: np.random.Generator, across: bool | None
) -> Picture:
    turns, mirror = drawn_symmetry(symmetries, rng, across)
    return turn(picture, quarter_turns=turns, mirror=mirror)


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


def _window(picture: Picture, size: int, scale: float, rng: np.random.Generator) -> Picture:
    """A random window that is at most `size` each way once it is scaled.

    Half of them are laid around a box, or small sets would see mostly background.
    """
    factor = math.exp(rng.uniform(-1, 1) * math.log1p(scale)) if scale > 0 else 1.0
    if picture.whole:
        return _scaled(picture, size, min(factor, size / max(picture.image.shape[:2])))
    side = max(SMALLEST_WINDOW, math.floor(size / factor))
    height, width = picture.image.shape[:2]
    left, top = _corner(width, side, rng), _corner(height, side, rng)
    if len(picture.boxes) and rng.random() < 0.5:
        x1, y1, x2, y2 = picture.boxes[rng.integers(len(picture.boxes))]
        left = _corner_around(float(x1), float(x2), width, side, rng)
        top = _corner_around(float(y1), float(y2), height, side, rng)
    window = picture.image[top : top + side, left : left + side]
    boxes, kept = _clip(picture.boxes - np.array([left, top, left, top], np.float32), window.shape, side)
    return _scaled(Picture(window, boxes, picture.labels[kept]), size, factor)


def _corner(length: int, side: int, rng: np.random.Generator) -> int:
    return int(rng.integers(max(length - side, 0) + 1))


def _corner_around(low: float, high: float, length: int, side: int, rng: np.random.Generator) -> int:
    first = max(0, min(int(high) - side, length - side))
    last = max(first, min(int(low), length - side))
    return int(rng.integers(first, last + 1))


def _clip(boxes: Boxes, shape: tuple[int, ...], side: int) -> tuple[Boxes, np.ndarray]:
    height, width = shape[:2]
    clipped = boxes.clip(0, [width, height, width, height]).astype(np.float32)
    visible = _area(clipped) / np.maximum(_area(boxes), 1e-6)
    kept = (visible >= MIN_VISIBLE) | (_area(clipped) >= FILLS * side * side)
    return clipped[kept], kept


def _area(boxes: Boxes) -> np.ndarray:
    area: np.ndarray = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return area


def _scaled(picture: Picture, size: int, factor: float) -> Picture:
    if factor == 1.0:
        return picture
    height, width = picture.image.shape[:2]
    shape = [max(1, min(size, round(side * factor))) for side in (width, height)]
    kind = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    image = cv2.resize(np.ascontiguousarray(picture.image), shape, interpolation=kind).astype(
        picture.image.dtype
    )
    ratios = np.array([shape[0] / width, shape[1] / height] * 2, np.float32)
    return Picture(image, picture.boxes * ratios, picture.labels)


def _tones(image: Image, recipe: Augmentation, rng: np.random.Generator, white: int) -> Image:
    if rng.random() < recipe.binarise:
        return binarise(image)
    gain = 1 + recipe.contrast * rng.uniform(-1, 1)
    shift = 255 * recipe.brightness * rng.uniform(-1, 1)
    toned = image.astype(np.float32)
    if white != 255:
        toned *= 255 / white
    if recipe.blur > 0 and rng.random() < 0.2:
        toned = cv2.GaussianBlur(toned, (0, 0), recipe.blur * max(rng.random(), 0.1)).astype(np.float32)
    if recipe.tint > 0 and image.ndim == 3:
        toned *= 1 + recipe.tint * rng.uniform(-1, 1, 3).astype(np.float32)
    toned = toned * gain + shift
    if recipe.noise > 0 and rng.random() < 0.3:
        toned += rng.standard_normal(image.shape, np.float32) * (255 * recipe.noise * rng.random())
    toned = toned.clip(0, 255)
    # More bits than eight are kept: they are why such a camera was bought.
    return np.asarray(toned, np.uint8 if white == 255 else np.float32)
