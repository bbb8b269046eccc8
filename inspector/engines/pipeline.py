"""Pipeline: image bytes -> Inspection. Workers, `inspector inspect` and evaluation run this one, unchanged.

decode   one image: digest, pixels, network input   (any thread)
infer    a batch: network, boxes, scores, maps      (the thread that owns the engine)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from inspector.engines.base import Engine
from inspector.engines.postprocess import Inspection, inspection
from inspector.errors import BrokenImage, InspectionFailed
from inspector.imaging.decode import decode
from inspector.imaging.opencv import MAX_PIXELS
from inspector.imaging.preprocess import Prepared, prepare
from inspector.messages.job import ImageFacts
from inspector.messages.result import ModelRef
from inspector.models.bundle import Bundle


class Pipeline:
    """One bundle on one engine."""

    def __init__(self, bundle: Bundle, engine: Engine, *, max_pixels: int = MAX_PIXELS) -> None:
        self.bundle = bundle
        self.engine = engine
        self._max_pixels = max_pixels
        manifest = bundle.manifest
        self.model = ModelRef(name=manifest.name, version=manifest.version, sha256=bundle.sha256)

    def decode(self, image: bytes, facts: ImageFacts) -> Prepared:
        """Raises what imaging.decode raises, and BrokenImage for one without any contrast: a lamp or a sensor
        that is off shows no defects. Safe to call from several threads."""
        rules = self.bundle.manifest.input
        pixels = decode(image, facts, rules.channels, max_pixels=self._max_pixels)
        if pixels.min() == pixels.max():
            raise BrokenImage("all its pixels are alike: it shows no part")
        return prepare(pixels, rules)

    def infer(self, batch: Sequence[Prepared]) -> list[Inspection]:
        """One Inspection for each image, in order; images of one shape share a run of the network.

        Raises InspectionFailed for the batch as a whole: try its images one by one to tell them apart.
        """
        found: dict[int, Inspection] = {}
        for indices in _by_shape(batch).values():
            raw = self.engine.infer(np.stack([batch[index].array for index in indices]))
            if len(raw.boxes) != len(indices):
                raise InspectionFailed(f"{len(indices)} images went in and {len(raw.boxes)} came out")
            for row, index in enumerate(indices):
                found[index] = inspection(raw, row, batch[index], self.bundle.manifest)
        return [found[index] for index in range(len(batch))]

    def warm_up(self) -> None:
        """Run an empty image of the nominal size: the first part must not pay for the start, and an engine
        that cannot work shows it here. Raises InspectionFailed."""
        spec = self.bundle.manifest.input
        height, width = spec.nominal
        self.infer([Prepared(np.zeros((spec.channels, height, width), np.float32), 1.0, width, height)])


def _by_shape(batch: Sequence[Prepared]) -> dict[tuple[int, ...], list[int]]:
    groups: defaultdict[tuple[int, ...], list[int]] = defaultdict(list)
    for index, prepared in enumerate(batch):
        groups[prepared.array.shape].append(index)
    return groups
