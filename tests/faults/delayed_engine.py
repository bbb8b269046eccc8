"""DelayedEngine: an engine that looks at nothing and finds nothing, after a set time.

For large counts of images: the queue, the gateways and the workers around it are what is put to the test.
"""

from __future__ import annotations

import time

import numpy as np

from inspector.engines.base import FloatArray, RawOutput
from inspector.models.bundle import Manifest


class DelayedEngine:
    name = "delayed"
    device = "none"

    def __init__(self, manifest: Manifest, delay_s: float) -> None:
        self._classes = len(manifest.classes)
        self._stride = manifest.attention.stride
        self._delay_s = delay_s

    def infer(self, batch: FloatArray) -> RawOutput:
        time.sleep(self._delay_s)
        count, _, height, width = batch.shape
        return RawOutput(
            boxes=np.zeros((count, 0, 4), np.float32),
            scores=np.zeros((count, 0, self._classes), np.float32),
            classes=np.zeros((count, 1 + self._classes), np.float32),
            attention=np.zeros((count, height // self._stride, width // self._stride), np.float32),
        )
