"""Pixels -> the network's input, and back. THE one path: training, evaluation and serving all take it.

prepare         uint8 image -> Prepared (float32, 0-1, native scale, padded at right and bottom)
to_source       boxes of the network's input -> boxes of the source image
crop_map        the attention map without the cells that lie in the padding
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from inspector.imaging.opencv import cv2

FloatArray = NDArray[np.float32]


class InputRules(Protocol):
    """What models.bundle.InputSpec says; a protocol, since imaging lies below models."""

    @property
    def channels(self) -> int: ...
    @property
    def multiple(self) -> int: ...
    @property
    def max_side(self) -> int: ...
    @property
    def pad(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Prepared:
    """One image, ready for the network."""

    array: FloatArray  # (C, H', W') 0-1, H' and W' multiples of the network's
    scale: float
    """Network pixels per source pixel: 1 unless the image was shrunk, then below 1."""
    width: int
    """Of the source image."""
    height: int

    @property
    def inner(self) -> tuple[int, int]:
        """Height and width of the picture inside `array`, without the padding."""
        return _scaled(self.height, self.scale), _scaled(self.width, self.scale)


def prepare(image: NDArray[np.uint8], rules: InputRules) -> Prepared:
    """(H, W) or (H, W, 3) uint8 -> Prepared. ValueError if its channels are not those of the rules."""
    height, width = image.shape[:2]
    channels = 1 if image.ndim == 2 else image.shape[2]
    if channels != rules.channels:
        raise ValueError(f"an image of {channels} channels for a network of {rules.channels}")
    scale = min(1.0, rules.max_side / max(height, width))
    picture = _shrunk(image, scale) if scale < 1.0 else image
    return Prepared(_padded(picture, rules), scale, width, height)


def to_source(boxes: NDArray[Any], prepared: Prepared) -> NDArray[np.float64]:
    """(n, 4) x1 y1 x2 y2 of the network's input -> of the source image, clipped to it."""
    limits = np.array([prepared.width, prepared.height] * 2, np.float64)
    return np.clip(boxes.astype(np.float64) / prepared.scale, 0.0, limits)


def crop_map(attention: NDArray[Any], prepared: Prepared, stride: int) -> NDArray[Any]:
    """(H'/stride, W'/stride) -> the cells that start inside the picture."""
    height, width = prepared.inner
    return attention[: math.ceil(height / stride), : math.ceil(width / stride)]


def _scaled(side: int, scale: float) -> int:
    return max(1, round(side * scale))


def _shrunk(image: NDArray[np.uint8], scale: float) -> NDArray[np.uint8]:
    size = (_scaled(image.shape[1], scale), _scaled(image.shape[0], scale))
    # Area averaging: a thin trace grows fainter, but never falls between the samples.
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def _padded(picture: NDArray[np.uint8], rules: InputRules) -> FloatArray:
    height, width = picture.shape[:2]
    shape = (rules.channels, _up(height, rules.multiple), _up(width, rules.multiple))
    array = np.full(shape, rules.pad, np.float32)
    planes = picture[None] if picture.ndim == 2 else picture.transpose(2, 0, 1)
    np.multiply(planes, np.float32(1 / 255), out=array[:, :height, :width])
    return array


def _up(side: int, multiple: int) -> int:
    return -(-side // multiple) * multiple
