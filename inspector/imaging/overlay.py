"""What the model saw, drawn on the image: the map as colour, the boxes with class and score.

The page draws its own overlay in the browser; this one is for `inspector inspect --overlay` and reports.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from inspector.imaging.levels import Pixels, displayable
from inspector.imaging.opencv import cv2
from inspector.messages.result import Finding

Image = NDArray[np.uint8]  # (H, W) grey or (H, W, 3) RGB

COUNTED = (230, 30, 30)
"""RGB of a finding that counts as a defect."""
NOT_COUNTED = (240, 170, 0)
"""RGB of one below its threshold, or a second name for a place."""
MAP_OPACITY = 0.5
"""Of the map where it is 1; where it is 0 the image is untouched."""
READABLE_SIDE = 480
"""Pixels: a smaller image is enlarged by a whole factor, or its labels would hide it."""


def draw(image: Pixels, findings: Sequence[Finding], attention: Image | None = None) -> Image:
    """A new (H*k, W*k, 3) RGB image of 8 bits; k > 1 only for small images. `attention` is the (h, w) map."""
    image = displayable(image)
    canvas = image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2)
    factor = max(1, READABLE_SIDE // max(canvas.shape[:2]))
    canvas = np.repeat(np.repeat(canvas, factor, axis=0), factor, axis=1)
    if attention is not None:
        canvas = _blend(canvas, attention)
    for finding in sorted(findings, key=lambda finding: finding.score):
        _draw_finding(canvas, finding, factor)
    return canvas


def encode_png(pixels: Image) -> bytes:
    """(H, W) grey or (H, W, 3) RGB uint8 -> PNG."""
    ordered = pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    written, encoded = cv2.imencode(".png", ordered)
    if not written:
        raise ValueError(f"cannot be written as PNG: {pixels.shape} {pixels.dtype}")
    return encoded.tobytes()


def _blend(canvas: Image, attention: Image) -> Image:
    height, width = canvas.shape[:2]
    field = cv2.resize(attention, (width, height), interpolation=cv2.INTER_LINEAR)
    colour = cv2.cvtColor(cv2.applyColorMap(field, cv2.COLORMAP_TURBO), cv2.COLOR_BGR2RGB)
    weight = field[..., None].astype(np.float32) * np.float32(MAP_OPACITY / 255)
    return (canvas + (colour.astype(np.float32) - canvas) * weight).round().astype(np.uint8)


def _draw_finding(canvas: Image, finding: Finding, factor: int) -> None:
    colour = COUNTED if finding.counted else NOT_COUNTED
    # Thin enough for a 20 px defect, thick enough to be seen when 4000 px are shown on a screen.
    line = max(1, round(max(canvas.shape[:2]) / 700))
    x1, y1, x2, y2 = (round(side * factor) for side in finding.box)
    cv2.rectangle(canvas, (x1 - line, y1 - line), (x2 + line - 1, y2 + line - 1), colour, line)
    _label(canvas, f"{finding.defect_class} {finding.score:.2f}", (x1, y1, y2), colour, line)


def _label(
    canvas: Image, text: str, place: tuple[int, int, int], colour: tuple[int, int, int], line: int
) -> None:
    x, above, below = place
    size = 0.4 * max(1.0, line * 0.8)
    (width, height), baseline = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, size, line)
    tall = height + baseline + 2 * line
    # Above the box; below it where there is no room; always inside the picture's width.
    top = above - line - tall if above - line - tall >= 0 else min(below + line, canvas.shape[0] - tall)
    left = max(0, min(x - line, canvas.shape[1] - width - 2 * line))
    cv2.rectangle(canvas, (left, top), (left + width + 2 * line, top + tall), colour, cv2.FILLED)
    cv2.putText(
        canvas,
        text,
        (left + line, top + height + line),
        cv2.FONT_HERSHEY_SIMPLEX,
        size,
        (255, 255, 255),
        line,
        cv2.LINE_AA,
    )
