"""Seams: what neighbouring tiles found, brought together. A defect seen by several tiles comes out once.

merge     boxes of all tiles -> one box for each defect
stitch    maps of all tiles  -> one map of the whole picture

Two boxes of one class from two tiles are the same defect if they agree on what both tiles see: each is cut to
the rectangle that the tiles share, and the two cuts must overlap. That holds for a defect that both see whole
as well as for one that goes on behind an edge.

    seen whole by both      the higher score stays
    cut by a tile's edge    gives way to the neighbour that sees it whole: to its box, which takes the higher
                            score, or to its word that nothing is there (an edge makes a hole of a cut trace)
    seen whole by none      the pieces become one box around them
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from inspector.engines.base import FloatArray
from inspector.imaging.preprocess import cells
from inspector.imaging.tiles import EDGE, Tile

Corners = NDArray[np.float64]  # (n, 4) x1 y1 x2 y2, pixels of the picture

Shares = NDArray[np.float64]  # (n,) 0-1

FINEST = 8.0
"""Pixels: a smaller box counts as one of this side when boxes are compared, or two views of a 3 px defect
that differ by a pixel would be two defects."""

INSIDE = 0.8
"""Share of a box within another one's from which on it is a part of that."""

PIECE = 0.5
"""The same for a box that an edge cuts: its other sides are less sure too."""


class Found(NamedTuple):
    """n boxes, each with the tile that it was seen in."""

    corners: Corners
    scores: FloatArray  # (n,)
    labels: NDArray[np.intp]  # (n,)
    tiles: Corners

    def take(self, rows: NDArray[Any] | Sequence[int]) -> Found:
        index = np.asarray(rows, np.intp)
        return Found(self.corners[index], self.scores[index], self.labels[index], self.tiles[index])


def merge(found: Found, tiles: Sequence[Tile], size: tuple[int, int], iou: float) -> Found:
    """One box for each defect, highest score first. `tiles`: all of them, those without a box too; `size`:
    height and width of the picture; `iou`: the overlap from which on two boxes of a class are one defect.

    A box that stays takes the highest score of those that it stands for.
    """
    inner = _inner(np.array([frame(tile) for tile in tiles]), size)
    labels = sorted(set(found.labels.tolist()))
    kinds = (found.take(np.flatnonzero(found.labels == label)) for label in labels)
    merged = _joined([_merge_class(kind, inner, size, iou) for kind in kinds] or [found])
    return merged.take(np.argsort(-merged.scores, kind="stable"))


def stitch(maps: Iterable[tuple[Tile, FloatArray]], size: tuple[int, int], stride: int) -> FloatArray:
    """(h, w) of a picture of `size` (height, width). Where tiles overlap the higher value stays: what one of
    them sees well must not fade because it lies at the other one's edge."""
    whole = np.zeros((cells(size[0], stride), cells(size[1], stride)), np.float32)
    for tile, part in maps:
        window = whole[tile.y // stride :, tile.x // stride :][: part.shape[0], : part.shape[1]]
        np.maximum(window, part[: window.shape[0], : window.shape[1]], out=window)
    return whole


def frame(tile: Tile) -> tuple[int, int, int, int]:
    """Its corners."""
    return tile.x, tile.y, tile.x + tile.width, tile.y + tile.height


def _merge_class(found: Found, inner: Corners, size: tuple[int, int], iou: float) -> Found:
    found = found.take(np.argsort(-found.scores, kind="stable"))
    cut = ~_within(found.corners, _inner(found.tiles, size))
    whole = _strongest(found.take(np.flatnonzero(~cut)), iou)
    whole, pieces = _give_way(whole, found.take(np.flatnonzero(cut)))
    hulls: list[Found] = []
    alone: list[Found] = []
    for group in _belonging(pieces, iou):
        hull = _around(pieces.take(group))
        # A tile that sees all of it clear of its own edges, and has no box of it: its word counts. Two views
        # that are each clear of the other one's edges by a pixel are safe: their hull is clear of neither.
        if not _within(hull.corners, inner).any():
            (hulls if len(group) > 1 else alone).append(hull)
    return _joined([*_swallowed(whole, hulls), *alone])


def _inner(frames: Corners, size: tuple[int, int]) -> Corners:
    """What tiles see clear of the edges behind which the picture goes on."""
    height, width = size
    low = np.where(frames[..., :2] > 0, frames[..., :2] + EDGE, -np.inf)
    high = np.where(frames[..., 2:] < [width, height], frames[..., 2:] - EDGE, np.inf)
    return np.concatenate([low, high], axis=-1)


def _within(corners: Corners, frames: Corners) -> NDArray[np.bool_]:
    begin, end = corners[..., :2] >= frames[..., :2], corners[..., 2:] <= frames[..., 2:]
    return np.asarray((begin & end).all(axis=-1), np.bool_)


def _strongest(found: Found, iou: float) -> Found:
    """Of the views of one defect, the one with the highest score. `found`: highest score first."""
    alive = np.ones(len(found.scores), np.bool_)
    for row in range(len(alive)):
        if alive[row]:
            rows, same = _compare(found, row, found)
            later = rows > row
            gone = (same.iou >= iou) | (np.maximum(same.of_one, same.of_other) >= INSIDE)
            alive[rows[later & gone]] = False
    return found.take(np.flatnonzero(alive))


def _give_way(whole: Found, pieces: Found) -> tuple[Found, Found]:
    """Pieces that a whole box explains hand it their score, and are gone."""
    scores = whole.scores.copy()
    left = []
    for row in range(len(pieces.scores)):
        rows, same = _compare(pieces, row, whole)
        if same.of_one.max(initial=0.0) >= PIECE:
            heir = rows[same.of_one.argmax()]
            scores[heir] = max(scores[heir], pieces.scores[row])
        else:
            left.append(row)
    return whole._replace(scores=scores), pieces.take(left)


def _belonging(pieces: Found, iou: float) -> list[list[int]]:
    """Rows of the pieces that are of one defect, over any number of tiles."""
    group = np.arange(len(pieces.scores))
    for row in range(len(group)):
        rows, same = _compare(pieces, row, pieces)
        mates = rows[(same.iou >= iou) | (np.maximum(same.of_one, same.of_other) >= PIECE)]
        if len(mates):
            group[np.isin(group, [group[row], *group[mates]])] = group[row]
    return [np.flatnonzero(group == name).tolist() for name in dict.fromkeys(group.tolist())]


def _around(pieces: Found) -> Found:
    """One box around them all, with the highest score."""
    around = (
        np.concatenate([corners[:, :2].min(axis=0), corners[:, 2:].max(axis=0)])[None]
        for corners in (pieces.corners, pieces.tiles)
    )
    return Found(next(around), pieces.scores.max(keepdims=True), pieces.labels[:1], next(around))


def _swallowed(whole: Found, hulls: list[Found]) -> list[Found]:
    """All of them, without the whole boxes that are a part of what was put together."""
    seen = []
    for hull in hulls:
        share = _area(_shared(whole.corners, hull.corners)) / np.maximum(_area(whole.corners), 1e-9)
        inside = share >= INSIDE
        score = max(hull.scores.max(), whole.scores[inside].max(initial=0.0))
        seen.append(hull._replace(scores=np.full_like(hull.scores, score)))
        whole = whole.take(np.flatnonzero(~inside))
    return [whole, *seen]


def _joined(parts: Sequence[Found]) -> Found:
    return Found(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


class _Same(NamedTuple):
    """How far two boxes agree on what both of their tiles see; 0-1, (n,) each."""

    iou: Shares
    of_one: Shares
    """Share of the first box that lies in the other."""
    of_other: Shares


def _compare(one: Found, row: int, others: Found) -> tuple[NDArray[np.intp], _Same]:
    """Box `row` of `one` with those of `others` that it touches, of other tiles: which rows, and how far they
    agree. Boxes of one tile were compared already."""
    corner, tile = one.corners[row : row + 1], one.tiles[row : row + 1]
    touching = (corner[:, :2] < others.corners[:, 2:]) & (others.corners[:, :2] < corner[:, 2:])
    rows = np.flatnonzero(touching.all(axis=1) & (tile != others.tiles).any(axis=1))
    common = _shared(tile, others.tiles[rows])
    mine, theirs = _shared(corner, common), _shared(others.corners[rows], common)
    comparable = (_area(mine) > 0) & (_area(theirs) > 0)
    # Grown only now: of a defect that barely reaches into what both see, both show the same sliver.
    mine, theirs = _grown(mine), _grown(theirs)
    both = _area(_shared(mine, theirs)) * comparable
    areas = np.maximum(_area(mine), 1e-9), np.maximum(_area(theirs), 1e-9)
    return rows, _Same(both / (areas[0] + areas[1] - both), both / areas[0], both / areas[1])


def _grown(corners: Corners) -> Corners:
    missing = np.maximum(FINEST - (corners[:, 2:] - corners[:, :2]), 0) / 2
    return np.concatenate([corners[:, :2] - missing, corners[:, 2:] + missing], axis=1)


def _shared(a: Corners, b: Corners) -> Corners:
    return np.concatenate([np.maximum(a[:, :2], b[:, :2]), np.minimum(a[:, 2:], b[:, 2:])], axis=1)


def _area(corners: Corners) -> NDArray[np.float64]:
    area: NDArray[np.float64] = np.maximum(corners[:, 2:] - corners[:, :2], 0).prod(axis=1)
    return area
