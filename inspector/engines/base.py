"""The seams between the pipeline and whatever runs the network.

Engine    any: float inputs -> everything that the network says
Laned     one whose device is worth sharing out, an image a share: a CPU
Sifter    one with a memory of its own, where stored levels go and from which only what matters returns: a GPU
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from inspector.imaging.levels import Pixels

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


@dataclass(frozen=True, slots=True)
class Sifted:
    """What is left of a RawOutput for one input: the n scores of which findings can come (sifting.py), in the
    order of anchor points, then classes."""

    boxes: FloatArray  # (n, 4)
    scores: FloatArray  # (n,)
    labels: NDArray[np.intp]  # (n,)
    classes: FloatArray  # (1 + K,)
    attention: FloatArray  # (H/8, W/8)


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


@runtime_checkable
class Sifter(Engine, Protocol):
    """An Engine that takes levels as they are stored, a quarter of what floats take, and sifts what the
    network says before it comes back."""

    largest: int
    """Inputs that go through it together; more are run in turns."""

    def sift(self, windows: Sequence[Pixels], size: tuple[int, int]) -> list[Sifted]:
        """Of inputs of `size` (height, width), each filled by its window from the top left corner; the rest
        is padding. Raises InspectionFailed: the device fails, or the network's numbers make no sense."""

    def prepare(self, size: tuple[int, int]) -> None:
        """Do now what the first inputs of this size would wait for. Raises InspectionFailed."""

    def slots(self) -> Sequence[Sifter]:
        """Opens them: this one and others of the same network on the same device, each for one batch under
        way, each in a thread of its own: while one is computed, the next one goes there and the last one
        comes back."""


def lanes_of(engine: Engine) -> Sequence[Engine]:
    """Empty for one that has none."""
    return engine.lanes() if isinstance(engine, Laned) else ()


def slots_of(engine: Engine) -> Sequence[Engine]:
    """The engine alone for one that has no others."""
    return engine.slots() if isinstance(engine, Sifter) else (engine,)
