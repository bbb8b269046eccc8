"""Images that are trained on whole: of one that is only labelled, a crop might miss the defect.

Good images must be taken whole as often as defective ones are, or the network would learn that a whole image
is a defective one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from inspector.data.augment import Picture
from inspector.data.dataset import Image, Sample, as_boxes
from inspector.imaging.preprocess import shrunk


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


def whole(picture: Picture, size: int) -> Picture:
    """All of it within `size` x `size` pixels: shrunk if need be, aspect kept, never enlarged.

    For pictures without boxes. Augmentation will crop nothing of it.
    """
    return Picture(_within(picture.image, size), as_boxes([]), picture.labels, whole=True)


def _within(image: Image, size: int) -> Image:
    return shrunk(image, size / max(image.shape[:2]))
