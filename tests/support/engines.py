"""Engines that say or do what a test wants, behind the real seam."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

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
