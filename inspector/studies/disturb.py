"""What a line does to a picture: sensor noise, a lens out of focus, a lamp that grows dim.

Each works on the decoded picture, which is written out again as PNG, so that the model sees it by the same
path as any posted image. The same picture, disturbance and seed give the same pixels.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from inspector.data.dataset import Dataset, Image
from inspector.data.healed import encode
from inspector.imaging.decode import Channels
from inspector.imaging.files import read_image
from inspector.imaging.opencv import cv2
from inspector.studies.asking import Question

Kind = Literal["noise", "blur", "contrast"]


class Disturbance(NamedTuple):
    kind: Kind
    level: float
    """noise: standard deviation, grey levels of 255; blur: sigma of the Gaussian, pixels of the image;
    contrast: factor on the distance from the picture's mean, below 1 is weaker."""

    def __str__(self) -> str:
        return f"{self.kind} {self.level:g}"


_LEVELS: dict[Kind, tuple[float, ...]] = {
    "noise": (16, 32, 64),
    "blur": (1, 2, 3),
    "contrast": (0.5, 0.25, 0.1),
}

SERIES = tuple(Disturbance(kind, level) for kind, levels in _LEVELS.items() for level in levels)
"""From what is seen on a line to what no line would run with."""


def disturbed(data: Dataset, what: Disturbance, channels: Channels, seed: int) -> Iterator[Question]:
    """Each image of the data set; its noise depends on `seed` and its name alone."""
    for one in data.samples:
        rng = np.random.default_rng([seed, zlib.crc32(one.name.encode())])
        image = disturb(read_image(one.image, channels), what, rng)
        # OpenCV's order of colours: RGB to BGR.
        yield Question(
            one.name, one.group, encode(image if channels == 1 else image[..., ::-1]), one.boxes, one.labels
        )


def disturb(image: Image, what: Disturbance, rng: np.random.Generator) -> Image:
    """A new picture of the same shape."""
    return np.asarray(np.rint(_changed(image, what, rng)).clip(0, 255), np.uint8)


def _changed(image: Image, what: Disturbance, rng: np.random.Generator) -> NDArray[Any]:
    picture = image.astype(np.float32)
    if what.kind == "noise":
        return picture + rng.standard_normal(image.shape, np.float32) * np.float32(what.level)
    if what.kind == "blur":
        return cv2.GaussianBlur(picture, (0, 0), what.level)
    mean = np.float32(picture.mean())
    # Dithered, as a sensor's own noise does: a faint picture must not round to a single grey.
    dither = rng.uniform(-0.5, 0.5, image.shape).astype(np.float32)
    faint: NDArray[np.float32] = mean + (picture - mean) * np.float32(what.level) + dither
    return faint
