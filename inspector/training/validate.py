"""The validation part of a run: thresholds for the recipe, and figures to go with them.

The images here are of the part that training never saw. The test part is never opened in this room. Samples
with a template give evaluation boards (data/healed.py); all others are taken byte for byte as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from inspector.data.dataset import Dataset, Sample
from inspector.data.healed import Kind, encode, healed_boards
from inspector.engines.pipeline import Pipeline
from inspector.evaluation.evaluate import BATCH, predict
from inspector.evaluation.image_metrics import score
from inspector.evaluation.predictions import Case, Prediction, case
from inspector.evaluation.thresholds import choose
from inspector.imaging.files import read_bytes
from inspector.messages.recipe import Recipe, Thresholds

UNJUDGED = Recipe(id="default", version=1)
"""Cases need a recipe; the scores that thresholds are chosen from do not depend on it."""


@dataclass(frozen=True, slots=True)
class Validation:
    thresholds: Thresholds
    figures: dict[str, object]


@dataclass(frozen=True, slots=True)
class _Question:
    kind: Kind
    truth: Sample
    """Of a healed board: its name and the boxes it still holds."""
    image: bytes


_Seen = tuple[_Question, Prediction]


def validate(pipeline: Pipeline, data: Dataset, advance: Callable[[int], None]) -> Validation | None:
    """Choose thresholds and measure at them. None when the data has no good images to weigh against, or no
    defective ones.

    `advance` is told how many images were done.
    """
    seen = _predictions(pipeline, questions(data), advance)
    defective, single, good = _cases(seen, data.classes, UNJUDGED)
    if not good or not defective:
        return None
    thresholds = Thresholds(classes=choose([*defective, *single], good, data.classes))
    judged = _cases(seen, data.classes, UNJUDGED.model_copy(update={"thresholds": thresholds}))
    return Validation(thresholds, {"images": len(data), "image": score(*judged).model_dump(mode="json")})


def questions(data: Dataset) -> Iterator[_Question]:
    """All that `validate` asks: the evaluation boards, then the images that give none."""
    return chain(_boards(data), _as_they_are(data))


def _boards(data: Dataset) -> Iterator[_Question]:
    for board in healed_boards(data.where(_can_be_healed)):
        truth = Sample(board.name, Path(), board.boxes, board.labels, board.group)
        yield _Question(board.kind, truth, encode(board.image))


def _as_they_are(data: Dataset) -> Iterator[_Question]:
    for sample in data.where(lambda sample: not _can_be_healed(sample)).samples:
        yield _Question("good" if sample.good else "defective", sample, read_bytes(sample.image))


def _can_be_healed(sample: Sample) -> bool:
    return sample.template is not None and len(sample.boxes) > 0


def _predictions(
    pipeline: Pipeline, questions: Iterator[_Question], advance: Callable[[int], None]
) -> list[_Seen]:
    seen: list[_Seen] = []
    while batch := list(islice(questions, BATCH)):
        seen += zip(batch, predict(pipeline, [question.image for question in batch]), strict=True)
        advance(len(batch))
    return seen


def _cases(
    seen: Sequence[_Seen], classes: Sequence[str], recipe: Recipe
) -> tuple[list[Case], list[Case], list[Case]]:
    """Defective, single and good images, judged by the recipe."""
    kinds: dict[str, list[Case]] = {"defective": [], "single": [], "good": []}
    for question, prediction in seen:
        sample = question.truth
        truth = (sample.boxes, sample.labels)
        kinds[question.kind].append(case(sample.name, sample.group, truth, classes, prediction, recipe))
    return kinds["defective"], kinds["single"], kinds["good"]
