"""What makes a part OK, NG or REVIEW."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

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


def at(name: str, score: float, *box: float) -> Detection:
    return Detection(name, score, (box[0], box[1], box[2], box[3]))


@pytest.mark.parametrize(
    ("detections", "counted", "same_place_as"),
    [
        ([], [], []),
        # One flaw, two names: the stronger one is the defect.
        ([at("open", 0.9, 0, 0, 10, 10), at("spur", 0.6, 0, 0, 10, 9)], [True, False], [None, "open"]),
        # The order given changes nothing.
        ([at("spur", 0.6, 0, 0, 10, 9), at("open", 0.9, 0, 0, 10, 10)], [False, True], ["open", None]),
        # Boxes that share half of what they cover are one place, 5 of 10 rows here ...
        ([at("open", 0.9, 0, 0, 10, 10), at("spur", 0.6, 0, 0, 10, 5)], [True, False], [None, "open"]),
        # ... those that share less are neighbours, and so are those that only touch.
        ([at("open", 0.9, 0, 0, 10, 10), at("spur", 0.6, 0, 0, 10, 4.9)], [True, True], [None, None]),
        ([at("open", 0.9, 0, 0, 10, 10), at("spur", 0.6, 10, 0, 20, 10)], [True, True], [None, None]),
        # What is suppressed suppresses nothing: the third lies at the second's place, not at the first's.
        (
            [at("open", 0.9, 0, 0, 10, 10), at("spur", 0.8, 0, 3, 10, 13), at("short", 0.7, 0, 6, 10, 16)],
            [True, False, True],
            [None, "open", None],
        ),
        # Below its threshold it has no part in this, in either role.
        ([at("open", 0.9, 0, 0, 10, 10), at("spur", 0.4, 0, 0, 10, 9)], [True, False], [None, None]),
        # Boxes of one class are the network's own affair.
        ([at("open", 0.9, 0, 0, 10, 10), at("open", 0.6, 0, 0, 10, 9)], [True, True], [None, None]),
        ([at("open", 0.9, 3, 3, 3, 3), at("spur", 0.6, 3, 3, 3, 3)], [True, True], [None, None]),
    ],
)
def test_one_place_is_one_defect(
    detections: list[Detection], counted: list[bool], same_place_as: list[str | None]
) -> None:
    judgement = judge(detections, CALM, recipe(), size=SIZE)
    assert [finding.counted for finding in judgement.findings] == counted
    assert [finding.same_place_as for finding in judgement.findings] == same_place_as
    assert len(judgement.reasons) == sum(counted)


def test_a_stronger_name_that_does_not_count_hides_nothing() -> None:
    """A wrong OK would be the worst outcome: the open is below its own threshold, the spur above its."""
    rules = recipe(open=0.95, spur=0.5)
    judgement = judge([at("open", 0.9, 0, 0, 10, 10), at("spur", 0.6, 0, 0, 10, 10)], CALM, rules, size=SIZE)
    assert judgement.verdict is Verdict.NG
    assert [finding.counted for finding in judgement.findings] == [False, True]


boxes = st.tuples(*[st.floats(0, 100, width=32)] * 4).map(
    lambda c: (min(c[0], c[2]), min(c[1], c[3]), max(c[0], c[2]), max(c[1], c[3]))
)
drawn = st.builds(Detection, st.sampled_from(["open", "spur", "short"]), st.floats(0, 1), boxes)


@given(st.lists(drawn, max_size=12), st.floats(0.05, 0.95), st.floats(0.05, 0.95))
def test_the_verdict_does_not_depend_on_what_shares_a_place(
    detections: list[Detection], spur: float, others: float
) -> None:
    rules = recipe(default=others, spur=spur)
    judgement = judge(detections, CALM, rules, size=SIZE)
    reached = [finding for finding in judgement.findings if finding.reached]
    assert (judgement.verdict is Verdict.NG) == bool(reached)
    for finding in reached:
        assert finding.counted == (finding.same_place_as is None)
    assert not any(finding.counted for finding in judgement.findings if not finding.reached)
