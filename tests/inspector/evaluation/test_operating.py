"""Boards as numbers say what `judge` says of them, at any thresholds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from inspector.data.dataset import as_labels
from inspector.evaluation import image_metrics
from inspector.evaluation.metrics import rate
from inspector.evaluation.operating import Bench, of_recipe
from inspector.evaluation.predictions import Case
from inspector.evaluation.predictions import case as make
from inspector.evaluation.report import Material
from inspector.messages.recipe import ImageSize, Recipe, Review, Thresholds
from tests.inspector.evaluation.cases import CLASSES, made
from tests.inspector.evaluation.test_bootstrap import scattered

RECIPES = [
    Recipe(id="plain", version=1, thresholds=Thresholds(default=0.4)),
    Recipe(id="by-class", version=1, thresholds=Thresholds(classes={"open": 0.3, "short": 0.7})),
    Recipe(
        id="careful", version=1, thresholds=Thresholds(default=0.6), review=Review(margin=0.2, defective=0.8)
    ),
    Recipe(id="other-size", version=1, image=ImageSize(width=640, height=640)),
]


def material(recipe: Recipe) -> Material:
    """120 images judged by the recipe; boards in place of those that would be healed."""
    cases = [judged(case, recipe) for case in scattered(120, 3)]
    bad, good = (tuple(c for c in cases if bool(len(c.truth_boxes)) is wanted) for wanted in (True, False))
    return Material(classes=CLASSES, posted=tuple(cases), boards={"defective": bad, "good": good})


def judged(case: Case, recipe: Recipe) -> Case:
    truth = (case.truth_boxes, as_labels([CLASSES.index(name) for name in case.truth_classes]))
    return make(case.name, case.group, truth, CLASSES, case.prediction, recipe)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.id)
def test_it_counts_as_the_verdicts_do(recipe: Recipe) -> None:
    cases = material(recipe)
    bench = Bench.of(cases, CLASSES, recipe)
    cost = bench.cost(of_recipe(recipe, CLASSES))
    verdicts = image_metrics.score(cases.boards["defective"], (), cases.boards["good"])
    assert cost.escape == verdicts.escape_rate
    assert cost.overkill == verdicts.overkill_rate
    assert cost.escape_per_defect == image_metrics.escape_per_defect(cases.posted)


def test_other_thresholds_count_as_a_recipe_with_them_would() -> None:
    careful, other = RECIPES[2], RECIPES[2].model_copy(update={"thresholds": RECIPES[1].thresholds})
    asked = Bench.of(material(careful), CLASSES, careful).cost(of_recipe(other, CLASSES))
    assert asked == Bench.of(material(other), CLASSES, other).cost(of_recipe(other, CLASSES))


def test_single_defect_boards_are_the_bad_ones_where_there_are_any() -> None:
    cases = material(RECIPES[0])
    single = cases.boards["defective"][:5]
    bench = Bench.of(
        cases.model_copy(update={"boards": {**cases.boards, "single": single}}), CLASSES, RECIPES[0]
    )
    assert (bench.single, len(bench.bad)) == (True, 5)


def test_a_part_of_the_images() -> None:
    bench = Bench.of(material(RECIPES[0]), CLASSES, RECIPES[0])
    some = set(bench.samples[:40])
    one, other = bench.only(some), bench.only(set(bench.samples) - some)
    assert len(one.defects) + len(other.defects) == len(bench.defects)
    assert len(one.kinds) == len(one.defects)
    assert len(one.good) + len(one.bad) == 40


def test_nothing_to_count() -> None:
    empty = Bench.of(Material(classes=CLASSES, posted=(), boards={}), CLASSES, RECIPES[0])
    cost = empty.cost(np.array([0.5, 0.5]))
    assert (cost.escape_per_defect, cost.escape, cost.overkill) == (None, None, None)


def test_of_an_image_without_boxes_each_class_is_a_defect_that_any_finding_meets() -> None:
    here = (10.0, 10.0, 30.0, 30.0)
    stopped = replace(made(found=[("short", 0.6, here)], name="stopped"), truth_classes=("open", "short"))
    gone = replace(made(found=[("open", 0.2, here)], name="gone"), truth_classes=("open",))
    cases = Material(
        classes=CLASSES,
        posted=(stopped, gone),
        boards={"defective": (stopped, gone), "good": (made(name="good"),)},
    )
    bench = Bench.of(cases, CLASSES, RECIPES[0])
    cost = bench.cost(of_recipe(RECIPES[0], CLASSES))
    assert sorted(CLASSES[kind] for kind in bench.kinds) == ["open", "open", "short"]
    assert cost.escape_per_defect == rate(1, 3)
    assert cost.escape == rate(1, 2)
    assert cost.overkill == rate(0, 1)


def test_such_images_are_bad_boards_beside_those_of_a_single_defect() -> None:
    cases, gone = material(RECIPES[0]), replace(made(name="gone"), truth_classes=("open",))
    bad = cases.boards["defective"]
    boards = {**cases.boards, "single": bad[:5], "defective": (*bad, gone)}
    bench = Bench.of(cases.model_copy(update={"boards": boards}), CLASSES, RECIPES[0])
    assert (bench.single, len(bench.bad)) == (True, 6)
    assert "gone" in bench.bad.samples
