"""Sample and Dataset: what every source gives and all of training and evaluation takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inspector.imaging.levels import Pixels

Boxes = NDArray[np.float32]  # (n, 4) x1 y1 x2 y2 in pixels, x2 and y2 exclusive
Labels = NDArray[np.int64]  # (n,) index into Dataset.classes
Image = Pixels  # (H, W) grey or (H, W, 3) RGB; uint8 or uint16, as stored


@dataclass(frozen=True, slots=True)
class Sample:
    """One image with its boxes; none at all is a good part."""

    name: str
    """Unique in the data set; stable across machines."""
    image: Path
    boxes: Boxes
    labels: Labels
    group: str = ""
    """Board, tile or lot: a split keeps a group on one side."""
    template: Path | None = None
    """An aligned defect-free image, where the data has one."""
    mask: tuple[Path, ...] = ()
    """Files whose union is the defects' pixels, where the data has such; `sources.masks.read` reads them."""


@dataclass(frozen=True, slots=True)
class Dataset:
    classes: tuple[str, ...]
    samples: tuple[Sample, ...]

    def where(self, keep: Callable[[Sample], bool]) -> Dataset:
        return Dataset(self.classes, tuple(sample for sample in self.samples if keep(sample)))

    def __len__(self) -> int:
        return len(self.samples)


def as_boxes(rows: Sequence[Sequence[float]]) -> Boxes:
    """(n, 4) float32, also for n = 0."""
    return np.asarray(rows, dtype=np.float32).reshape(-1, 4)


def as_labels(values: Sequence[int]) -> Labels:
    return np.asarray(values, dtype=np.int64).reshape(-1)
