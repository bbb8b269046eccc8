"""Pipeline: image bytes -> Inspection. Workers, `inspector inspect` and evaluation run this one, unchanged.

decode   one image: digest, pixels, network input   (any thread)
infer    a batch: network, boxes, scores, maps      (the thread that owns the engine)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from inspector.engines.base import Engine
from inspector.engines.postprocess import Inspection, View, inspection, look
from inspector.errors import BrokenImage, InspectionFailed
from inspector.imaging.decode import decode
from inspector.imaging.opencv import MAX_PIXELS
from inspector.imaging.preprocess import Prepared, prepare
from inspector.imaging.tiles import Tile
from inspector.messages.job import ImageFacts
from inspector.messages.result import ModelRef
from inspector.models.bundle import Bundle

RUN_PIXELS = 8_000_000
"""Of the tiles in one run of the network, about 20 of 640 x 640: what they and the network's first layers
take stays near 200 MB, however large the image."""


class Pipeline:
    """One bundle on one engine."""

    def __init__(self, bundle: Bundle, engine: Engine, *, max_pixels: int = MAX_PIXELS) -> None:
        self.bundle = bundle
        self.engine = engine
        self._max_pixels = max_pixels
        manifest = bundle.manifest
        self.model = ModelRef(name=manifest.name, version=manifest.version, sha256=bundle.sha256)

    def decode(self, image: bytes, facts: ImageFacts) -> Prepared:
        """Raises what imaging.decode raises, WrongLevels, and BrokenImage for one without any contrast: a
        lamp or a sensor that is off shows no defects. Safe to call from several threads."""
        rules = self.bundle.manifest.input
        pixels = decode(image, facts, rules.channels, max_pixels=self._max_pixels)
        if pixels.min() == pixels.max():
            raise BrokenImage("all its pixels are alike: it shows no part")
        return prepare(pixels, rules)

    def infer(
        self,
        batch: Sequence[Prepared],
        on_run: Callable[[], None] = lambda: None,
        engine: Engine | None = None,
    ) -> list[Inspection]:
        """One Inspection for each image, in order; inputs of one shape share a run of the network.

        It runs on `engine`, a lane of the pipeline's own, or on that. An image in tiles takes several runs;
        `on_run` is called after each. Raises InspectionFailed for the batch as a whole: try its images one by
        one to tell them apart.
        """
        engine = engine or self.engine
        views: defaultdict[int, list[View]] = defaultdict(list)
        for run in _runs(batch):
            inputs = [batch[image].input(tile) for image, tile in run]
            # One alone is not copied: a megabyte or two, at every image.
            raw = engine.infer(np.stack(inputs) if len(inputs) > 1 else inputs[0][None])
            if len(raw.boxes) != len(run):
                raise InspectionFailed(f"{len(run)} images went in and {len(raw.boxes)} came out")
            for row, (image, tile) in enumerate(run):
                views[image].append(look(raw, row, batch[image], tile, self.bundle.manifest))
            on_run()
        return [inspection(views[image], batch[image], self.bundle.manifest) for image in range(len(batch))]

    def warm_up(self, engine: Engine | None = None) -> None:
        """Run an empty image of the nominal size: the first part must not pay for the start, and an engine
        that cannot work shows it here. Raises InspectionFailed."""
        spec = self.bundle.manifest.input
        height, width = spec.nominal
        black, whole = np.zeros(spec.nominal, np.uint8), np.zeros((spec.channels, height, width), np.float32)
        empty = Prepared(black, (Tile(0, 0, width, height),), width, height, spec, whole)
        self.infer([empty], engine=engine)


_Input = tuple[int, int]
"""Indices of an image in the batch and of one of its tiles."""


def _runs(batch: Sequence[Prepared]) -> Iterator[list[_Input]]:
    """What goes through the network together: inputs of one shape, no more than fit."""
    shapes: defaultdict[tuple[int, int], list[_Input]] = defaultdict(list)
    for image, prepared in enumerate(batch):
        for index, tile in enumerate(prepared.tiles):
            shapes[tile.height, tile.width].append((image, index))
    for (height, width), inputs in shapes.items():
        # Never fewer than there are images: how many of these go together is the caller's choice.
        count = max(len(batch), RUN_PIXELS // (height * width), 1)
        for start in range(0, len(inputs), count):
            yield inputs[start : start + count]
