"""Defects of a size that is asked for: the sweep from what nobody can see to what nobody can miss.

The size of a defect is the longer side of what it changes in the black-and-white picture, pixels; its box
has the margin that all boxes have. Four kinds come in any size, below 5 px mostly islands and pin-holes: an
edge's own raggedness is about as large. An open must be as wide as its trace and a short as long as its gap,
so these two are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inspector.data.synthetic_defects import Develop, Painter
from inspector.data.synthetic_layout import Layout
from inspector.data.synthetic_shapes import Shape, Survey

KINDS = ("mousebite", "spur", "copper", "pin-hole")

SMALLEST = 3
"""Pixels: the edge's blur swallows anything smaller."""

_ATTEMPTS = 400
"""Proposals for one defect: most miss the size by a pixel or two."""


class SizedPainter(Painter):
    """A Painter that keeps a defect only if it has the size: to the pixel below 10, to a tenth above."""

    def __init__(self, layout: Layout, develop: Develop, rng: np.random.Generator, extent: int) -> None:
        if extent < SMALLEST:
            raise ValueError(f"a defect of {extent} px cannot be drawn: at least {SMALLEST}")
        super().__init__(layout, develop, rng)
        self._extent = extent

    def _survey(self) -> Survey:
        return _SizedSurvey(self._layout, self._rng, self._extent)

    def _kinds(self) -> Iterator[str]:
        first, second = self._rng.choice(list(KINDS), 2, replace=False).tolist()
        for attempt in range(_ATTEMPTS):
            yield first if attempt < _ATTEMPTS // 2 else second

    def _is_wanted(self, flipped: NDArray[np.bool_]) -> bool:
        if not flipped.any():
            return False
        extents = (int(np.ptp(places)) + 1 for places in np.nonzero(flipped))
        return abs(max(extents) - self._extent) <= self._extent // 10


class _SizedSurvey(Survey):
    """Proposes shapes near the size; the four kinds alone."""

    def __init__(self, layout: Layout, rng: np.random.Generator, extent: int) -> None:
        super().__init__(layout, rng)
        self._extent = extent
        self._proposals = {
            "mousebite": self._mousebite,
            "spur": self._spur,
            "copper": self._island,
            "pin-hole": self._pin_hole,
        }

    def _mousebite(self) -> Shape | None:
        return self._on_edge(turned=0.0, value=0)

    def _spur(self) -> Shape | None:
        return self._on_edge(turned=np.pi, value=1)

    def _on_edge(self, *, turned: float, value: int) -> Shape | None:
        place = self._on_an_edge()
        if place is None:
            return None
        x, y, outward = place
        depth = self._extent * float(self._rng.uniform(0.5, 1.3)) + 1
        return self._at_edge(x, y, outward + turned, depth, value=value)

    def _island(self) -> Shape | None:
        return self._inside_of(self._outside, value=1)

    def _pin_hole(self) -> Shape | None:
        return self._inside_of(self._inside, value=0)

    def _inside_of(self, room: NDArray[Any], *, value: int) -> Shape | None:
        x, y = self._anywhere()
        # A little more than half the size: the blur of the edge takes some of a small spot.
        radius = self._extent / 2 + float(self._rng.uniform(-0.5, 1.0))
        if room[y, x] < 1.25 * radius + 3:
            return None
        return self._blob(x, y, radius, radius * float(self._rng.uniform(0.6, 1)), self._turn(), value=value)
