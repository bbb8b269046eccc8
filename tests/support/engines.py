"""Engines that say or do what a test wants, behind the real seam."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import cv2
import numpy as np

from inspector.engines.base import Engine, FloatArray, RawOutput
from inspector.errors import InspectionFailed

CLASSES = 6


def raw_output(
    boxes: Sequence[Sequence[float]], scores: Sequence[Sequence[float]], *, cells: tuple[int, int] = (16, 16)
) -> RawOutput:
    """Of one image: boxes (A, 4), scores (A, K); a quiet image level and an empty map."""
    return RawOutput(
        boxes=np.array(boxes, np.float32).reshape(1, -1, 4),
        scores=np.array(scores, np.float32).reshape(1, -1, CLASSES),
        classes=np.full((1, 1 + CLASSES), 0.1, np.float32),
        attention=np.zeros((1, *cells), np.float32),
    )


def changed(raw: RawOutput, **arrays: Any) -> RawOutput:
    return replace(raw, **arrays)


class Blobs:
    """Sees every bright piece of a dark input, as a perfect detector of what an input shows: a piece that the
    input's edge cuts has the box of what is left of it. The map is 1 on it."""

    name = "blobs"
    device = "cpu"

    def __init__(self, *, label: int = 3, score: float = 0.9) -> None:
        self.label = label
        self.score = score
        self.batches: list[int] = []

    def infer(self, batch: FloatArray) -> RawOutput:
        self.batches.append(len(batch))
        found = [self._boxes(image[0]) for image in batch]
        anchors = max(1, *(len(boxes) for boxes in found))
        boxes, scores = np.zeros((len(batch), anchors, 4)), np.zeros((len(batch), anchors, CLASSES))
        classes = np.zeros((len(batch), 1 + CLASSES), np.float32)
        for row, own in enumerate(found):
            boxes[row, : len(own)] = own
            scores[row, : len(own), self.label] = self.score
            classes[row, [0, 1 + self.label]] = self.score if len(own) else 0.01
        height, width = batch.shape[2:]
        cells = batch[:, 0].reshape(len(batch), height // 8, 8, width // 8, 8).max(axis=(2, 4))
        return RawOutput(boxes.astype(np.float32), scores.astype(np.float32), classes, cells)

    def _boxes(self, plane: FloatArray) -> FloatArray:
        _, _, stats, _ = cv2.connectedComponentsWithStats((plane > 0.5).astype(np.uint8))
        x, y, width, height = stats[1:, :4].T
        return np.stack([x, y, x + width, y + height], axis=1).astype(np.float32)


class Picky:
    """A real engine that fails where `refuses` says so of a batch, as a device would."""

    name = "picky"
    device = "cpu"

    def __init__(self, engine: Engine, refuses: Callable[[FloatArray], bool]) -> None:
        self.engine = engine
        self.refuses = refuses
        self.batches: list[int] = []

    def infer(self, batch: FloatArray) -> RawOutput:
        self.batches.append(len(batch))
        if self.refuses(batch):
            raise InspectionFailed("the device says no")
        return self.engine.infer(batch)
