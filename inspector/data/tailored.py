"""Which augmentation and sampling fit a data set: decided once from its training part, and said in sentences.

Everything here is read off the images and boxes themselves; nothing depends on a data set's name. What is
decided is written to the run's config, so that a run that goes on does not decide again.

    tones       continuous images, or black and white ones
    symmetries  flips and turns, unless the classes are told apart by direction
    scale       a little, unless aligned templates show that the optics are fixed
    paste       where a class has few examples
    sampling    rare classes, good images
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from inspector.data.augment import Augmentation, Symmetries
from inspector.data.dataset import Dataset, Image, Sample
from inspector.data.paste import donors
from inspector.data.sampling import class_factors, images_of_class
from inspector.errors import BadInput, DataError
from inspector.imaging.decode import Channels
from inspector.imaging.files import read_image

LOOKED_AT = 60
"""Images that are decoded to see what they are like, evenly spread."""

BLACK, WHITE = 8, 247
"""Grey levels up to, and from which on, a pixel counts as black or white."""

GREY_SHARE = 0.05
"""Of the pixels: with no more in between, an image is black and white with soft edges (DeepPCB: 0.018)."""

INK_SHARE = 0.02
"""Of the pixels, black and white each: less is a part before an empty background, not a binary image."""

FEW_DEFECTS = 60
"""Of a class: with fewer, its defects are pasted into other images too."""

IMBALANCE = 2.0
"""Images of the commonest class to those of the rarest, from which on rare ones are shown more often."""

GOOD_SHARES = (0.15, 0.4)
"""Of the images shown: few good ones are shown more often (up to three times), many less."""

LONGISH = 1.5
"""Length to width from which on a box has a direction."""

ONE_WAY = 0.9
"""Share of a class's longish boxes along one axis that makes the direction its mark."""

FEWEST_LONGISH = 8
"""Boxes: fewer of one direction may be chance."""

ALIKE = 1.5
"""Ratio of two classes' median sides: within it, a turn may make one class look like the other."""

_NAMES = {"all": "flips and quarter turns", "flips": "flips, no quarter turns", "none": "no flips or turns"}

_AS_THEY_ARE = (
    "images are black and white; shown as they are, not binarised: some have a class and no box, and a faint "
    "defect would be gone"
)

_SIDED = re.compile(r"(^|[^a-z])(left|right|upper|lower|top|bottom)([^a-z]|$)", re.IGNORECASE)
_DIRECTED = re.compile(r"horizontal|vertical|transvers|longitudinal", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Tailored:
    augmentation: Augmentation
    balance: float
    """Exponent of `sampling.shares`."""
    good_share: float | None
    sentences: tuple[str, ...]
    """What was decided and why, for people."""


def tailored(
    data: Dataset, channels: Channels, symmetries: Literal["auto"] | Symmetries = "auto", *, white: int = 255
) -> Tailored:
    """Raises DataError for an image that cannot be read. `data`: the training part; `white`: its white."""
    images = [_pixels(sample, channels) for sample in _spread(data.samples)]
    fixed = any(sample.template is not None for sample in data.samples)
    allowed, turning = _symmetries(data, symmetries)
    tones, toned = _tones(images, channels, white, fixed=fixed)
    if tones["binarise"] and any(sample.labels_only for sample in data.samples):
        # A threshold at mid grey can wipe out a defect, and of these only the label would be left.
        tones, toned = tones | {"binarise": 0.0}, (_AS_THEY_ARE,)
    paste, pasted = _paste(data, fixed=fixed)
    balance, good_share, sampled = _sampling(data, fixed=fixed)
    augmentation = Augmentation(symmetries=allowed, paste=paste, **tones)
    return Tailored(augmentation, balance, good_share, (*toned, turning, *pasted, *sampled))


def pasted_classes(data: Dataset) -> frozenset[int]:
    """Those with few defects; all of them, in a set that has few at all."""
    counts = Counter(label for s in data.samples if len(s.boxes) for label in s.labels.tolist())
    return frozenset(label for label, count in counts.items() if count < FEW_DEFECTS)


def _tones(
    images: Sequence[Image], channels: Channels, white: int, *, fixed: bool
) -> tuple[dict[str, float], tuple[str, ...]]:
    binary = sum(_is_binary(image) for image in images) if white == 255 else 0
    if binary > len(images) / 2:
        text = f"{binary} of {len(images)} images looked at are black and white: 30 % are shown binarised"
        return {"binarise": 0.3}, (text,)
    contrast = round(float(np.clip(0.15 + 2 * _brightness_spread(images) / white, 0.2, 0.3)), 2)
    tones = {
        "binarise": 0.0,
        "contrast": contrast,
        "brightness": 0.06,
        "blur": 1.0,
        "scale": 0.0 if fixed else 0.15,
    }
    tinted = ", colours" if channels == 3 else ""
    scaled = "" if fixed else ", scale by up to 15 %"
    varied = f"contrast{tinted} by up to {100 * contrast:.0f} %, brightness{scaled}, noise and blur"
    return tones | {"tint": 0.1 if channels == 3 else 0.0}, (f"images have tones; varied are {varied}",)


def _is_binary(image: Image) -> bool:
    black, white = float((image <= BLACK).mean()), float((image >= WHITE).mean())
    return 1 - black - white <= GREY_SHARE and min(black, white) >= INK_SHARE


def _brightness_spread(images: Sequence[Image]) -> float:
    """Standard deviation of the images' means, in stored levels."""
    return float(np.std([image.mean() for image in images]))


def _symmetries(data: Dataset, wanted: Literal["auto"] | Symmetries) -> tuple[Symmetries, str]:
    if wanted != "auto":
        return wanted, f"{_NAMES[wanted]}: --symmetries {wanted}"
    if sided := [name for name in data.classes if _SIDED.search(name)]:
        return "none", f"no flips or turns: class {sided[0]!r} names a side (--symmetries changes it)"
    if directed := [name for name in data.classes if _DIRECTED.search(name)]:
        return "flips", f"flips, no quarter turns: class {directed[0]!r} names a direction"
    if ways := _opposed(data):
        wide, tall = (data.classes[label] for label in ways)
        return "flips", f"flips, no quarter turns: {wide!r} lies across and {tall!r} upright"
    return "all", "flips and quarter turns (--symmetries none for parts with a direction, as writing has)"


def _opposed(data: Dataset) -> tuple[int, int] | None:
    """Two classes whose boxes lie across and upright, nearly all of them, and are of one size otherwise."""
    boxed = [sample for sample in data.samples if len(sample.boxes)]
    if not boxed:
        return None
    sides = np.concatenate([sample.boxes[:, 2:] - sample.boxes[:, :2] for sample in boxed])
    labels = np.concatenate([sample.labels for sample in boxed])
    of_class = [sides[labels == label] for label in range(len(data.classes))]
    across = [label for label, own in enumerate(of_class) if _leans(own)]
    upright = [label for label, own in enumerate(of_class) if _leans(own[:, ::-1])]
    pairs = ((a, b) for a in across for b in upright if _alike(of_class[a], of_class[b][:, ::-1]))
    return next(pairs, None)


def _leans(sides: np.ndarray) -> bool:
    """(n, 2) width and height: whether they lie across."""
    width, height = sides.T
    along, against = (width > LONGISH * height).sum(), (height > LONGISH * width).sum()
    return bool(along >= FEWEST_LONGISH and along >= ONE_WAY * (along + against))


def _alike(left: np.ndarray, right: np.ndarray) -> bool:
    ratio = np.median(left, axis=0) / np.maximum(np.median(right, axis=0), 1e-6)
    return bool((np.maximum(ratio, 1 / np.maximum(ratio, 1e-6)) < ALIKE).all())


def _paste(data: Dataset, *, fixed: bool) -> tuple[float, tuple[str, ...]]:
    rare = pasted_classes(data)
    # Where there are templates, defects are healed instead, and every board has many.
    if fixed or not donors(data.samples, rare):
        return 0.0, ()
    share = 0.5 if len(rare) == len(data.classes) else 0.25
    names = ", ".join(data.classes[label] for label in sorted(rare))
    return share, (
        f"few examples of {names}: pasted into {100 * share:.0f} % of the images, with good controls",
    )


def _sampling(data: Dataset, *, fixed: bool) -> tuple[float, float | None, tuple[str, ...]]:
    sentences = []
    counts = images_of_class(data.samples, len(data.classes))
    present = counts[counts > 0]
    # A board with templates holds defects of most classes; its image is no image of one class.
    uneven = len(present) > 0 and present.max() > IMBALANCE * present.min()
    balance = 0.5 if uneven and not fixed else 0.0
    if balance:
        factors = class_factors(counts, balance)
        often = [f"{name} x{f:.1f}" for name, f in zip(data.classes, factors, strict=True) if f > 1.15]
        sentences.append(f"images of rare classes are shown more often: {', '.join(often)}")
    natural = float(np.mean([not len(sample.labels) for sample in data.samples]))
    wanted = min(max(natural, min(GOOD_SHARES[0], 3 * natural)), GOOD_SHARES[1])
    if abs(wanted - natural) < 0.005:
        return balance, None, tuple(sentences)
    sentences.append(
        f"{100 * wanted:.0f} % of the images shown are good ones, of {100 * natural:.0f} % in the data"
    )
    return balance, round(wanted, 3), tuple(sentences)


def _pixels(sample: Sample, channels: Channels) -> Image:
    try:
        return read_image(sample.image, channels)
    except BadInput as error:
        raise DataError(f"{sample.image}: {error}") from error


def _spread(samples: Sequence[Sample]) -> list[Sample]:
    count = min(len(samples), LOOKED_AT)
    return [samples[index * len(samples) // count] for index in range(count)]
