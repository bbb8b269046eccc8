"""What makes a part OK, NG or REVIEW."""

from __future__ import annotations

import pytest

from inspector.decision.verdict import Detection, judge
from inspector.messages.recipe import ImageSize, Recipe, Review, Thresholds
from inspector.messages.result import Classification, Verdict

CALM = Classification(defective=0.0, classes={})
SIZE = (480, 640)
BOX = (1.0, 2.0, 3.0, 4.0)


def recipe(default: float = 0.5, margin: float = 0.0, defective: float = 1.0, **classes: float) -> Recipe:
    return Recipe(
        id="r",
        version=1,
        thresholds=Thresholds(default=default, classes=classes),
        review=Review(margin=margin, defective=defective),
    )


def spur(score: float) -> Detection:
    return Detection("spur", score, BOX)


@pytest.mark.parametrize(
    ("scores", "rules", "verdict", "codes"),
    [
        ([], recipe(), Verdict.OK, []),
        ([0.49], recipe(), Verdict.OK, []),
        ([0.5], recipe(), Verdict.NG, ["above_threshold"]),
        ([0.97, 0.6, 0.1], recipe(), Verdict.NG, ["above_threshold", "above_threshold"]),
        ([0.45], recipe(spur=0.4), Verdict.NG, ["above_threshold"]),
        ([0.45], recipe(open=0.4), Verdict.OK, []),
        ([0.45], recipe(margin=0.1), Verdict.REVIEW, ["in_review_band"]),
        ([0.39], recipe(margin=0.1), Verdict.OK, []),
        ([0.9, 0.45], recipe(margin=0.1), Verdict.NG, ["above_threshold"]),
    ],
)
def test_findings_against_thresholds(
    scores: list[float], rules: Recipe, verdict: Verdict, codes: list[str]
) -> None:
    judgement = judge([spur(score) for score in scores], CALM, rules, size=SIZE)
    assert judgement.verdict is verdict
    assert [reason.code for reason in judgement.reasons] == codes


def test_every_detection_is_reported_and_says_whether_it_counted() -> None:
    judgement = judge([spur(0.9), spur(0.1)], CALM, recipe(), size=SIZE)
    assert [(f.score, f.counted, f.threshold) for f in judgement.findings] == [
        (0.9, True, 0.5),
        (0.1, False, 0.5),
    ]


def test_the_reason_is_a_sentence_with_class_score_and_threshold() -> None:
    reason = judge([spur(0.97)], CALM, recipe(), size=SIZE).reasons[0]
    assert reason.text == "spur 0.97 >= 0.50"
    assert reason.model_dump(mode="json")["class"] == "spur"


def test_the_image_as_a_whole_can_ask_for_a_review_but_never_hides_a_finding() -> None:
    alarmed = Classification(defective=0.95, classes={})
    assert judge([], alarmed, recipe(defective=0.9), size=SIZE).verdict is Verdict.REVIEW
    assert judge([], alarmed, recipe(), size=SIZE).verdict is Verdict.OK
    assert judge([spur(0.9)], alarmed, recipe(defective=0.9), size=SIZE).verdict is Verdict.NG


def test_an_image_of_another_size_than_expected_is_never_ok() -> None:
    expecting = recipe().model_copy(update={"image": ImageSize(width=640, height=480)})
    assert judge([], CALM, expecting, size=(480, 640)).verdict is Verdict.OK
    judgement = judge([], CALM, expecting, size=(3, 3))
    assert judgement.verdict is Verdict.REVIEW
    assert judgement.reasons[0].text == "the image is 3 x 3, the recipe expects 640 x 480"
    assert judge([spur(0.9)], CALM, expecting, size=(3, 3)).verdict is Verdict.NG
