from __future__ import annotations

from dataclasses import replace

import pytest

from inspector.evaluation import class_metrics, coco_metrics, image_metrics, report
from inspector.evaluation.class_metrics import ClassificationScores
from inspector.evaluation.predictions import Case
from inspector.evaluation.thresholds import choose, found_scores
from tests.inspector.evaluation.cases import CLASSES, made

BOX = (10.0, 10.0, 30.0, 30.0)


def labelled(*kinds: str, **scores: float) -> Case:
    """Defective of these kinds, nobody knows where; none is good. `scores` are findings by class."""
    case = made(found=[(name, score, BOX) for name, score in scores.items()])
    return replace(case, truth_classes=kinds)


def score(*cases: Case) -> ClassificationScores:
    found = class_metrics.score(cases, CLASSES)
    assert found is not None
    return found


@pytest.mark.parametrize("cases", [[], [made()], [made([("open", BOX)], [("open", 0.9, BOX)])]])
def test_where_every_defect_has_its_box_there_is_nothing_to_say(cases: list[Case]) -> None:
    assert class_metrics.score(cases, CLASSES) is None


def test_accuracy_and_confusion() -> None:
    found = score(
        labelled("open", open=0.9, short=0.6),
        labelled("open", short=0.9),
        labelled("open", open=0.4),
        labelled("short", short=0.8),
        labelled(),
        labelled(short=0.7),
        labelled("short", "open", open=0.7),
    )
    assert found.confusion == {
        "good": {"good": 1, "short": 1},
        "open": {"open": 2, "short": 1, "good": 1},
        "short": {"short": 1},
    }
    assert found.accuracy is not None
    assert (found.accuracy.count, found.accuracy.of) == (4, 7)
    assert list(found.per_class) == ["good", "open", "short"]
    assert (found.per_class["open"].count, found.per_class["open"].of) == (2, 4)


def test_a_labelled_image_is_defective_everywhere_and_its_boxes_are_neither_right_nor_wrong() -> None:
    case, boxed = labelled("open", open=0.9), made([("open", BOX)], [("open", 0.9, BOX)])
    assert (case.good, case.labels_only, boxed.labels_only) == (False, True, False)
    material = report.Material(
        classes=CLASSES, posted=(case, boxed), boards={"defective": (case, boxed), "single": (), "good": ()}
    )
    figures = report.score(material)
    assert figures.map50 == pytest.approx(1.0)
    assert figures.defects == 1
    assert figures.image is not None
    assert figures.image.escape_rate is not None
    assert (figures.image.escape_rate.count, figures.image.escape_rate.of) == (0, 2)
    alone = report.score(report.Material(classes=CLASSES, posted=(case,), boards={"defective": (case,)}))
    assert (alone.map50, alone.map50_95, alone.deeppcb, alone.attention) == (None, None, None, None)
    assert image_metrics.escape_per_defect([case]) is None
    assert coco_metrics.score([case], CLASSES) is None


def test_thresholds_weigh_labelled_images_by_whatever_stops_them() -> None:
    cases = [labelled("open", open=0.3, short=0.8), labelled("short", short=0.6), labelled("open")]
    assert found_scores(cases, "open") == [0.8, 0.0]
    assert found_scores(cases, "short") == [0.6]
    thresholds = choose(cases, [labelled(open=0.2)] * 30, CLASSES)
    assert 0.2 < thresholds["open"] <= 0.6
