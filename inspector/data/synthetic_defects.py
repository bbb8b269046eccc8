"""The six kinds of defect, painted on a layout and checked to be what their names say.

open       a trace is cut: one piece of copper becomes two
short      a bridge joins two pieces of copper that were apart
mousebite  an edge is bitten; no piece of copper is cut or vanishes
spur       an edge grows a thorn; it joins nothing and closes no hole
copper     an island of copper that touches nothing
pin-hole   a hole inside copper

A kind proposes a shape; the check counts pieces of copper and of ground in the developed picture, before and
after, around the shape (and all over the board for open and short). What fails is taken back.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from inspector.data.synthetic_layout import Layout, Mask
from inspector.data.synthetic_shapes import Shape, Survey
from inspector.imaging.opencv import cv2

Image = NDArray[np.uint8]
Box = tuple[int, int, int, int]

_ATTEMPTS = 80
"""Proposals for one defect, over all kinds that it may become, before it is left out."""
_MARGIN = (6, 11)
"""Pixels between a defect and its box, as DeepPCB's annotators leave."""
_SMALLEST = 18
"""Pixels: the smallest side of a box; DeepPCB's is 18."""
_APART = 4
"""Pixels between two boxes."""
_LEAST_CHANGE = 14
"""Pixels that must differ from the template: less could not be told from a ragged edge."""
_SURROUNDINGS = 12
"""Pixels around a shape in which pieces are counted."""


class Develop(Protocol):
    def __call__(self, copper: Mask, window: Box) -> Image:
        """The picture of a window of the mask; a pixel depends on the mask around it alone."""


class Mark(NamedTuple):
    kind: str
    box: Box


class _Pieces(NamedTuple):
    copper: int
    ground: int


_CHANGE = {
    "open": _Pieces(1, 0),
    "short": _Pieces(-1, 0),
    "mousebite": _Pieces(0, 0),
    "spur": _Pieces(0, 0),
    "copper": _Pieces(1, 0),
    "pin-hole": _Pieces(0, 1),
}
"""What each kind does to the number of pieces around it."""
_EVERYWHERE = {"open", "short"}
"""Counted all over the board as well, copper alone: they join or part its ground as it falls out."""


class Painter:
    """Paints defects on one board. `image` is the picture as it stands."""

    def __init__(self, layout: Layout, develop: Develop, rng: np.random.Generator) -> None:
        self._layout = layout
        self._copper = layout.copper.copy()
        self._develop = develop
        self._rng = rng
        height, width = self._copper.shape
        self.image: Image = develop(self._copper, (0, 0, width, height))
        self._marks: list[Mark] = []
        self._taken = np.zeros_like(self._copper)

    def paint(self, count: int) -> list[Mark]:
        """`count` defects, or as many as there is room for."""
        survey = self._survey() if count else None
        while survey and len(self._marks) < count and self._one(survey):
            pass
        return self._marks

    def _survey(self) -> Survey:
        return Survey(self._layout, self._rng)

    def _one(self, survey: Survey) -> bool:
        for kind in self._kinds():
            shape = survey.propose(kind)
            if shape is not None and self._try(kind, shape):
                return True
        return False

    def _kinds(self) -> Iterator[str]:
        """A kind, tried over and over; towards the end another, for a board without a place for the first."""
        first, second = self._rng.choice(list(_CHANGE), 2, replace=False).tolist()
        for attempt in range(_ATTEMPTS):
            yield first if attempt < _ATTEMPTS * 3 // 4 else second

    def _try(self, kind: str, shape: Shape) -> bool:
        """Paint it, look whether it is a `kind` with room for its box, else take it back."""
        window = self._window(shape)
        if window is None:
            return False
        x1, y1, x2, y2 = window
        before, picture = self._copper.copy(), self.image[y1:y2, x1:x2].copy()
        self._stamp(shape)
        self.image[y1:y2, x1:x2] = self._develop(self._copper, window)
        box = self._box(picture, window)
        if box is not None and self._is(kind, picture, window):
            self._taken[box[1] : box[3], box[0] : box[2]] = 1
            self._marks.append(Mark(kind, box))
            return True
        self._copper = before
        self.image[y1:y2, x1:x2] = picture
        return False

    def _window(self, shape: Shape) -> Box | None:
        """The shape with its surroundings; None where it would leave the board."""
        reach = shape.mask.shape[0] // 2
        height, width = self._copper.shape
        if not (reach <= shape.x < width - reach and reach <= shape.y < height - reach):
            return None
        grown = reach + _SURROUNDINGS
        return (
            max(0, shape.x - grown),
            max(0, shape.y - grown),
            min(width, shape.x + grown + 1),
            min(height, shape.y + grown + 1),
        )

    def _stamp(self, shape: Shape) -> None:
        reach = shape.mask.shape[0] // 2
        place = np.s_[shape.y - reach : shape.y + reach + 1, shape.x - reach : shape.x + reach + 1]
        self._copper[place][shape.mask > 0] = shape.value

    def _box(self, picture: Image, window: Box) -> Box | None:
        """Around what changed, with a margin; None if that is too little or meets another box."""
        x1, y1, x2, y2 = window
        changed = self.image[y1:y2, x1:x2] != picture
        if not self._is_wanted((self.image[y1:y2, x1:x2] > 127) != (picture > 127)):
            return None
        rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
        left, right = self._side(x1 + int(columns[0]), x1 + int(columns[-1]) + 1, self._copper.shape[1])
        top, bottom = self._side(y1 + int(rows[0]), y1 + int(rows[-1]) + 1, self._copper.shape[0])
        near = np.s_[max(0, top - _APART) : bottom + _APART, max(0, left - _APART) : right + _APART]
        return None if self._taken[near].any() else (left, top, right, bottom)

    def _is_wanted(self, flipped: NDArray[np.bool_]) -> bool:
        """By the pixels that went from black to white or back."""
        return bool(flipped.sum() >= _LEAST_CHANGE)

    def _side(self, low: int, high: int, limit: int) -> tuple[int, int]:
        before, after = (int(margin) for margin in self._rng.integers(*_MARGIN, 2))
        short = max(0, _SMALLEST - (high - low + before + after) + 1) // 2
        return max(0, low - before - short), min(limit, high + after + short)

    def _is(self, kind: str, picture: Image, window: Box) -> bool:
        x1, y1, x2, y2 = window
        before, after = _pieces(picture), _pieces(self.image[y1:y2, x1:x2])
        change = _Pieces(after.copper - before.copper, after.ground - before.ground)
        if kind not in _EVERYWHERE:
            return change == _CHANGE[kind]
        if change.copper != _CHANGE[kind].copper:
            return False
        # The same net may meet itself outside the window: only the whole board tells.
        now = self.image.copy()
        self.image[y1:y2, x1:x2] = picture
        then = _pieces(self.image).copper
        self.image[y1:y2, x1:x2] = now[y1:y2, x1:x2]
        return _pieces(now).copper - then == change.copper


def _pieces(picture: Image) -> _Pieces:
    # Copper 8-connected and ground 4-connected: a diagonal line of copper parts the ground.
    copper = (picture <= 127).astype(np.uint8)
    return _Pieces(
        cv2.connectedComponents(copper, connectivity=8)[0],
        cv2.connectedComponents(1 - copper, connectivity=4)[0],
    )
