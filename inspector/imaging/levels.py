"""Stored levels and what they mean. Cameras keep 10, 12 or 14 bits in 16, at either end of them.

full_level    the brightest level of the camera that a pixel came from
check_levels  whether an image is stored as those that the network was trained on
displayable   any image as 8 bits, for people
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from inspector.errors import WrongLevels

Pixels = NDArray[np.uint8 | np.uint16]  # (H, W) grey or (H, W, 3) RGB

SENSOR_BITS = (8, 10, 12, 14, 16)


class LevelRules(Protocol):
    """What models.bundle.InputSpec says of levels."""

    @property
    def bit_depth(self) -> int: ...
    @property
    def white(self) -> int: ...
    @property
    def faintest(self) -> int: ...


def full_level(peak: int) -> int:
    """255, 1023, 4095, 16383 or 65535: the first that is not below `peak`."""
    return next((1 << bits) - 1 for bits in SENSOR_BITS if peak >> bits == 0)


def check_levels(image: Pixels, rules: LevelRules) -> None:
    """Raises WrongLevels: another bit depth, brighter than white, or too dark to be of the same camera
    settings. The network would see it black, or white, and could say OK."""
    bits = 8 * image.dtype.itemsize
    if bits != rules.bit_depth:
        raise WrongLevels(f"the image has {bits} bits a channel; the model was trained on {rules.bit_depth}")
    if bits == 8:
        return
    peak = int(image.max())
    brightest = f"the image's brightest level is {peak}"
    if peak > rules.white:
        raise WrongLevels(f"{brightest}, above {rules.white}, which was white in training")
    if peak < rules.faintest:
        raise WrongLevels(f"{brightest}, below {rules.faintest}; in training {rules.white} was white")


def displayable(image: Pixels) -> NDArray[np.uint8]:
    """8 bits as they are; of 16 the brightest pixel's `full_level` becomes 255."""
    if image.dtype == np.uint8:
        return image.astype(np.uint8, copy=False)
    full = full_level(int(image.max()))
    # By a table: what is multiplied is as many numbers as there are levels, not pixels, and takes no memory.
    table = np.rint(np.arange(full + 1, dtype=np.uint16) * np.float32(255 / full)).astype(np.uint8)
    shown: NDArray[np.uint8] = table[image]
    return shown
