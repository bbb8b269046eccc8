"""Samples to batches: seeded, augmented, prepared one batch ahead in a thread."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from inspector.data.augment import Augmentation, Picture, augment
from inspector.data.dataset import Image, Sample
from inspector.data.healed import is_blank
from inspector.data.synthetic import board
from inspector.errors import DataError
from inspector.imaging.decode import Channels
from inspector.imaging.files import read_image
from inspector.training.whole import Whole, whole

CACHED_IMAGES = 4_000
"""Decoded images held in memory: 1.6 GB at 640 x 640 grey."""

SYNTHETIC_BOARDS = 1_000
"""Distinct synthetic boards that a run draws from; held in memory: drawing takes time."""

SYNTHETIC_SEED = 1_000_000_000
"""Their first seed: far from those that the demo and the tests draw, so that none of these is trained on."""


@dataclass(frozen=True, slots=True)
class Batch:
    images: Tensor  # (N, C, S, S) float32, 0-1
    boxes: Tensor  # (N, M, 4) pixels, zero-padded
    labels: Tensor  # (N, M)
    valid: Tensor  # (N, M) bool: which rows are boxes
    named: Tensor | None = None  # (N, M) bool: which rows of `labels` are of the image, without a box
    boxed: Tensor | None = None  # (N,) bool: whose boxes are all known; None: everyone's

    def to(self, device: torch.device) -> Batch:
        return self._each(lambda tensor: tensor.to(device))

    def rows(self, rows: Tensor) -> Batch:
        """Some of its images, by their numbers (n,)."""
        return self._each(lambda tensor: tensor[rows])

    def _each(self, change: Callable[[Tensor], Tensor]) -> Batch:
        held = ((field.name, getattr(self, field.name)) for field in fields(self))
        changed: dict[str, Any] = {name: change(x) for name, x in held if isinstance(x, Tensor)}
        return replace(self, **changed)


class Loader:
    """Endless batches; step n is the same for the same seed, whatever came before it."""

    def __init__(
        self, samples: tuple[Sample, ...], channels: Channels, seed: int, synthetic_share: float
    ) -> None:
        if not samples:
            raise DataError("the training part holds no image")
        self._samples = samples
        self._channels = channels
        self._seed = seed
        self._synthetic_share = synthetic_share
        self._whole = Whole(samples)
        # A threshold at mid grey can wipe out a defect, and of these only the label would be left.
        self._augmentation = Augmentation() if self._whole.detects else Augmentation(binarise=0.0)
        self._ahead = ThreadPoolExecutor(max_workers=1, thread_name_prefix="loader")

    def epoch_steps(self, batch: int) -> int:
        return max(1, -(-len(self._samples) // batch))

    def batches(self, step: int, size: int, batch: int) -> Iterator[Batch]:
        """Batches from `step` on, for as long as they are asked for."""
        pending = self._ahead.submit(self._batch, step, size, batch)
        while True:
            step += 1
            ready, pending = pending, self._ahead.submit(self._batch, step, size, batch)
            yield ready.result()

    def close(self) -> None:
        self._ahead.shutdown(cancel_futures=True)

    def _batch(self, step: int, size: int, batch: int) -> Batch:
        rng = np.random.default_rng([self._seed, step])
        pictures = [augment(self._picture(size, rng), size, self._augmentation, rng) for _ in range(batch)]
        return _collate(pictures, detects=self._whole.detects)

    def _picture(self, size: int, rng: np.random.Generator) -> Picture:
        if rng.random() < self._synthetic_share:
            return _synthetic(int(rng.integers(SYNTHETIC_BOARDS)))
        sample = self._samples[rng.integers(len(self._samples))]
        template = _template(sample.template, self._channels)
        picture = Picture(_read(sample.image, self._channels), sample.boxes, sample.labels, template)
        return whole(picture, size, rng) if self._whole.takes(sample, rng) else picture


@lru_cache(maxsize=CACHED_IMAGES)
def _read(path: Path, channels: Channels) -> Image:
    return read_image(path, channels)


@lru_cache(maxsize=CACHED_IMAGES)
def _template(path: Path | None, channels: Channels) -> Image | None:
    """A template that can heal: a blank one would paste holes into the board."""
    if path is None:
        return None
    template = read_image(path, channels)
    return None if is_blank(template) else template


@lru_cache(maxsize=SYNTHETIC_BOARDS)
def _synthetic(index: int) -> Picture:
    drawn = board(SYNTHETIC_SEED + index)
    return Picture(drawn.image, drawn.boxes, drawn.labels, drawn.template)


def _collate(pictures: list[Picture], *, detects: bool = True) -> Batch:
    images = np.stack([picture.image for picture in pictures])
    images = images[:, None] if images.ndim == 3 else images.transpose(0, 3, 1, 2)
    most = max(1, *(len(picture.labels) for picture in pictures))
    boxes = torch.zeros(len(pictures), most, 4)
    labels = torch.zeros(len(pictures), most, dtype=torch.int64)
    valid, named = (torch.zeros(len(pictures), most, dtype=torch.bool) for _ in range(2))
    for i, picture in enumerate(pictures):
        n = len(picture.boxes)
        boxes[i, :n] = torch.from_numpy(picture.boxes)
        labels[i, : len(picture.labels)] = torch.from_numpy(picture.labels)
        valid[i, :n] = True
        named[i, n : len(picture.labels)] = True
    boxed = ~named.any(1) & detects
    pixels = torch.from_numpy(np.ascontiguousarray(images)).float() / 255
    return Batch(pixels, boxes, labels, valid, named, boxed)
