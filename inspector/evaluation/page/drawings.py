"""Pictures for the report: a place on a part with true and found boxes, and beside it with the map.

They are drawn about as large as the page shows them, so that lines and labels keep their width.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from inspector.evaluation.predictions import Case
from inspector.imaging import overlay
from inspector.imaging.opencv import cv2
from inspector.imaging.overlay import Image
from inspector.messages.result import Finding

Box = tuple[float, float, float, float]
Window = tuple[int, int, int, int]  # x1 y1 x2 y2 in pixels

TRUE = (20, 150, 60)
"""RGB of a true box."""

SURROUNDINGS, LEAST = 4.0, 128
"""A close-up is four times as wide as what it shows, and at least so many pixels."""

PANE = 256
"""Pixels: a smaller pane is enlarged by a whole factor to at least this, a larger one shrunk to twice it."""

_GAP, _GREY = 4, 197
"""Pixels between the two panes, and their colour: parts may be white as well as black."""

_FAINT = 0.5
"""Findings below this share of their threshold would only hide the part."""


def close_up(image: Image, case: Case, box: Box) -> Image:
    """(h, w, 3) RGB around a box; left the boxes with their labels, right the map."""
    window = _window(box, image.shape)
    plain, factor = _sized(_cut(image, window))
    left = overlay.draw(plain, _placed(case, window, factor))
    return _beside(_with_truths(left, case, window, factor), plain, _map(case, image.shape, window))


def whole(image: Image, case: Case) -> Image:
    """(h, w, 3) RGB of the whole part; left the boxes without labels, which would hide it, right the map."""
    height, width = image.shape[:2]
    window = (0, 0, width, height)
    plain, factor = _sized(_cut(image, window))
    left = overlay.draw(plain, [])
    for finding in _placed(case, window, factor):
        colour = overlay.COUNTED if finding.counted else overlay.NOT_COUNTED
        _rectangle(left, finding.box, colour, 2)
    return _beside(_with_truths(left, case, window, factor), plain, _map(case, image.shape, window))


def _cut(image: Image, window: Window) -> Image:
    x1, y1, x2, y2 = window
    return image[y1:y2, x1:x2]


def _sized(image: Image) -> tuple[Image, float]:
    """About `PANE` pixels, and the factor that made it so."""
    side = max(image.shape[:2])
    if side < PANE:
        times = -(-PANE // side)
        return np.repeat(np.repeat(image, times, axis=0), times, axis=1), float(times)
    factor = min(1.0, 2 * PANE / side)
    size = tuple(max(1, round(length * factor)) for length in image.shape[1::-1])
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8), factor


def _beside(left: Image, plain: Image, field: Image | None) -> Image:
    if field is None:
        return left
    gap = np.full((len(left), _GAP, 3), _GREY, np.uint8)
    return np.concatenate([left, gap, overlay.draw(plain, [], field)], axis=1)


def _map(case: Case, shape: tuple[int, ...], window: Window) -> Image | None:
    attention = case.prediction.attention
    if attention is None:
        return None
    x1, y1, x2, y2 = window
    whole = cv2.resize(attention, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(whole[y1:y2, x1:x2], np.uint8)


def _window(box: Box, shape: tuple[int, ...]) -> Window:
    """A square around the box, moved into the image where it can be."""
    x1, y1, x2, y2 = box
    side = max(LEAST, round(SURROUNDINGS * max(x2 - x1, y2 - y1)))
    left, right = _span((x1 + x2) / 2, side, shape[1])
    top, bottom = _span((y1 + y2) / 2, side, shape[0])
    return left, top, right, bottom


def _span(middle: float, side: int, limit: int) -> tuple[int, int]:
    start = max(0, min(round(middle - side / 2), limit - side))
    return start, min(limit, start + side)


def _placed(case: Case, window: Window, factor: float) -> list[Finding]:
    """The findings in the window that count, or nearly do, in the pane's own pixels."""
    return [
        finding.model_copy(update={"box": _in_pane(finding.box, window, factor)})
        for finding in case.judgement.findings
        if (finding.counted or finding.score >= _FAINT * finding.threshold) and _meets(finding.box, window)
    ]


def _meets(box: Sequence[float], window: Window) -> bool:
    return box[0] < window[2] and box[1] < window[3] and box[2] > window[0] and box[3] > window[1]


def _in_pane(box: Sequence[float], window: Window, factor: float) -> Box:
    x, y = window[:2]
    x1, y1, x2, y2 = box
    return (x1 - x) * factor, (y1 - y) * factor, (x2 - x) * factor, (y2 - y) * factor


def _with_truths(canvas: Image, case: Case, window: Window, factor: float) -> Image:
    for box in case.truth_boxes.tolist():
        # Outside the found box's line, so that both are seen where they agree.
        x1, y1, x2, y2 = _in_pane(box, window, factor)
        _rectangle(canvas, (x1 - 3, y1 - 3, x2 + 3, y2 + 3), TRUE, 2)
    return canvas


def _rectangle(canvas: Image, box: Box, colour: tuple[int, int, int], line: int) -> None:
    x1, y1, x2, y2 = (round(side) for side in box)
    cv2.rectangle(canvas, (x1, y1), (x2, y2), colour, line)
