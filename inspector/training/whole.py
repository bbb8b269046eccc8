"""Images that are trained on whole: of one that is only labelled, a crop might miss the defect.

Good images must be taken whole as often as defective ones are, or the network would learn that a whole image
is a defective one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from inspector.data.augment import Picture
from inspector.data.dataset import Image, Sample, as_boxes
from inspector.imaging.opencv import cv2


class Whole:
    """Which samples of a data set are taken whole."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        labelled = sum(sample.labels_only for sample in samples)
        boxed = sum(not sample.good for sample in samples) - labelled
        self.detects = boxed > 0 or not labelled
        """Whether there are boxes to learn; else even a good image teaches nothing about them."""
        self._share = labelled / (labelled + boxed) if labelled else 0.0

    def takes(self, sample: Sample, rng: np.random.Generator) -> bool:
        if not self._share or not sample.good:
            return sample.labels_only
        return bool(rng.random() < self._share)


def whole(picture: Picture, size: int, rng: np.random.Generator) -> Picture:
    """The image on a canvas of `size` x `size`: shrunk if need be, aspect kept, never enlarged; zeros around.

    For pictures without boxes.
    """
    image = _within(picture.image, size)
    height, width = image.shape[:2]
    canvas = np.zeros((size, size, *image.shape[2:]), np.uint8)
    top, left = (int(rng.integers(size - side + 1)) for side in (height, width))
    canvas[top : top + height, left : left + width] = image
    return Picture(canvas, as_boxes([]), picture.labels)


def _within(image: Image, size: int) -> Image:
    height, width = image.shape[:2]
    scale = size / max(height, width)
    if scale >= 1:
        return image
    wanted = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cv2.resize(image, wanted, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
