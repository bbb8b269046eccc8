"""Engines compared on validation images: what each says, beside what torch says in f32.

    compare(bundle, engines, data, recipe)  ->  Said by name of the engine

Every image goes through the pipeline that workers run. Verdicts are by the recipe; mAP is on the images as
they are, without the boards from which single defects or all of them were healed away.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import islice

import numpy as np

from inspector.data.dataset import Dataset
from inspector.engines.base import Engine, FloatArray, RawOutput
from inspector.engines.pipeline import Pipeline
from inspector.evaluation import coco_metrics
from inspector.evaluation.evaluate import BATCH, predict
from inspector.evaluation.predictions import Case, case, located
from inspector.messages.recipe import Recipe
from inspector.messages.result import Verdict
from inspector.models.bundle import Bundle
from inspector.training.validate import questions

MOST_IMAGES = 300
"""Validation images that are compared, evenly spread: torch on a CPU takes a tenth of a second for each."""


@dataclass(slots=True)
class Said:
    """What one engine said of all images, in their order."""

    cases: list[Case] = field(default_factory=list)
    """As they are in the data."""
    verdicts: list[Verdict] = field(default_factory=list)
    boxes: float = 0.0
    """Largest difference from the reference, in sides of the network's input."""
    attention: float = 0.0
    """The same of the map, 0-1."""

    def map50_95(self, classes: tuple[str, ...]) -> float | None:
        """None where no image has a box."""
        scores = coco_metrics.score(located(self.cases), classes)
        return None if scores is None else scores.map50_95

    def flips(self, other: Said) -> int:
        """How many verdicts are not the other's."""
        return sum(mine is not theirs for mine, theirs in zip(self.verdicts, other.verdicts, strict=True))

    def passed(self, other: Said) -> int:
        """Of these flips, those to OK: the dangerous ones."""
        pairs = zip(self.verdicts, other.verdicts, strict=True)
        return sum(mine is Verdict.OK and theirs is not Verdict.OK for mine, theirs in pairs)


class _Overheard:
    """An Engine that remembers what its engine said of the last batch."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.name, self.device = engine.name, engine.device
        self.last: list[tuple[RawOutput, int]] = []
        """Outputs, and the longer side of their input."""

    def infer(self, batch: FloatArray) -> RawOutput:
        raw = self._engine.infer(batch)
        self.last.append((raw, max(batch.shape[2:])))
        return raw


def spread(data: Dataset, most: int = MOST_IMAGES) -> Dataset:
    """So many of its samples at most, over the whole listing, which goes board by board."""
    if len(data) <= most:
        return data
    return Dataset(data.classes, tuple(data.samples[index * len(data) // most] for index in range(most)))


def compare(
    bundle: Bundle,
    engines: Mapping[str, Engine],
    data: Dataset,
    recipe: Recipe,
    advance: Callable[[int], None] = lambda done: None,
) -> dict[str, Said]:
    """The first engine is the reference. Raises what the pipeline raises."""
    ears = {name: _Overheard(engine) for name, engine in engines.items()}
    pipelines = {name: Pipeline(bundle, ear) for name, ear in ears.items()}
    said = {name: Said() for name in engines}
    reference = next(iter(engines))
    asked = questions(spread(data))
    while batch := list(islice(asked, BATCH)):
        for name, pipeline in pipelines.items():
            ears[name].last.clear()
            predictions = predict(pipeline, [question.image for question in batch])
            for question, prediction in zip(batch, predictions, strict=True):
                sample = question.truth
                truth = (sample.boxes, sample.labels)
                judged = case(sample.name, sample.group, truth, data.classes, prediction, recipe)
                said[name].verdicts.append(judged.judgement.verdict)
                # A healed board has no file: it is not an image of the data, except where nothing was healed.
                if question.kind == "defective" or sample.image.name:
                    said[name].cases.append(judged)
            _note(said[name], ears[name].last, ears[reference].last)
        advance(len(batch))
    return said


def _note(said: Said, mine: list[tuple[RawOutput, int]], theirs: list[tuple[RawOutput, int]]) -> None:
    for (raw, side), (reference, _) in zip(mine, theirs, strict=True):
        said.boxes = max(said.boxes, _difference(raw.boxes, reference.boxes) / side)
        said.attention = max(said.attention, _difference(raw.attention, reference.attention))


def _difference(one: FloatArray, other: FloatArray) -> float:
    return float(np.abs(one - other).max())
