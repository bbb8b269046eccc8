"""What is shown of an image that is not shown as it is.

preview_of     a PNG of 8 bits a channel, as large as the image, so that its boxes lie where they are: of what
               a browser cannot show
thumbnail_of   a JPEG that fits into THUMBNAIL_SIDE: for lists of parts, which would load megabytes otherwise

For looking at only: the levels are those of `levels.displayable`, by the image's own brightest pixel, and no
verdict is made from them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inspector.imaging.decode import decode
from inspector.imaging.files import facts_of
from inspector.imaging.header import sniff
from inspector.imaging.levels import displayable
from inspector.imaging.opencv import cv2
from inspector.imaging.overlay import encode_png

Shown = NDArray[np.uint8]  # (H, W) grey or (H, W, 3) RGB

THUMBNAIL_SIDE = 360
"""Pixels of its longer side: a tile of the gallery on a screen of twice the usual density."""

_QUALITY = 80
"""Of the JPEG: at this size no artefact is seen."""


def shown_of(image: bytes) -> Shown:
    """Its pixels as a screen shows them. Raises UnsupportedImage, BrokenImage, TooManyPixels."""
    grey = sniff(image).channels < 3
    return displayable(decode(image, facts_of(image), 1 if grey else 3))


def preview_of(shown: Shown) -> bytes:
    """A PNG, grey or RGB."""
    return encode_png(shown)


def thumbnail_of(shown: Shown) -> bytes:
    """A JPEG, grey or RGB, never larger than the image."""
    height, width = shown.shape[:2]
    scale = min(1.0, THUMBNAIL_SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    # By area: each pixel of the small one is the mean of those that it stands for.
    small = cv2.resize(shown, size, interpolation=cv2.INTER_AREA)
    ordered = small if small.ndim == 2 else cv2.cvtColor(small, cv2.COLOR_RGB2BGR)
    written, encoded = cv2.imencode(".jpg", ordered, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    if not written:
        raise ValueError(f"cannot be written as JPEG: {small.shape} {small.dtype}")
    return encoded.tobytes()
