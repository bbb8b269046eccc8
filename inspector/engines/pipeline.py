"""Pipeline: image bytes -> Inspection. Workers, `inspector inspect` and evaluation run this one, unchanged.

decode   one image: digest, pixels, network input   (any thread)
infer    a batch: network, boxes, scores, maps      (the thread that owns the engine)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import cast

import numpy as np

from inspector.engines.base import Engine, Sifted, Sifter
from inspector.engines.postprocess import Inspection, View, inspection, look
from inspector.engines.sifting import sifted
from inspector.errors import BrokenImage, InspectionFailed
from inspector.imaging.decode import decode
from inspector.imaging.opencv import MAX_PIXELS
from inspector.imaging.preprocess import Prepared, pad_level, prepare
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
        # Asked once: a look through a protocol takes a while. Slots are of the engine's kind.
        # Padding that no stored level stands for must go over as floats.
        self._levels = isinstance(engine, Sifter) and pad_level(manifest.input) is not None

    def decode(self, image: bytes, facts: ImageFacts) -> Prepared:
        """Raises what imaging.decode raises, WrongLevels, and BrokenImage for one without any contrast: a
        lamp or a sensor that is off shows no defects. Safe to call from several threads."""
        rules = self.bundle.manifest.input
        pixels = decode(image, facts, rules.channels, max_pixels=self._max_pixels)
        if pixels.min() == pixels.max():
            raise BrokenImage("all its pixels are alike: it shows no part")
        return prepare(pixels, rules, floats=not self._levels)

    def infer(
        self,
        batch: Sequence[Prepared],
        on_run: Callable[[], None] = lambda: None,
        engine: Engine | None = None,
    ) -> list[Inspection]:
        """One Inspection for each image, in order; inputs of one shape share a run of the network.

        It runs on `engine`, a lane or slot of the pipeline's own, or on that. An image in tiles takes several
        runs; `on_run` is called after each. Raises InspectionFailed for the batch as a whole: try its images
        one by one to tell them apart.
        """
        engine = engine or self.engine
        views: defaultdict[int, list[View]] = defaultdict(list)
        for run in _runs(batch, cast("Sifter", engine).largest if self._levels else 0):
            seen = self._run(engine, batch, run)
            if len(seen) != len(run):
                raise InspectionFailed(f"{len(run)} images went in and {len(seen)} came out")
            for one, (image, tile) in zip(seen, run, strict=True):
                views[image].append(look(one, batch[image], tile, self.bundle.manifest))
            on_run()
        return [inspection(views[image], batch[image], self.bundle.manifest) for image in range(len(batch))]

    def warm_up(self, engine: Engine | None = None) -> None:
        """Run an empty image of the nominal size: the first part must not pay for the start, and an engine
        that cannot work shows it here. Raises InspectionFailed."""
        engine = engine or self.engine
        spec = self.bundle.manifest.input
        height, width = spec.nominal
        if self._levels:
            cast("Sifter", engine).prepare(spec.nominal)
        black = np.zeros((height, width) if spec.channels == 1 else (height, width, 3), _kind(spec.bit_depth))
        empty = Prepared(black, (Tile(0, 0, width, height),), width, height, spec, None)
        self.infer([empty], engine=engine)

    def _run(self, engine: Engine, batch: Sequence[Prepared], run: Sequence[_Input]) -> list[Sifted]:
        if self._levels:
            image, index = run[0]
            size = batch[image].tiles[index].height, batch[image].tiles[index].width
            return cast("Sifter", engine).sift([batch[image].window(tile) for image, tile in run], size)
        inputs = [batch[image].input(tile) for image, tile in run]
        # One alone is not copied: a megabyte or two, at every image.
        raw = engine.infer(np.stack(inputs) if len(inputs) > 1 else inputs[0][None])
        return [sifted(raw, row, self.bundle.manifest) for row in range(len(raw.boxes))]


_Input = tuple[int, int]
"""Indices of an image in the batch and of one of its tiles."""


def _kind(bit_depth: int) -> type[np.uint8 | np.uint16]:
    return np.uint8 if bit_depth == 8 else np.uint16


def _runs(batch: Sequence[Prepared], most: int) -> Iterator[list[_Input]]:
    """What goes through the network together: inputs of one shape, `most` of them; 0: what fits."""
    shapes: defaultdict[tuple[int, int], list[_Input]] = defaultdict(list)
    for image, prepared in enumerate(batch):
        for index, tile in enumerate(prepared.tiles):
            shapes[tile.height, tile.width].append((image, index))
    for (height, width), inputs in shapes.items():
        # Never fewer than there are images: how many of these go together is the caller's choice.
        count = most or max(len(batch), RUN_PIXELS // (height * width), 1)
        for start in range(0, len(inputs), count):
            yield inputs[start : start + count]
