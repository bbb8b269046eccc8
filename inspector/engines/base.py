"""The seam between the pipeline and whatever runs the network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class RawOutput:
    """What the network says about a batch of N images of H x W pixels, K classes, A anchor points.

    All scores and the map are probabilities, 0-1; sigmoids are inside the exported network.
    """

    boxes: FloatArray  # (N, A, 4) x1 y1 x2 y2 in pixels of the network's input
    scores: FloatArray  # (N, A, K)
    classes: FloatArray  # (N, 1 + K) image-level: defective, then each class
    attention: FloatArray  # (N, H/8, W/8) the supervised spatial gate


class Engine(Protocol):
    """One network on one device. Not thread-safe: one compute thread at a time."""

    name: str
    """openvino, torch; with the precision behind it where that is not f32: "openvino int8"."""
    device: str
    """As shown to people: "cpu", "cuda:0 NVIDIA H200"."""

    def infer(self, batch: FloatArray) -> RawOutput:
        """(N, C, H, W) float32, 0-1, H and W multiples of the manifest's `multiple`. Any N >= 1.

        Raises InspectionFailed when the device fails.
        """


@runtime_checkable
class Laned(Engine, Protocol):
    """An Engine that has a lone image done soonest; under load shares of its device do more a second."""

    def lanes(self) -> Sequence[Engine]:
        """Opens them: the same network, to run side by side, each in a thread of its own; none where the
        engine itself is the faster one under load too. Engine and lanes may run at the same time."""


def lanes_of(engine: Engine) -> Sequence[Engine]:
    """Empty for one that has none."""
    return engine.lanes() if isinstance(engine, Laned) else ()
