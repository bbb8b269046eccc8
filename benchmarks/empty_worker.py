"""`python -m benchmarks.empty_worker [flags of python -m workers inspect]`: a worker whose engine answers at once.

What is left is the service itself: queue, decoding, verdict, result. The engine finds nothing; its maps are black.
"""

from __future__ import annotations

import sys
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

    def __init__(self, manifest: Manifest) -> None:
        self._classes = len(manifest.classes)
        self._stride = manifest.attention.stride

    def lanes(self) -> Sequence[Engine]:
        """See Laned.lanes: one, so that all goes the way that it goes on a CPU."""
        return [self]

    def infer(self, batch: FloatArray) -> RawOutput:
        """See Engine.infer."""
        count, _, height, width = batch.shape
        return RawOutput(
            boxes=np.zeros((count, 0, 4), np.float32),
            scores=np.zeros((count, 0, self._classes), np.float32),
            classes=np.zeros((count, 1 + self._classes), np.float32),
            attention=np.zeros((count, height // self._stride, width // self._stride), np.float32),
        )


def _pipeline(settings: InspectSettings) -> Pipeline:
    bundle = Bundle.load(resolve(settings.model))
    return Pipeline(bundle, EmptyEngine(bundle.manifest), max_pixels=settings.max_image_pixels)


if __name__ == "__main__":
    sys.exit(main(["inspect", *sys.argv[1:]], {"inspect": lambda flags: inspect(flags, _pipeline)}))
