"""Pixels -> the network's input, and back. THE one path: training, evaluation and serving all take it.

prepare         image -> Prepared: levels checked, at the bundle's scale, whole or in tiles (tiles.py)
shrunk          the scaling alone, as training does it to an image before it crops
to_source       boxes of the picture -> boxes of the source image
pad_level, unit padding and levels, for an engine that turns levels into numbers itself

"Picture" is the image at the bundle's scale; with scale 1, which is usual, it is the image itself.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from inspector.imaging.levels import LevelRules, Pixels, check_levels
from inspector.imaging.opencv import cv2
from inspector.imaging.tiles import Tile, layout

FloatArray = NDArray[np.float32]


class InputRules(LevelRules, Protocol):
    """What models.bundle.InputSpec says; a protocol, since imaging lies below models."""

    @property
    def channels(self) -> int: ...
    @property
    def multiple(self) -> int: ...
    @property
    def min_side(self) -> int: ...
    @property
    def max_side(self) -> int: ...
    @property
    def nominal(self) -> tuple[int, int]: ...
    @property
    def overlap(self) -> int: ...
    @property
    def scale(self) -> float: ...
    @property
    def pad(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Prepared:
    """One image, ready for the network in one piece or in several."""

    picture: Pixels  # (H', W') or (H', W', C), levels as stored
    tiles: tuple[Tile, ...]
    """One that holds all of it, or several that overlap."""
    width: int
    """Of the source image."""
    height: int
    rules: InputRules
    whole: FloatArray | None
    """`input(0)` of an image in one piece, made where the image is decoded, if it was wanted. Those of tiles
    are made one by one, when they are needed: 64 Mpixel in float32 would be 256 MB a channel."""

    @property
    def inner(self) -> tuple[int, int]:
        """Height and width of the picture: of the network's input without the padding."""
        height, width = self.picture.shape[:2]
        return height, width

    @property
    def array(self) -> FloatArray:
        """(C, H'', W'') 0-1, of an image in one piece. ValueError for one in tiles."""
        if len(self.tiles) > 1:
            raise ValueError(f"the image is cut into {len(self.tiles)} tiles; ask for their input")
        return self.input(0)

    def input(self, index: int) -> FloatArray:
        """(C, tile.height, tile.width) 0-1: tile `index`, padded at right and bottom past the picture."""
        return self.whole if self.whole is not None else _input(self.picture, self.tiles[index], self.rules)

    def window(self, index: int) -> Pixels:
        """The picture inside tile `index`, levels as stored; what it lacks at right and bottom is padding."""
        tile = self.tiles[index]
        return self.picture[tile.y : tile.y + tile.height, tile.x : tile.x + tile.width]


def prepare(image: Pixels, rules: InputRules, *, floats: bool = True) -> Prepared:
    """(H, W) or (H, W, 3), uint8 or uint16 -> Prepared. Without `floats` no input is made ahead: the engine
    takes windows.

    Raises WrongLevels for levels that are not those of training, and ValueError if its channels are not those
    of the rules.
    """
    height, width = image.shape[:2]
    channels = 1 if image.ndim == 2 else image.shape[2]
    if channels != rules.channels:
        raise ValueError(f"an image of {channels} channels for a network of {rules.channels}")
    check_levels(image, rules)
    picture = shrunk(image, rules.scale)
    tiles = tuple(_tiles(picture.shape[0], picture.shape[1], rules))
    whole = _input(picture, tiles[0], rules) if floats and len(tiles) == 1 else None
    return Prepared(picture, tiles, width, height, rules, whole)


def shrunk(image: Pixels, scale: float) -> Pixels:
    """At `scale` <= 1, aspect kept, at least one pixel each way. At 1 the very same array."""
    if scale >= 1.0:
        return image
    size = tuple(max(1, round(side * scale)) for side in (image.shape[1], image.shape[0]))
    # Area averaging: a thin trace grows fainter, but never falls between the samples.
    resized = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return resized.astype(image.dtype, copy=False)


def to_source(boxes: NDArray[Any], prepared: Prepared) -> NDArray[np.float64]:
    """(n, 4) x1 y1 x2 y2 of the picture -> of the source image, clipped to it."""
    # By axis, since a picture's sides are whole pixels: at the far end of a long image one factor would err.
    height, width = prepared.inner
    factors = np.array([prepared.width / width, prepared.height / height] * 2, np.float64)
    limits = np.array([prepared.width, prepared.height] * 2, np.float64)
    return np.clip(boxes.astype(np.float64) * factors, 0.0, limits)


def pad_level(rules: InputRules) -> int | None:
    """The stored level that is `pad` to the network, exactly. None: there is no such level."""
    level = round(rules.pad * rules.white)
    return level if np.float32(level) * unit(rules) == np.float32(rules.pad) else None


def unit(rules: InputRules) -> np.float32:
    """What one step of the stored levels is to the network."""
    return np.float32(1 / rules.white)


def cells(side: int, stride: int) -> int:
    """Of the attention map that begin inside a picture's side."""
    return math.ceil(side / stride)


def _tiles(height: int, width: int, rules: InputRules) -> list[Tile]:
    full_height = max(rules.min_side, _up(height, rules.multiple))
    full_width = max(rules.min_side, _up(width, rules.multiple))
    if max(height, width) <= max(rules.max_side, *rules.nominal):
        return [Tile(0, 0, full_width, full_height)]
    # A strip needs no tile taller than itself.
    tile = min(rules.nominal[0], full_height), min(rules.nominal[1], full_width)
    return layout((height, width), tile, rules.overlap, rules.multiple)


def _input(picture: Pixels, tile: Tile, rules: InputRules) -> FloatArray:
    window = picture[tile.y : tile.y + tile.height, tile.x : tile.x + tile.width]
    height, width = window.shape[:2]
    array = np.full((rules.channels, tile.height, tile.width), rules.pad, np.float32)
    planes = window[None] if window.ndim == 2 else window.transpose(2, 0, 1)
    np.multiply(planes, unit(rules), out=array[:, :height, :width])
    return array


def _up(side: int, multiple: int) -> int:
    return -(-side // multiple) * multiple
