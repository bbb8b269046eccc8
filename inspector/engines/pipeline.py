"""Pipeline: image bytes -> Inspection. Workers, `inspector inspect` and evaluation run this one, unchanged.

decode   one image: digest, pixels, network input   (any thread)
check    a recipe: whether this model can be judged by it
infer    a batch: network, boxes, scores, maps      (the thread that owns the engine)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from inspector.engines.base import Engine
from inspector.engines.postprocess import Inspection, inspection
from inspector.errors import BrokenImage, InspectionFailed, RecipeError
from inspector.imaging.decode import decode
from inspector.imaging.opencv import MAX_PIXELS
from inspector.imaging.preprocess import Prepared, prepare
from inspector.messages.job import ImageFacts
from inspector.messages.recipe import Recipe
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

    def check(self, recipe: Recipe) -> None:
        """Raises RecipeError when it cannot be judged by this model as it says: a threshold for a class that
        the model does not know, or below what it reports, would silently never be reached."""
        if recipe.model not in {"default", self.model.name}:
            raise RecipeError(f"recipe {recipe.id!r} is for model {recipe.model!r}, not {self.model.name!r}")
        manifest = self.bundle.manifest
        if unknown := sorted(set(recipe.thresholds.classes) - set(manifest.classes)):
            raise RecipeError(
                f"recipe {recipe.id!r} names {unknown[0]!r}, a class that the model does not know"
            )
        lowest, margin = manifest.postprocess["min_score"], recipe.review.margin
        for name in manifest.classes:
            if recipe.thresholds.of(name) - margin < lowest:
                below = "threshold of" if recipe.thresholds.of(name) < lowest else "review band of"
                raise RecipeError(
                    f"recipe {recipe.id!r}: the {below} {name!r} reaches below {lowest:g}, "
                    "and the model reports no lower scores"
                )

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
