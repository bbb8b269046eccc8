"""Tiles: how an image larger than the network's square is cut up, so that nothing is missed at a seam.

layout    size of the picture -> tiles that cover it, evenly spread, neighbours sharing `overlap` or more

Tiles begin at multiples of the network's coarsest stride. So every cell of the attention map lies on the same
grid in all tiles, and a map of the whole is put together without resampling.
"""

from __future__ import annotations

from typing import NamedTuple

EDGE = 16
"""Pixels: a box that ends this close to a tile's inner edge may go on behind it. One cell of the coarser
head. An overlap of a defect's side + 2 x EDGE leaves one tile that sees it whole and clear of all edges."""


class Tile(NamedTuple):
    """A rectangle of the picture, pixels; at right and bottom it may reach past it, into padding."""

    x: int
    y: int
    width: int
    height: int


def layout(size: tuple[int, int], tile: tuple[int, int], overlap: int, multiple: int) -> list[Tile]:
    """Tiles row by row, all of one size. `size` and `tile` are height and width; `tile` is in multiples of
    `multiple`. An overlap of more than half a tile is cut to half, or their number would explode.

    Every pixel is in a tile, and whatever is no longer than the overlap each way lies in one of them whole.
    """
    (height, width), (tall, wide) = size, tile
    rows = _starts(height, tall, overlap, multiple)
    columns = _starts(width, wide, overlap, multiple)
    return [Tile(x, y, wide, tall) for y in rows for x in columns]


def _starts(length: int, side: int, overlap: int, multiple: int) -> list[int]:
    beyond = -(-max(0, length - side) // multiple)  # what one tile does not reach, in multiples
    shared = -(-min(overlap, side // 2) // multiple)
    step = max(1, side // multiple - shared)
    gaps = -(-beyond // step)
    # Evenly, so that none of them looks mostly at what its neighbour sees; no gap is over `step`.
    return [index * beyond // gaps * multiple for index in range(gaps + 1)] if gaps else [0]
