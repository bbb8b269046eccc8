"""Recall by size and mAP under disturbances, on an untrained network: what the pipeline says, counted."""

from __future__ import annotations

import pytest

from inspector.data.dataset import Dataset
from inspector.engines.pipeline import Pipeline
from inspector.errors import DataError
from inspector.evaluation import coco_metrics
from inspector.messages.recipe import Recipe, Thresholds
from inspector.studies.asking import ask, of_dataset
from inspector.studies.disturb import Disturbance
from inspector.studies.robustness import best_scores, map_under, recall_by_size, threshold_at
from tests.inspector.evaluation.cases import made

LENIENT = Recipe(id="default", version=1, thresholds=Thresholds(default=0.05))


@pytest.mark.parametrize(
    ("alarms", "overkill", "rejected"),
    [
        ([], 0.05, 0),
        ([0.0, 0.0], 0.05, 0),
        ([0.9, 0.1], 0.0, 0),
        ([0.9, 0.1], 0.5, 1),
        ([0.5] * 10, 0.2, 0),
        ([n / 100 for n in range(100)], 0.05, 5),
    ],
)
def test_no_more_good_boards_are_rejected_than_wanted(
    alarms: list[float], overkill: float, rejected: int
) -> None:
    threshold = threshold_at(alarms, overkill)
    assert sum(alarm >= threshold for alarm in alarms if alarm) == rejected


def test_a_defect_is_found_by_a_detection_of_any_class_that_meets_it() -> None:
    here, there = (10.0, 10.0, 30.0, 30.0), (50.0, 50.0, 70.0, 70.0)
    case = made([("open", here), ("open", there)], [("short", 0.7, here), ("open", 0.4, here)])
    assert best_scores(case) == [0.7, 0.0]
    assert best_scores(made([])) == []


def test_every_size_has_its_recall(pipeline: Pipeline) -> None:
    done: list[int] = []
    sweep = recall_by_size(
        pipeline, recipe=LENIENT, side=128, boards=3, good_boards=4, sizes=(4, 12), advance=done.append
    )
    assert sum(done) == 3 * 2 + 4
    assert [each.size for each in sweep.sizes] == [4, 12]
    for each in sweep.sizes:
        assert each.at_overkill is not None
        assert each.at_recipe is not None
        assert 1 <= each.at_overkill.of == each.at_recipe.of <= 9
        # A stricter threshold finds no more.
        assert each.at_overkill.count <= each.at_recipe.count
    assert sweep.recipe_overkill is not None
    assert sweep.recipe_overkill.of == 4


def test_the_sweep_repeats_and_needs_no_recipe(pipeline: Pipeline) -> None:
    first, again = (recall_by_size(pipeline, side=128, boards=2, good_boards=2, sizes=(6,)) for _ in range(2))
    assert first == again
    assert first.recipe_overkill is None
    assert first.sizes[0].at_recipe is None


def test_the_first_level_is_the_images_as_they_are(pipeline: Pipeline, boards: Dataset) -> None:
    levels = map_under(pipeline, boards, series=(Disturbance("blur", 3),))
    plain = coco_metrics.score(ask(pipeline, of_dataset(boards), boards.classes), boards.classes)
    assert plain is not None
    assert [(level.kind, level.level) for level in levels] == [("none", 0.0), ("blur", 3.0)]
    assert (levels[0].map50, levels[0].map50_95) == (plain.map50, plain.map50_95)


def test_images_without_a_defect_have_no_map(pipeline: Pipeline, boards: Dataset) -> None:
    with pytest.raises(DataError, match="no defect"):
        map_under(pipeline, boards.where(lambda sample: not len(sample.boxes)), series=())
