"""Pictures with a truth -> cases, through the pipeline that the workers run too."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from inspector.data.dataset import Boxes, Dataset, Labels
from inspector.engines.pipeline import Pipeline
from inspector.errors import DataError
from inspector.evaluation.evaluate import BATCH, predict
from inspector.evaluation.predictions import Case, case
from inspector.imaging.files import read_bytes
from inspector.messages.recipe import Recipe

UNJUDGED = Recipe(id="default", version=1)
"""Cases need a recipe; no figure of a study depends on its thresholds but where a recipe is given."""

Advance = Callable[[int], None]
"""Told how many images were done since the last call."""


def silent(done: int) -> None:
    """An Advance for who does not watch."""


@dataclass(frozen=True, slots=True)
class Question:
    name: str
    group: str
    image: bytes
    """An image file."""
    boxes: Boxes
    labels: Labels


def of_dataset(data: Dataset) -> Iterator[Question]:
    """The images byte for byte as they are."""
    for one in data.samples:
        yield Question(one.name, one.group, read_bytes(one.image), one.boxes, one.labels)


def ask(
    pipeline: Pipeline,
    questions: Iterable[Question],
    classes: tuple[str, ...],
    *,
    recipe: Recipe = UNJUDGED,
    advance: Advance = silent,
) -> list[Case]:
    """In order. `classes` are what the labels index."""
    waiting, cases = iter(questions), []
    while batch := list(islice(waiting, BATCH)):
        seen = predict(pipeline, [question.image for question in batch])
        for one, prediction in zip(batch, seen, strict=True):
            truth = (one.boxes, one.labels)
            cases.append(case(one.name, one.group, truth, classes, prediction, recipe))
        advance(len(batch))
    return cases


def check_classes(pipeline: Pipeline, data: Dataset) -> None:
    """Raises DataError when the data has a class that the model does not know."""
    known = pipeline.bundle.manifest.classes
    if strange := [name for name in data.classes if name not in known]:
        raise DataError(f"the model knows {', '.join(known)}; the data set has also {', '.join(strange)}")
