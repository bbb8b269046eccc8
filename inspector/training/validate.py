"""The validation part of a run: thresholds for the recipe, and figures to go with them.

The boards here are of groups that training never saw. The test split is never opened in this room.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from inspector.data.dataset import Dataset
from inspector.data.healed import Board, encode, healed_boards
from inspector.engines.pipeline import Pipeline
from inspector.evaluation.evaluate import BATCH, predict
from inspector.evaluation.image_metrics import score
from inspector.evaluation.predictions import Case, Prediction, case
from inspector.evaluation.thresholds import choose
from inspector.messages.recipe import Recipe, Thresholds

UNJUDGED = Recipe(id="default", version=1)
"""Cases need a recipe; the scores that thresholds are chosen from do not depend on it."""


@dataclass(frozen=True, slots=True)
class Validation:
    thresholds: Thresholds
    figures: dict[str, object]


Seen = tuple[Board, Prediction]


def validate(pipeline: Pipeline, data: Dataset, advance: Callable[[int], None]) -> Validation | None:
    """Choose thresholds and measure at them. None when the data has no good boards to weigh against.

    `advance` is told how many boards were done.
    """
    seen = _predictions(pipeline, healed_boards(data), advance)
    defective, single, good = _cases(seen, data.classes, UNJUDGED)
    if not good or not defective:
        return None
    thresholds = Thresholds(classes=choose([*defective, *single], good, data.classes))
    judged = _cases(seen, data.classes, UNJUDGED.model_copy(update={"thresholds": thresholds}))
    return Validation(thresholds, {"images": len(data), "image": score(*judged).model_dump(mode="json")})


def _predictions(pipeline: Pipeline, boards: Iterator[Board], advance: Callable[[int], None]) -> list[Seen]:
    seen: list[Seen] = []
    while batch := list(islice(boards, BATCH)):
        seen += zip(batch, predict(pipeline, [encode(board.image) for board in batch]), strict=True)
        advance(len(batch))
    return seen


def _cases(
    seen: Sequence[Seen], classes: Sequence[str], recipe: Recipe
) -> tuple[list[Case], list[Case], list[Case]]:
    """Defective, single and good boards, judged by the recipe."""
    kinds: dict[str, list[Case]] = {"defective": [], "single": [], "good": []}
    for board, prediction in seen:
        truth = (board.boxes, board.labels)
        kinds[board.kind].append(case(board.name, board.group, truth, classes, prediction, recipe))
    return kinds["defective"], kinds["single"], kinds["good"]
