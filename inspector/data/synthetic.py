"""Seeded bare printed circuit boards in the manner of DeepPCB, good and defective, with exact boxes.

synthetic_layout.py   the copper: pours, areas, bars, pads, buses of traces, vias
synthetic_defects.py  the six kinds of defect, each checked to be what its name says
synthetic_sized.py    defects of a size that is asked for, to measure what a model can see
synthetic_clogged.py  defects around one place, as a clogged nozzle leaves them
synthetic.py          the picture of it, and the boards one after another

About 48 px a mm. Copper is black (0) and ground white (255), with ragged, slightly grey edges, as a line
camera and a threshold leave them. The same seed gives the same pixels on any machine with the same numpy and
OpenCV.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inspector.data.dataset import Boxes, Image, Labels, as_boxes, as_labels
from inspector.data.synthetic_clogged import CloggedPainter
from inspector.data.synthetic_defects import Develop, Painter
from inspector.data.synthetic_layout import Layout, lay_out
from inspector.data.synthetic_sized import SizedPainter
from inspector.imaging.opencv import cv2

CLASSES = ("open", "short", "mousebite", "spur", "copper", "pin-hole")
"""As DeepPCB's, in its order."""

SMALLEST_SIDE = 128
"""Pixels, of a board."""

_FEWEST, _MOST = 1, 9
"""Defects on a defective board, drawn evenly; DeepPCB holds 2-13, median 6."""

_RAGGED = 0.24
"""Amplitude of the noise at an edge, as a share of the step from ground to copper: about a pixel."""
_STEEPNESS = 2.6
"""How hard the edge is: about 2 % of the pixels are neither black nor white, as in DeepPCB's images."""


@dataclass(frozen=True, slots=True)
class SyntheticBoard:
    image: Image  # (H, W)
    boxes: Boxes
    """Around each defect with a margin, as DeepPCB annotates; no two overlap."""
    labels: Labels
    """Index into CLASSES."""
    template: Image
    """The same board without its defects: equal to `image` outside the boxes."""


def board(
    seed: int,
    *,
    defects: int | None = None,
    size: tuple[int, int] = (640, 640),
    extent: int | None = None,
    product: int | None = None,
    clogged: tuple[int, int] | None = None,
) -> SyntheticBoard:
    """Board number `seed`. `defects`: how many to paint, None for 1-9 at random, 0 for a good board.

    `size` is height and width, at least SMALLEST_SIDE each. Fewer defects are painted where a small or full
    board has no room for more: the boxes tell. `extent` asks for defects whose longer side is so many pixels
    (synthetic_sized.py); None leaves it to chance. Boards of one `product` have one layout. `clogged` is a
    place (x, y) in pixels around which all defects lie (synthetic_clogged.py).
    """
    if min(size) < SMALLEST_SIDE:
        least = f"{SMALLEST_SIDE} x {SMALLEST_SIDE}"
        raise ValueError(f"a board of {size[0]} x {size[1]} has no room: at least {least}")
    # One stream for each part: the layout of a seed does not depend on how many defects are asked for.
    layout_rng, edge_rng, defect_rng, pour_rng = np.random.default_rng(seed).spawn(4)
    if product is not None:
        layout_rng, _, _, pour_rng = np.random.default_rng(product).spawn(4)
    layout = lay_out(layout_rng, size, pour_rng)
    develop = _Darkroom(edge_rng, size)
    count = int(defect_rng.integers(_FEWEST, _MOST + 1)) if defects is None else defects
    painter = _painter(layout, develop, defect_rng, extent, clogged)
    template = painter.image.copy()
    marks = painter.paint(count)
    return SyntheticBoard(
        image=painter.image,
        boxes=as_boxes([mark.box for mark in marks]),
        labels=as_labels([CLASSES.index(mark.kind) for mark in marks]),
        template=template,
    )


def _painter(
    layout: Layout,
    develop: Develop,
    rng: np.random.Generator,
    extent: int | None,
    clogged: tuple[int, int] | None,
) -> Painter:
    if extent is not None:
        return SizedPainter(layout, develop, rng, extent)
    return Painter(layout, develop, rng) if clogged is None else CloggedPainter(layout, develop, rng, clogged)


def boards(
    seed: int, *, defective_share: float = 0.5, size: tuple[int, int] = (640, 640)
) -> Iterator[SyntheticBoard]:
    """Boards without end; each is defective with the chance `defective_share` (0-1), else good."""
    rng = np.random.default_rng(seed)
    while True:
        defective = rng.random() < defective_share
        yield board(int(rng.integers(2**53)), defects=None if defective else 0, size=size)


class _Darkroom:
    """Copper mask -> picture. A pixel depends on the mask within REACH pixels of it and on nothing else."""

    def __init__(self, rng: np.random.Generator, size: tuple[int, int]) -> None:
        noise = rng.standard_normal(size, dtype=np.float32)
        smooth = cv2.GaussianBlur(noise, (0, 0), float(rng.uniform(0.9, 1.8)))
        self._noise = (smooth * (_RAGGED / 2 / max(float(smooth.std()), 1e-6))).clip(-_RAGGED, _RAGGED)

    def __call__(self, copper: NDArray[np.uint8], window: tuple[int, int, int, int]) -> NDArray[np.uint8]:
        """The picture of `window` (x1, y1, x2, y2) of the mask (1 copper, 0 ground)."""
        x1, y1, x2, y2 = window
        top, left = max(0, y1 - REACH), max(0, x1 - REACH)
        around = copper[top : y2 + REACH, left : x2 + REACH].astype(np.float32)
        soft = cv2.GaussianBlur(around, (2 * REACH + 1, 2 * REACH + 1), 1.0, borderType=cv2.BORDER_REPLICATE)
        field = soft[y1 - top : y2 - top, x1 - left : x2 - left] + self._noise[y1:y2, x1:x2]
        # Rounded so that black is exactly the copper side of 0.5, whatever the last bit of the sum.
        dark = ((field - 0.5) * _STEEPNESS + 0.5).clip(0, 1)
        return np.asarray(np.rint(255 * (1 - dark)), np.uint8)


REACH = 2
"""Pixels: the radius of the blur."""
