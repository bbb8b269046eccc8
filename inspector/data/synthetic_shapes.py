"""Shapes that might be defects: each kind looks for a place on a layout and proposes what to draw there.

A proposal is only a guess; synthetic_defects.py checks what it does to the board.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from inspector.data.synthetic_layout import Layout, Mask
from inspector.imaging.opencv import cv2

_LONGEST_BRIDGE = 40
"""Pixels from the middle of a trace, or the edge of any copper, to the next net."""

_LONGEST_SLIT = 70
"""Pixels of copper that an open may cut through."""

_FROM_AN_EDGE = 0.3
"""Share of opens and shorts that begin at any copper's edge, not at a trace."""


class Shape(NamedTuple):
    """The pixels of `mask` around (x, y) become copper (1) or ground (0)."""

    x: int
    y: int
    mask: Mask  # (2r + 1, 2r + 1), (x, y) in its middle
    value: int


class Survey:
    """A layout and what is known of its places. Every proposal may be None: the place drawn will not do."""

    def __init__(self, layout: Layout, rng: np.random.Generator) -> None:
        self._rng = rng
        self._segments = layout.segments
        copper = layout.copper
        self._inside = cv2.distanceTransform(copper, cv2.DIST_L2, 3)
        self._outside = cv2.distanceTransform(1 - copper, cv2.DIST_L2, 3)
        self._nets = cv2.connectedComponents(copper, connectivity=8)[1]
        self._edge = np.flatnonzero((self._inside > 0) & (self._inside < 1.5))
        self._proposals = {
            "open": self._open,
            "short": self._short,
            "mousebite": self._mousebite,
            "spur": self._spur,
            "copper": self._island,
            "pin-hole": self._pin_hole,
        }

    def propose(self, kind: str) -> Shape | None:
        return self._proposals[kind]()

    def _open(self) -> Shape | None:
        return self._slit() if self._rng.random() < _FROM_AN_EDGE else self._cut()

    def _cut(self) -> Shape | None:
        """Across a trace."""
        place = self._on_a_trace()
        if place is None:
            return None
        x, y, angle, width = place
        along = float(self._rng.uniform(5, 16))
        # Across the trace and a little more, so that no thread of its ragged edge remains.
        return self._blob(x, y, along / 2 + 2, width / 2 + 4, angle, value=0, ragged=0.12)

    def _slit(self) -> Shape | None:
        """Through any copper that is narrow enough, straight or aslant."""
        place = self._on_an_edge()
        if place is None:
            return None
        x, y, outward = place
        inward = outward + np.pi + float(self._rng.uniform(-0.7, 0.7))
        far = self._first(x, y, inward, self._inside == 0, _LONGEST_SLIT)
        return None if far is None else self._line((x, y), far, int(self._rng.integers(3, 10)), value=0)

    def _short(self) -> Shape | None:
        if self._rng.random() < _FROM_AN_EDGE:
            place = self._on_an_edge()
        else:
            trace = self._on_a_trace()
            side = np.pi / 2 * (1 if self._rng.random() < 0.5 else -1)
            place = None if trace is None else (trace[0], trace[1], trace[2] + side)
        if place is None:
            return None
        x, y, towards = place
        others = (self._nets != 0) & (self._nets != self._nets[y, x])
        far = self._first(x, y, towards, others, _LONGEST_BRIDGE)
        return None if far is None else self._line((x, y), far, int(self._rng.integers(5, 11)), value=1)

    def _line(self, start: tuple[int, int], end: tuple[int, int], thick: int, *, value: int) -> Shape:
        """From one place to the other, with a kink."""
        (x, y), far = start, end
        middle = (x + far[0]) // 2, (y + far[1]) // 2
        reach = max(abs(far[0] - x), abs(far[1] - y)) // 2 + thick + 2
        mask = np.zeros((2 * reach + 1, 2 * reach + 1), np.uint8)
        left, top = middle[0] - reach, middle[1] - reach
        bend = self._rng.integers(-3, 4, 2)
        kink = (reach + int(bend[0]), reach + int(bend[1]))
        points = np.array([(x - left, y - top), kink, (far[0] - left, far[1] - top)], np.int32)
        cv2.polylines(mask, [points], isClosed=False, color=1, thickness=thick)
        return Shape(*middle, mask, value)

    def _mousebite(self) -> Shape | None:
        place = self._on_an_edge()
        if place is None:
            return None
        x, y, outward = place
        around = self._inside[max(0, y - 8) : y + 9, max(0, x - 8) : x + 9]
        # At most two thirds of what is there: more would be an open.
        depth = min(float(self._rng.uniform(4, 12)), 1.35 * float(around.max()))
        return self._at_edge(x, y, outward, depth, value=0)

    def _spur(self) -> Shape | None:
        place = self._on_an_edge()
        if place is None:
            return None
        x, y, outward = place
        return self._at_edge(x, y, outward + np.pi, float(self._rng.uniform(6, 14)), value=1)

    def _island(self) -> Shape | None:
        radius = float(self._rng.uniform(5, 10))
        x, y = self._anywhere()
        if self._outside[y, x] < radius * 1.5 + 4:
            return None
        return self._blob(
            x, y, radius * float(self._rng.uniform(1, 1.6)), radius * 0.8, self._turn(), value=1
        )

    def _pin_hole(self) -> Shape | None:
        x, y = self._anywhere()
        room = float(self._inside[y, x])
        if room < 8:
            return None
        radius = min(float(self._rng.uniform(3.5, 9)), (room - 4) / 1.3)
        return self._blob(x, y, radius, radius * float(self._rng.uniform(0.6, 1)), self._turn(), value=0)

    # --- places

    def _anywhere(self) -> tuple[int, int]:
        height, width = self._inside.shape
        return int(self._rng.integers(0, width)), int(self._rng.integers(0, height))

    def _on_a_trace(self) -> tuple[int, int, float, int] | None:
        """x, y, the angle along the trace, its width; not near an end, where a cut would part nothing."""
        if not self._segments:
            return None
        (x1, y1), (x2, y2), width = self._segments[int(self._rng.integers(len(self._segments)))]
        share = float(self._rng.uniform(0.25, 0.75))
        x, y = round(x1 + share * (x2 - x1)), round(y1 + share * (y2 - y1))
        if not (0 <= x < self._inside.shape[1] and 0 <= y < self._inside.shape[0] and self._inside[y, x]):
            return None
        return x, y, float(np.arctan2(y2 - y1, x2 - x1)), width

    def _first(
        self, x: int, y: int, angle: float, wanted: NDArray[np.bool_], reach: int
    ) -> tuple[int, int] | None:
        """The first wanted pixel in a direction, a little way into it; None within `reach`."""
        height, width = self._nets.shape
        for distance in range(4, reach):
            to_x, to_y = round(x + distance * np.cos(angle)), round(y + distance * np.sin(angle))
            if not (0 <= to_x < width and 0 <= to_y < height):
                return None
            if wanted[to_y, to_x]:
                return round(to_x + 2 * np.cos(angle)), round(to_y + 2 * np.sin(angle))
        return None

    def _on_an_edge(self) -> tuple[int, int, float] | None:
        """x, y, the angle that points out of the copper."""
        if not len(self._edge):
            return None
        y, x = divmod(int(self._edge[self._rng.integers(len(self._edge))]), self._inside.shape[1])
        if not (5 <= x < self._inside.shape[1] - 5 and 5 <= y < self._inside.shape[0] - 5):
            return None
        depth = (self._outside - self._inside)[y - 3 : y + 4, x - 3 : x + 4]
        down, right = np.gradient(depth)
        return x, y, float(np.arctan2(down.mean(), right.mean()))

    def _turn(self) -> float:
        return float(self._rng.uniform(0, np.pi))

    # --- outlines

    def _at_edge(self, x: int, y: int, outward: float, depth: float, *, value: int) -> Shape:
        """A blob that reaches `depth` pixels from the edge against `outward`, and about as wide."""
        half = depth * float(self._rng.uniform(0.35, 0.75))
        back = depth * 0.35
        middle_x = round(x - np.cos(outward) * (depth / 2 - back / 2))
        middle_y = round(y - np.sin(outward) * (depth / 2 - back / 2))
        return self._blob(middle_x, middle_y, (depth + back) / 2, max(half, 2.0), outward, value=value)

    def _blob(
        self, x: int, y: int, long: float, wide: float, angle: float, *, value: int, ragged: float = 0.25
    ) -> Shape:
        """An ellipse of the half axes `long` (along `angle`) and `wide`, its outline ragged."""
        turns = np.linspace(0, 2 * np.pi, 14, endpoint=False)
        radii = self._rng.uniform(1 - ragged, 1 + ragged, 14)
        along, across = long * radii * np.cos(turns), wide * radii * np.sin(turns)
        reach = int(max(long, wide) * (1 + ragged)) + 2
        points = np.stack(
            [
                along * np.cos(angle) - across * np.sin(angle) + reach,
                along * np.sin(angle) + across * np.cos(angle) + reach,
            ],
            axis=1,
        )
        mask = np.zeros((2 * reach + 1, 2 * reach + 1), np.uint8)
        cv2.fillPoly(mask, [points.round().astype(np.int32)], 1)
        return Shape(x, y, mask, value)
