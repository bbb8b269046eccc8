"""`python -m benchmarks.empty_worker [flags of python -m workers inspect]`: a worker whose engine answers at
once.

What is left is the service itself: queue, decoding, verdict, result. The engine finds nothing, or what the
variable BENCHMARK_FINDINGS says, apart from each other; its maps are black. BENCHMARK_MS makes it sleep so
long for each image: a pace that no other work on the machine changes.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence

import numpy as np

from inspector.engines.base import Engine, FloatArray, RawOutput
from inspector.engines.pipeline import Pipeline
from inspector.models.bundle import Bundle, Manifest, resolve
from workers.__main__ import inspect, main
from workers.settings import InspectSettings


class EmptyEngine:
    """A Laned Engine."""

    name = "empty"
    device = "none"

    def __init__(self, manifest: Manifest, findings: int = 0, sleep_s: float = 0.0) -> None:
        self._findings = findings
        self._sleep_s = sleep_s
        self._classes = len(manifest.classes)
        self._stride = manifest.attention.stride

    def lanes(self) -> Sequence[Engine]:
        """See Laned.lanes: one, so that all goes the way that it goes on a CPU."""
        return [self]

    def infer(self, batch: FloatArray) -> RawOutput:
        """See Engine.infer."""
        count, _, height, width = batch.shape
        time.sleep(self._sleep_s * count)
        return RawOutput(
            boxes=np.repeat(_grid(self._findings)[None], count, 0),
            scores=np.repeat(_scores(self._findings, self._classes)[None], count, 0),
            classes=np.zeros((count, 1 + self._classes), np.float32),
            attention=np.zeros((count, height // self._stride, width // self._stride), np.float32),
        )


def _grid(count: int) -> FloatArray:
    """(count, 4): boxes of 10 x 10 pixels, 20 apart, 30 in a row."""
    place = np.arange(count)
    corner = np.stack([place % 30 * 20, place // 30 * 20], axis=1)
    return np.concatenate([corner, corner + 10], axis=1).astype(np.float32)


def _scores(count: int, classes: int) -> FloatArray:
    """(count, classes): the first class, just seen."""
    scores = np.zeros((count, classes), np.float32)
    scores[:, 0] = 0.1
    return scores


def _pipeline(settings: InspectSettings) -> Pipeline:
    bundle = Bundle.load(resolve(settings.model))
    findings = int(os.environ.get("BENCHMARK_FINDINGS", "0"))
    engine = EmptyEngine(bundle.manifest, findings, float(os.environ.get("BENCHMARK_MS", "0")) / 1000)
    return Pipeline(bundle, engine, max_pixels=settings.max_image_pixels)


if __name__ == "__main__":
    sys.exit(main(["inspect", *sys.argv[1:]], {"inspect": lambda flags: inspect(flags, _pipeline)}))
