from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from inspector.engines.base import RawOutput
from inspector.engines.postprocess import Inspection, inspection, look
from inspector.engines.sifting import sifted
from inspector.errors import InspectionFailed
from inspector.imaging.preprocess import Prepared, prepare
from inspector.models.bundle import AttentionSpec, InputSpec, Manifest
from tests.support.engines import changed, raw_output
from tests.support.images import grey

CLASSES = ["open", "short", "mousebite", "spur", "copper", "pin-hole"]
MANIFEST = Manifest(
    name="m",
    version="1",
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
    classes=CLASSES,
    input=InputSpec(channels=1, max_side=256),
    attention=AttentionSpec(source="gate"),
    architecture={},
    files={},
)


def picture(height: int = 128, width: int = 128) -> Prepared:
    return prepare(grey(height, width), MANIFEST.input)


def row(**scores: float) -> list[float]:
    return [scores.get(name, 0.0) for name in CLASSES]


def see(raw: RawOutput, prepared: Prepared | None = None, manifest: Manifest = MANIFEST) -> Inspection:
    prepared = prepared or picture()
    return inspection([look(sifted(raw, 0, manifest), prepared, 0, manifest)], prepared, manifest)


def test_nothing_found() -> None:
    seen = see(raw_output([], []))

    assert seen.detections == []
    assert seen.classification.defective == 0.1
    assert seen.attention.shape == (16, 16)
    assert (seen.facts.min, seen.facts.max) == (0.0, 0.0)


def test_the_highest_score_comes_first_and_faint_ones_are_left_out() -> None:
    boxes = [[0, 0, 10, 10], [50, 50, 60, 60], [90, 90, 99, 99]]

    seen = see(raw_output(boxes, [row(open=0.3), row(spur=0.9), row(copper=0.049)]))

    assert [(d.defect_class, d.score, d.box) for d in seen.detections] == [
        ("spur", 0.9, (50, 50, 60, 60)),
        ("open", 0.3, (0, 0, 10, 10)),
    ]


def test_a_box_seen_twice_is_one_but_never_across_classes() -> None:
    boxes = [[10, 10, 30, 30], [11, 10, 31, 30], [10, 10, 30, 30]]

    seen = see(raw_output(boxes, [row(spur=0.8), row(spur=0.9), row(open=0.7)]))

    assert [(d.defect_class, d.score) for d in seen.detections] == [("spur", 0.9), ("open", 0.7)]


def test_one_place_can_be_of_two_classes() -> None:
    seen = see(raw_output([[10, 10, 30, 30]], [row(spur=0.8, short=0.6)]))

    assert [d.defect_class for d in seen.detections] == ["spur", "short"]


def test_no_more_than_the_limit_the_best_ones() -> None:
    manifest = MANIFEST.model_copy(update={"postprocess": {**MANIFEST.postprocess, "max_findings": 3}})
    boxes = [[20.0 * i, 0, 20.0 * i + 10, 10] for i in range(6)]

    seen = see(raw_output(boxes, [row(spur=0.1 * (i + 1)) for i in range(6)]), manifest=manifest)

    assert [d.score for d in seen.detections] == [0.6, 0.5, 0.4]


def test_equal_scores_keep_one_order() -> None:
    boxes = [[20.0 * i, 0, 20.0 * i + 10, 10] for i in range(6)]
    raw = raw_output(boxes, [row(spur=0.5)] * 6)

    assert [d.box[0] for d in see(raw).detections] == [0, 20, 40, 60, 80, 100]


def test_boxes_are_clipped_to_the_picture_and_those_in_the_padding_are_none() -> None:
    boxes = [[-5, -5, 300, 300], [101, 0, 120, 50], [0, 91, 50, 120]]

    seen = see(raw_output(boxes, [row(spur=0.9)] * 3), picture(90, 100))

    assert [d.box for d in seen.detections] == [(0, 0, 100, 90)]


def test_at_a_smaller_scale_boxes_come_back_in_source_pixels() -> None:
    half = MANIFEST.model_copy(update={"input": InputSpec(channels=1, scale=0.5)})
    prepared = prepare(grey(512, 512), half.input)

    seen = see(raw_output([[10, 10, 20, 20]], [row(spur=0.9)], cells=(32, 32)), prepared, half)

    assert seen.detections[0].box == (20, 20, 40, 40)
    assert seen.attention.shape == (32, 32)


def test_the_map_is_absolute_and_without_its_padding() -> None:
    raw = raw_output([], [])
    raw.attention[0, :12, :13] = 0.5
    raw.attention[0, 0, 0] = 0.1
    raw.attention[0, 15, 15] = 1.0

    seen = see(raw, picture(90, 100))

    assert seen.attention.shape == (12, 13)
    assert (seen.facts.width, seen.facts.height) == (13, 12)
    assert (seen.facts.min, seen.facts.max) == (0.1, 0.5)
    assert (seen.attention.min(), seen.attention.max()) == (26, 128)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("field", ["boxes", "scores", "classes", "attention"])
def test_what_is_not_a_number_is_never_ok(field: str, wrong: float) -> None:
    raw = raw_output([[0, 0, 10, 10]], [row()])
    getattr(raw, field).flat[-1] = wrong

    with pytest.raises(InspectionFailed):
        see(raw)


@pytest.mark.parametrize("field", ["scores", "classes", "attention"])
@pytest.mark.parametrize("wrong", [-3.0, 7.5])
def test_logits_are_not_taken_for_probabilities(field: str, wrong: float) -> None:
    raw = raw_output([[0, 0, 10, 10]], [row()])
    arrays: dict[str, Any] = {field: np.full_like(getattr(raw, field), wrong)}

    with pytest.raises(InspectionFailed, match="0-1"):
        see(changed(raw, **arrays))
