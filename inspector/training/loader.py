"""Samples to batches: seeded, augmented, prepared some batches ahead in threads."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from inspector.data.augment import Picture, augment
from inspector.data.dataset import Dataset, Image, Sample
from inspector.data.geometry import padded_side
from inspector.data.healed import is_blank
from inspector.data.paste import donors, paste
from inspector.data.sampling import shares
from inspector.data.synthetic import SyntheticBoard, board
from inspector.data.tailored import pasted_classes
from inspector.errors import BadInput, DataError
from inspector.imaging.files import read_image
from inspector.imaging.opencv import cv2
from inspector.training.cache import ByteCache, affordable
from inspector.training.config import TrainConfig
from inspector.training.whole import Whole, whole

SYNTHETIC_BOARDS = 1_000
"""Distinct synthetic boards that a run draws from; held in memory: drawing takes time."""

SYNTHETIC_SEED = 1_000_000_000
"""Their first seed: far from those that the demo and the tests draw, so that none of these is trained on."""


@dataclass(frozen=True, slots=True)
class Batch:
    images: Tensor  # (N, C, H, W) float32, 0-1; H and W are multiples of 32
    boxes: Tensor  # (N, M, 4) pixels, zero-padded
    labels: Tensor  # (N, M)
    valid: Tensor  # (N, M) bool: which rows are boxes
    named: Tensor | None = None  # (N, M) bool: which rows of `labels` are of the image, without a box
    boxed: Tensor | None = None  # (N,) bool: whose boxes are all known; None: everyone's

    def to(self, device: torch.device) -> Batch:
        """On a CUDA device the copy goes on while the CPU does other things, if the memory is pinned."""
        return self._each(lambda tensor: tensor.to(device, non_blocking=True))

    def pinned(self) -> Batch:
        return self._each(lambda tensor: tensor.pin_memory())

    def rows(self, rows: Tensor) -> Batch:
        """Some of its images, by their numbers (n,)."""
        return self._each(lambda tensor: tensor[rows])

    def _each(self, change: Callable[[Tensor], Tensor]) -> Batch:
        held = ((field.name, getattr(self, field.name)) for field in fields(self))
        changed: dict[str, Any] = {name: change(x) for name, x in held if isinstance(x, Tensor)}
        return replace(self, **changed)


class Loader:
    """Endless batches; step n is the same for the same seed, whatever came before it, in any thread."""

    def __init__(self, data: Dataset, config: TrainConfig, *, threads: int = 1, pin: bool = False) -> None:
        if not data.samples:
            raise DataError("the training part holds no image")
        self._config = config
        self._samples = tuple(scaled(sample, config.scale) for sample in data.samples)
        drawn = shares(data.samples, len(data.classes), balance=config.balance, good_share=config.good_share)
        self._up_to = None if drawn is None else np.cumsum(drawn)
        self._whole = Whole(data.samples)
        pastes = config.augmentation.paste > 0
        self._donors = donors(self._samples, pasted_classes(data)) if pastes else ()
        self._pin = pin
        # Half for boards that are drawn, where they are.
        room = affordable() // (2 if config.synthetic_share else 1)
        self._images: ByteCache[Image] = ByteCache(room, lambda image: image.nbytes)
        self._boards: ByteCache[SyntheticBoard] = ByteCache(room, _bytes_of)
        self._threads = threads
        self._ahead = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="loader")

    def epoch_steps(self, batch: int) -> int:
        return max(1, -(-len(self._samples) // batch))

    def batches(self, step: int, size: int, batch: int) -> Iterator[Batch]:
        """Batches from `step` on, for as long as they are asked for."""
        pending: deque[Future[Batch]] = deque()
        while True:
            # One more than there are threads: a finished batch waits while they all work.
            while len(pending) <= self._threads:
                pending.append(self._ahead.submit(self._batch, step, size, batch))
                step += 1
            yield pending.popleft().result()

    def close(self) -> None:
        self._ahead.shutdown(cancel_futures=True)

    def _batch(self, step: int, size: int, batch: int) -> Batch:
        rng = np.random.default_rng([self._config.seed, step])
        recipe, white = self._config.augmentation, self._config.white
        # All of a batch lie or all of them stand: oblong images then need little padding.
        across = bool(rng.integers(2))
        pictures = [
            augment(self._picture(size, rng), size, recipe, rng, white=white, across=across)
            for _ in range(batch)
        ]
        done = collate(pictures, detects=self._whole.detects)
        return done.pinned() if self._pin else done

    def _picture(self, size: int, rng: np.random.Generator) -> Picture:
        if rng.random() < self._config.synthetic_share:
            return self._synthetic(int(rng.integers(SYNTHETIC_BOARDS)))
        sample = self._drawn(rng)
        image, template = self._read(sample.image), self._template(sample.template)
        picture = Picture(image, sample.boxes, sample.labels, template)
        if self._whole.takes(sample, rng):
            # Nothing is pasted either: what is taken whole has no boxes, and what is pasted would have one.
            return whole(picture, size)
        if self._donors and rng.random() < self._config.augmentation.paste:
            donor = self._donors[rng.integers(len(self._donors))]
            source = self._read(donor.sample.image)
            return paste(picture, donor, source, self._config.augmentation.symmetries, rng)
        return picture

    def _drawn(self, rng: np.random.Generator) -> Sample:
        if self._up_to is None:
            return self._samples[rng.integers(len(self._samples))]
        index = int(np.searchsorted(self._up_to, rng.random() * self._up_to[-1], "right"))
        return self._samples[min(index, len(self._samples) - 1)]

    def _read(self, path: Path) -> Image:
        return self._images.get(path, partial(read_scaled, path, self._config))

    def _template(self, path: Path | None) -> Image | None:
        """A template that can heal: a blank one would paste holes into the board."""
        if path is None:
            return None
        template = self._read(path)
        return None if is_blank(template) else template

    def _synthetic(self, index: int) -> Picture:
        drawn = self._boards.get(index, partial(board, SYNTHETIC_SEED + index))
        return Picture(drawn.image, drawn.boxes, drawn.labels, drawn.template)


def _bytes_of(drawn: SyntheticBoard) -> int:
    return drawn.image.nbytes + drawn.template.nbytes


def scaled(sample: Sample, scale: float) -> Sample:
    """Its boxes in pixels of the network."""
    return sample if scale == 1 else replace(sample, boxes=sample.boxes * np.float32(scale))


def read_scaled(path: Path, config: TrainConfig) -> Image:
    """Pixels as the network will see them, in stored levels. Raises DataError, naming the file."""
    try:
        image = read_image(path, config.in_channels)
    except BadInput as error:
        raise DataError(f"{path}: {error}") from error
    if config.scale == 1:
        return image
    height, width = (max(1, round(side * config.scale)) for side in image.shape[:2])
    shrunk: Image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA).astype(image.dtype)
    return shrunk


def collate(pictures: list[Picture], *, detects: bool = True) -> Batch:
    """Pictures are padded with zeros at right and bottom, as in front of the network in service, to the
    smallest size that holds them all.

    `detects`: there are boxes to learn; else even a good image says nothing about them.
    """
    shape = [padded_side(max(picture.image.shape[axis] for picture in pictures)) for axis in (0, 1)]
    images = np.stack([_padded(picture.image, shape) for picture in pictures])
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


def _padded(image: Image, shape: list[int]) -> Image:
    missing = [(0, shape[axis] - image.shape[axis]) for axis in (0, 1)] + [(0, 0)] * (image.ndim - 2)
    return np.pad(image, missing)
