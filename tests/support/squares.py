"""Grey pictures with one black square each: what a small network learns in seconds."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from inspector.data.dataset import Dataset, Sample, as_boxes, as_labels


def make(folder: Path, count: int = 8, *, good: int = 0, seed: int = 0) -> Dataset:
    """Pictures of 64 x 64 in `folder`, PNG; the last `good` of them without a square, but not blank."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    samples = []
    for index in range(count):
        x, y = rng.integers(4, 44, 2)
        image = np.full((64, 64), 200, np.uint8)
        image[0, 0] = 190
        boxes = [[x, y, x + 16, y + 16]] if index < count - good else []
        if boxes:
            image[y : y + 16, x : x + 16] = 0
        path = folder / f"{index}.png"
        write(path, image)
        samples.append(
            Sample(str(index), path, as_boxes(boxes), as_labels([0] * len(boxes)), group=str(index))
        )
    return Dataset(("square",), tuple(samples))


def write(path: Path, image: NDArray[np.uint8]) -> None:
    assert cv2.imwrite(str(path), image)
