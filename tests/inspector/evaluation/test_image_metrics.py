"""Escapes and overkill, with their counts."""

from __future__ import annotations

from inspector.evaluation.image_metrics import escape_per_defect, score
from inspector.evaluation.predictions import Case
from inspector.messages.recipe import Recipe, Review, Thresholds
from tests.inspector.evaluation.cases import RECIPE, Box, made

HERE: Box = (0, 0, 20, 20)
THERE: Box = (40, 40, 60, 60)


def seen(highest: float, defective: float = 0.0, recipe: Recipe = RECIPE) -> Case:
    return made(found=[("open", highest, HERE)], defective=defective, recipe=recipe)


def test_nothing_asked_is_no_figure() -> None:
    scores = score([], [], [])
    assert set(scores.model_dump().values()) == {None}


def test_escapes_and_overkill_count() -> None:
    scores = score([seen(0.9, 0.8), seen(0.2, 0.7)], [seen(0.1)], [seen(0.1, 0.1), seen(0.1), seen(0.6, 0.2)])
    assert scores.auroc == 1
    assert scores.escape_rate is not None
    assert scores.escape_rate_single is not None
    assert scores.overkill_rate is not None
    assert (scores.escape_rate.count, scores.escape_rate.of) == (1, 2)
    assert (scores.escape_rate_single.count, scores.escape_rate_single.of) == (1, 1)
    assert (scores.overkill_rate.count, scores.overkill_rate.of) == (1, 3)


def test_review_is_no_escape_but_overkill() -> None:
    careful = Recipe(id="careful", version=1, thresholds=Thresholds(default=0.5), review=Review(margin=0.3))
    scores = score([seen(0.3, recipe=careful)], [], [seen(0.3, recipe=careful)])
    assert [rate and rate.count for rate in (scores.escape_rate, scores.escape_rate_ng)] == [0, 1]
    assert [rate and rate.count for rate in (scores.overkill_rate, scores.overkill_rate_ng)] == [1, 0]


def test_a_defect_escapes_when_no_counted_finding_meets_it() -> None:
    truth = [("open", HERE), ("short", THERE)]
    found = [("short", 0.9, HERE), ("short", 0.4, THERE)]
    escaped = escape_per_defect([made(truth, found), made()])
    assert escaped is not None
    assert (escaped.count, escaped.of) == (1, 2)
