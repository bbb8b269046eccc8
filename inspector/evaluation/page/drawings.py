"""Pictures for the report: a place on a part with true and found boxes, and beside it with the map."""

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

WIDEST = 720
"""Pixels: a whole part is shrunk to this, which is more than a page shows."""

_GAP = 8
"""White pixels between the two panes."""

_FAINT = 0.5
"""Findings below this share of their threshold would only hide the part."""


def close_up(image: Image, case: Case, box: Box) -> Image:
    """(h, w, 3) RGB around a box; boxes left, map right."""
    return _panes(image, case, _window(box, image.shape))


def whole(image: Image, case: Case) -> Image:
    """(h, w, 3) RGB of the whole part; boxes left, map right."""
    height, width = image.shape[:2]
    return _panes(image, case, (0, 0, width, height))


def _panes(image: Image, case: Case, window: Window) -> Image:
    x1, y1, x2, y2 = window
    plain = image[y1:y2, x1:x2]
    findings = [_moved(finding, x1, y1) for finding in _shown(case, window)]
    truths = [(a - x1, b - y1, c - x1, d - y1) for a, b, c, d in case.truth_boxes.tolist()]
    left = _with_truths(overlay.draw(plain, findings), truths, plain.shape)
    field = _map(case, image.shape, window)
    if field is None:
        return _shrunk(left)
    right = overlay.draw(plain, [], field)
    gap = np.full((len(left), _GAP, 3), 255, np.uint8)
    return np.concatenate([_shrunk(left), gap[: len(_shrunk(left))], _shrunk(right)], axis=1)


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


def _shown(case: Case, window: Window) -> list[Finding]:
    """Those in the window that count, or nearly do."""
    x1, y1, x2, y2 = window
    return [
        finding
        for finding in case.judgement.findings
        if (finding.counted or finding.score >= _FAINT * finding.threshold)
        and finding.box[0] < x2
        and finding.box[1] < y2
        and finding.box[2] > x1
        and finding.box[3] > y1
    ]


def _moved(finding: Finding, x: int, y: int) -> Finding:
    x1, y1, x2, y2 = finding.box
    return finding.model_copy(update={"box": (x1 - x, y1 - y, x2 - x, y2 - y)})


def _with_truths(canvas: Image, truths: Sequence[Box], shape: tuple[int, ...]) -> Image:
    factor = canvas.shape[0] // shape[0]
    line = max(1, round(max(canvas.shape[:2]) / 500))
    for box in truths:
        x1, y1, x2, y2 = (round(side * factor) for side in box)
        # Outside the found box's line, so that both are seen where they agree.
        far = 3 * line
        cv2.rectangle(canvas, (x1 - far, y1 - far), (x2 + far, y2 + far), TRUE, line)
    return canvas


def _shrunk(picture: Image) -> Image:
    height, width = picture.shape[:2]
    scale = WIDEST / max(height, width)
    if scale >= 1:
        return picture
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
