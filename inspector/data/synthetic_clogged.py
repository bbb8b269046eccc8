"""A nozzle of the etching line is clogged: copper that should have gone stays, at about one place.

What a clogged nozzle leaves are spurs, and islands where there is room; all else is as in
synthetic_defects.py.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from inspector.data.synthetic_defects import Develop, Painter
from inspector.data.synthetic_layout import Layout
from inspector.data.synthetic_shapes import Survey

KINDS = ("spur", "copper")

REACH = 34
"""Pixels around the place that the jet does not clean."""

_ATTEMPTS = 200
"""Proposals for one defect: the place may be mostly copper, or mostly ground."""


class CloggedPainter(Painter):
    """A Painter whose defects lie around `place` (x, y)."""

    def __init__(
        self, layout: Layout, develop: Develop, rng: np.random.Generator, place: tuple[int, int]
    ) -> None:
        super().__init__(layout, develop, rng)
        self._place = place

    def _survey(self) -> Survey:
        return _SurveyOfPlace(self._layout, self._rng, self._place)

    def _kinds(self) -> Iterator[str]:
        first, second = self._rng.permutation(list(KINDS)).tolist()
        for attempt in range(_ATTEMPTS):
            yield first if attempt < _ATTEMPTS // 2 else second


class _SurveyOfPlace(Survey):
    """Knows the surroundings of one place alone."""

    def __init__(self, layout: Layout, rng: np.random.Generator, place: tuple[int, int]) -> None:
        super().__init__(layout, rng)
        self._place = place
        rows, columns = np.divmod(self._edge, layout.copper.shape[1])
        self._edge = self._edge[np.hypot(columns - place[0], rows - place[1]) <= REACH]

    def _anywhere(self) -> tuple[int, int]:
        height, width = self._inside.shape
        x, y = (round(at + self._rng.uniform(-REACH, REACH)) for at in self._place)
        return min(max(x, 0), width - 1), min(max(y, 0), height - 1)
