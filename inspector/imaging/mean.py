"""The mean of some images: what a product looks like, for a map of its defects to lie on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inspector.errors import BrokenImage
from inspector.imaging.header import check_pixels, sniff
from inspector.imaging.opencv import MAX_PIXELS, cv2

LONGEST_SIDE = 640
"""Pixels: a background on a page, of 20-80 kB."""

_QUALITY = 82


class MeanImage:
    """Holds one sum, however many images are added. The first one's shape is the mean's."""

    def __init__(self) -> None:
        self.images = 0
        self._sum: NDArray[np.float64] | None = None  # (H, W, 3) BGR

    def add(self, image: bytes) -> None:
        """Raises UnsupportedImage, TooManyPixels, BrokenImage; the mean is then what it was."""
        check_pixels(sniff(image), MAX_PIXELS)
        try:
            pixels = cv2.imdecode(
                np.frombuffer(image, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
            )
        except cv2.error as error:
            raise BrokenImage(f"its data is damaged: {error.err}") from error
        if pixels is None:
            raise BrokenImage("it ends early or its data is damaged")
        if self._sum is None:
            self._sum = np.zeros((*_fitted(*pixels.shape[:2]), 3))
        height, width = self._sum.shape[:2]
        self._sum += cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
        self.images += 1

    def jpeg(self) -> bytes:
        """Raises ValueError without an image."""
        if self._sum is None:
            raise ValueError("a mean of nothing")
        mean = np.rint(self._sum / self.images).astype(np.uint8)
        ok, encoded = cv2.imencode(".jpg", mean, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
        if not ok:
            raise BrokenImage("the mean could not be encoded")
        return encoded.tobytes()


def _fitted(height: int, width: int) -> tuple[int, int]:
    scale = min(1.0, LONGEST_SIDE / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))
