"""A replicate made from weights is what the protocol itself says of images that are really repeated."""

from __future__ import annotations

import time

import numpy as np
import pytest

from inspector.evaluation import bootstrap, coco_metrics, deeppcb_protocol, metrics
from inspector.evaluation.bootstrap import Draws, interval
from inspector.evaluation.intervals import intervals
from inspector.evaluation.predictions import Case
from tests.inspector.evaluation.cases import CLASSES, Box, made

HERE: Box = (0, 0, 20, 20)


def scattered(count: int, seed: int) -> list[Case]:
    """Images whose boxes are found more or less well, some twice, some not, some as the wrong class."""
    rng = np.random.default_rng(seed)
    cases = []
    for number in range(count):
        truth: list[tuple[str, Box]] = []
        found: list[tuple[str, float, Box]] = []
        for _ in range(rng.integers(0, 4)):
            x, y = rng.uniform(0, 55, 2)
            kind = CLASSES[rng.integers(2)]
            truth.append((kind, (x, y, x + 20, y + 20)))
            for _ in range(rng.integers(0, 3)):
                dx, dy = rng.normal(0, 3, 2)
                named = kind if rng.random() < 0.8 else CLASSES[rng.integers(2)]
                found.append((named, rng.random(), (x + dx, y + dy, x + dx + 20, y + dy + 20)))
        if rng.random() < 0.5:
            found.append((CLASSES[rng.integers(2)], rng.random(), (60, 60, 75, 75)))
        cases.append(made(truth, found, defective=rng.random(), name=str(number), group=f"g{number % 5}"))
    return cases


def draw(count: int, replicates: int) -> bootstrap.Weights:
    rng = np.random.default_rng(7)
    return rng.multinomial(count, np.full(count, 1 / count), size=replicates)


def repeated(cases: list[Case], weights: np.ndarray) -> list[Case]:
    return [case for case, times in zip(cases, weights, strict=True) for _ in range(times)]


@pytest.mark.parametrize("seed", range(3))
def test_map_of_a_replicate_is_what_pycocotools_says(seed: int) -> None:
    cases = scattered(25, seed)
    evaluated = coco_metrics.evaluate(cases, CLASSES)
    assert evaluated is not None
    weights = np.concatenate([np.ones((1, 25), np.int64), draw(25, 6)])
    map50, map50_95 = bootstrap.mean_ap(evaluated.matched, weights)
    assert (map50[0], map50_95[0]) == pytest.approx((evaluated.scores.map50, evaluated.scores.map50_95))
    for index, row in enumerate(weights):
        scores = coco_metrics.score(repeated(cases, row), CLASSES)
        assert scores is not None
        assert (map50[index], map50_95[index]) == pytest.approx((scores.map50, scores.map50_95), abs=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_ap_and_f_of_a_replicate_are_what_the_protocol_says(seed: int) -> None:
    cases = scattered(25, seed)
    weights = draw(25, 8)
    ap = bootstrap.mean_plain_ap(deeppcb_protocol.ranked(cases, CLASSES), weights)
    f = bootstrap.f_score(*deeppcb_protocol.tallies(cases), weights)
    for index, row in enumerate(weights):
        scores = deeppcb_protocol.score(repeated(cases, row), CLASSES)
        assert (ap[index], f[index]) == pytest.approx((scores.ap_class_mean, scores.f), abs=1e-12)


def test_auroc_of_a_replicate_is_that_of_its_parts() -> None:
    bad, good = np.array([0.9, 0.4, 0.4, 0.2]), np.array([0.4, 0.1, 0.3])
    bad_weights, good_weights = draw(4, 5), draw(3, 5)
    found = bootstrap.auroc(bad, good, bad_weights, good_weights)
    for index in range(5):
        repeats = np.repeat(bad, bad_weights[index]), np.repeat(good, good_weights[index])
        assert found[index] == pytest.approx(metrics.auroc(*(values.tolist() for values in repeats)))


def test_a_class_that_a_replicate_does_not_hold_is_left_out() -> None:
    cases = [made([("open", HERE)], [("open", 0.9, HERE)], name="a"), made([("short", HERE)], name="b")]
    evaluated = coco_metrics.evaluate(cases, CLASSES)
    assert evaluated is not None
    map50, _ = bootstrap.mean_ap(evaluated.matched, np.array([[2, 0], [0, 2], [1, 1], [0, 0]]))
    assert map50[:3] == pytest.approx([1, 0, 0.5])
    assert np.isnan(map50[3])


def test_whole_groups_are_drawn_where_there_are_enough() -> None:
    many = Draws.of({str(n): f"g{n // 3}" for n in range(30)}, replicates=4)
    assert (many.unit, len(many.units)) == ("group", 10)
    weights = many.weigh([("0", "g0"), ("1", "g0"), ("29", "g9")])
    assert (weights[:, 0] == weights[:, 1]).all()
    few = Draws.of({str(n): f"g{n // 3}" for n in range(27)}, replicates=4)
    assert (few.unit, len(few.units)) == ("image", 27)
    assert Draws.of({"a": "", "b": ""}, replicates=4).unit == "image"


def test_the_same_seed_gives_the_same_draws() -> None:
    samples = {str(n): "" for n in range(9)}
    assert (Draws.of(samples, seed=1).weights == Draws.of(samples, seed=1).weights).all()
    assert (Draws.of(samples, seed=1).weights != Draws.of(samples, seed=2).weights).any()


def test_an_interval_is_the_middle_of_the_replicates() -> None:
    assert interval(np.array([np.nan])) is None
    found = interval(np.append(np.linspace(0, 1, 1001), np.nan))
    assert found is not None
    assert (found.low, found.high) == pytest.approx((0.025, 0.975))


def test_a_figure_lies_in_its_interval_and_a_perfect_one_has_no_width() -> None:
    cases = scattered(40, 5)
    evaluated = coco_metrics.evaluate(cases, CLASSES)
    assert evaluated is not None
    found = intervals(cases, {}, CLASSES, evaluated, seed=0)
    assert found is not None
    assert found.map50 is not None
    assert found.map50.low < evaluated.scores.map50 < found.map50.high
    assert set(found.deeppcb) == {"ap_class_mean", "f"}
    assert (found.image, found.attention) == ({}, {})
    perfect = [made([("open", HERE)], [("open", 0.9, HERE)], name=name) for name in "ab"]
    sure = intervals(perfect, {}, CLASSES, coco_metrics.evaluate(perfect, CLASSES), seed=0)
    assert sure is not None
    assert sure.map50 == bootstrap.Interval(low=1, high=1)


def test_one_image_has_no_interval() -> None:
    case = made([("open", HERE)], name="a")
    assert intervals([case], {}, CLASSES, coco_metrics.evaluate([case], CLASSES), seed=0) is None


def test_a_thousand_replicates_of_a_whole_test_split_take_seconds() -> None:
    cases = scattered(300, 0) * 2  # some 900 truths and 1,200 detections
    evaluated = coco_metrics.evaluate(cases, CLASSES)
    assert evaluated is not None
    started = time.process_time()
    bootstrap.mean_ap(evaluated.matched, draw(600, 1000))
    assert time.process_time() - started < 5
