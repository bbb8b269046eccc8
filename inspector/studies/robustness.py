"""How small a defect may be, and how bad a picture, before the model no longer finds it.

recall_by_size   synthetic boards whose defects are 3 to 20 pixels (data/synthetic_sized.py)
map_under        mAP on real images: as they are, and under each disturbance

A defect counts as found when a detection of whatever class meets it with an IoU above 0.33. A recall means
little without what it costs, so it is given at two points: the recipe's thresholds, and the score at which
5 % of good synthetic boards would be rejected, which is fair between models whatever their scores mean.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict

from inspector.data.dataset import Dataset
from inspector.data.healed import encode
from inspector.data.synthetic import CLASSES, board
from inspector.engines.pipeline import Pipeline
from inspector.errors import DataError
from inspector.evaluation import coco_metrics
from inspector.evaluation.deeppcb_protocol import IOU
from inspector.evaluation.image_metrics import escape_per_defect
from inspector.evaluation.metrics import Rate, iou, rate, share_of
from inspector.evaluation.predictions import Case, located
from inspector.messages.recipe import Recipe
from inspector.studies.asking import UNJUDGED, Advance, Question, ask, of_dataset, silent
from inspector.studies.disturb import SERIES, Disturbance, disturbed

SIZES = (3, 4, 5, 6, 8, 10, 12, 16, 20)
"""Pixels; at DeepPCB's 48 px a mm, 5 px are 0.1 mm."""

BOARDS = 30
"""Of each size: with three defects each a recall is known to about 10 points."""

DEFECTS = 3
"""On each board."""

GOOD_BOARDS = 100
"""So that 5 % are five boards, not one."""

OVERKILL = 0.05

FIRST_SEED = 2_000_000_000
"""Far from the boards of the demo, of training and of the tests."""


class SizeRecall(BaseModel):
    model_config = ConfigDict(frozen=True)

    size: int
    """Longer side of the defect, pixels."""
    at_overkill: Rate | None
    """None where no board had room for a defect of this size."""
    at_recipe: Rate | None
    """None where no recipe was given."""


class SizeSweep(BaseModel):
    model_config = ConfigDict(frozen=True)

    side: int
    """Of the boards, pixels."""
    boards: int
    """Of each size."""
    good_boards: int
    threshold: float
    """The score that 5 % of the good boards reach."""
    recipe_overkill: Rate | None
    """Good boards on which a finding counts by the recipe."""
    sizes: list[SizeRecall]


class Level(BaseModel):
    model_config = ConfigDict(frozen=True)

    kind: str
    """noise, blur, contrast, or "none": the images as they are."""
    level: float
    map50: float
    map50_95: float


class Robustness(BaseModel):
    """All that `inspector study robustness` says."""

    model_config = ConfigDict(frozen=True)

    model: str
    version: str
    part: str
    images: int
    recipe: str
    """id and version."""
    seed: int
    """Of the noise."""
    levels: list[Level]
    sizes: SizeSweep | None
    """None where the model does not know the synthetic boards' classes."""


def knows_boards(pipeline: Pipeline) -> bool:
    """Whether the synthetic boards' defects are among the model's classes: else their recall says nothing."""
    return (
        set(CLASSES) <= set(pipeline.bundle.manifest.classes) and pipeline.bundle.manifest.input.channels == 1
    )


def recall_by_size(
    pipeline: Pipeline,
    *,
    recipe: Recipe | None = None,
    side: int = 320,
    boards: int = BOARDS,
    good_boards: int = GOOD_BOARDS,
    sizes: Sequence[int] = SIZES,
    advance: Advance = silent,
) -> SizeSweep:
    """On boards of `side` pixels. `advance` hears of boards x sizes + good_boards images."""
    rules = recipe or UNJUDGED
    good = ask(pipeline, _good(good_boards, side), CLASSES, recipe=rules, advance=advance)
    threshold = threshold_at([_highest(case) for case in good], OVERKILL)
    found = []
    for size in sizes:
        cases = ask(pipeline, _sized(size, boards, side), CLASSES, recipe=rules, advance=advance)
        found.append(_of_size(size, cases, threshold, judged=recipe is not None))
    return SizeSweep(
        side=side,
        boards=boards,
        good_boards=good_boards,
        threshold=threshold,
        recipe_overkill=share_of([any(case.counted) for case in good]) if recipe else None,
        sizes=found,
    )


def map_under(
    pipeline: Pipeline,
    data: Dataset,
    *,
    seed: int = 0,
    series: Sequence[Disturbance] = SERIES,
    advance: Advance = silent,
) -> list[Level]:
    """The images as they are come first. `advance` hears of (1 + series) x images."""
    levels = [_level("none", 0.0, ask(pipeline, of_dataset(data), data.classes, advance=advance), data)]
    channels = pipeline.bundle.manifest.input.channels
    for what in series:
        cases = ask(pipeline, disturbed(data, what, channels, seed), data.classes, advance=advance)
        levels.append(_level(what.kind, what.level, cases, data))
    return levels


def threshold_at(alarms: Sequence[float], overkill: float) -> float:
    """The lowest score that at most the share `overkill` of the good images reaches, from the highest score
    on each; 0 when there are none."""
    ordered = sorted(alarms, reverse=True)
    allowed = int(overkill * len(ordered))
    return float(np.nextafter(ordered[allowed], 2.0)) if allowed < len(ordered) else 0.0


def best_scores(case: Case) -> list[float]:
    """For each true defect the highest score of a detection, of whatever class, that meets it; 0 if none."""
    detections = case.prediction.detections
    overlaps = iou(case.truth_boxes, np.array([one.box for one in detections], np.float64))
    return [
        max((one.score for one, shared in zip(detections, row, strict=True) if shared > IOU), default=0.0)
        for row in overlaps
    ]


def _sized(size: int, boards: int, side: int) -> Iterator[Question]:
    for number in range(boards):
        # The same layouts for every size: only the defects differ.
        drawn = board(FIRST_SEED + number, defects=DEFECTS, size=(side, side), extent=size)
        yield Question(str(number), "", encode(drawn.image), drawn.boxes, drawn.labels)


def _good(boards: int, side: int) -> Iterator[Question]:
    for number in range(boards):
        drawn = board(FIRST_SEED + number, defects=0, size=(side, side))
        yield Question(str(number), "", encode(drawn.image), drawn.boxes, drawn.labels)


def _of_size(size: int, cases: Sequence[Case], threshold: float, *, judged: bool) -> SizeRecall:
    scores = [score for case in cases for score in best_scores(case)]
    missed = escape_per_defect(cases) if judged else None
    return SizeRecall(
        size=size,
        at_overkill=share_of([score >= threshold for score in scores]),
        at_recipe=rate(missed.of - missed.count, missed.of) if missed else None,
    )


def _highest(case: Case) -> float:
    return max((one.score for one in case.prediction.detections), default=0.0)


def _level(kind: str, level: float, cases: Sequence[Case], data: Dataset) -> Level:
    scores = coco_metrics.score(located(cases), data.classes)
    if scores is None:
        raise DataError("the images to measure on hold no defect: there is nothing to find")
    return Level(kind=kind, level=level, map50=scores.map50, map50_95=scores.map50_95)
