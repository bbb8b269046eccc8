"""Classes without boxes: the image's score, and where its map is high. Nothing is OK for want of a box."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from inspector.decision.verdict import judge
from inspector.engines.postprocess import Inspection, inspection, look
from inspector.engines.sifting import sifted
from inspector.imaging.preprocess import prepare
from inspector.messages.recipe import Recipe, Thresholds
from inspector.models.bundle import InputSpec, Manifest
from tests.inspector.engines import test_postprocess as post
from tests.inspector.engines.test_postprocess import CLASSES, MANIFEST, row
from tests.support.engines import changed, raw_output
from tests.support.images import grey


def manifest(*image_level: str, **changes: Any) -> Manifest:
    fields = {**MANIFEST.model_dump(), "image_level": list(image_level or CLASSES), **changes}
    return Manifest.model_validate(fields)


def see(
    scores: list[float], attention: np.ndarray | None = None, rules: Manifest | None = None
) -> Inspection:
    """128 x 128 pixels, 16 x 16 cells; one confident box of a spur, which a classifier must not show."""
    raw = raw_output([[0, 0, 10, 10]], [row(spur=0.9)])
    raw = changed(raw, classes=np.array([scores], np.float32))
    if attention is not None:
        raw.attention[0] = attention
    return post.see(raw, manifest=rules or manifest())


def field(*places: tuple[int, int, float], ground: float = 0.0) -> np.ndarray:
    made = np.full((16, 16), ground, np.float32)
    for y, x, value in places:
        made[y, x] = value
    return made


def found(seen: Inspection) -> dict[str, float]:
    return {detection.defect_class: detection.score for detection in seen.detections}


def test_one_finding_for_each_class_that_the_image_has() -> None:
    seen = see([0.8, 0.8, 0.04, 0.3, 0.0, 0.0, 0.0])
    assert found(seen) == {"open": 0.8, "mousebite": 0.3}
    assert [detection.score for detection in seen.detections] == [0.8, 0.3]


def test_nothing_is_found_on_a_good_image() -> None:
    assert see([0.04] * 7).detections == []


def test_a_part_that_looks_defective_as_no_class_does_is_never_ok() -> None:
    seen = see([0.97, 0.1, 0.2, 0.1, 0.0, 0.0, 0.0])
    assert found(seen) == {"short": 0.97, "open": 0.1, "mousebite": 0.1}
    recipe = Recipe(id="r", version=1, thresholds=Thresholds(default=0.5))
    judged = judge(seen.detections, seen.classification, recipe, size=(128, 128))
    assert judged.verdict == "NG"


@pytest.mark.parametrize(
    ("attention", "box"),
    [
        (field(), (0, 0, 128, 128)),
        (field(ground=0.7), (0, 0, 128, 128)),
        (field((4, 5, 0.011)), (0, 0, 128, 128)),
        (field((4, 5, 0.9)), (40, 32, 48, 40)),
        # Down to half the peak, and only what hangs together with it.
        (field((4, 5, 0.9), (5, 6, 0.5), (6, 7, 0.44), (12, 12, 0.8)), (40, 32, 56, 48)),
        (field((0, 0, 0.3), ground=0.2), (0, 0, 128, 128)),
        (field((15, 15, 1.0)), (120, 120, 128, 128)),
    ],
)
def test_the_box_is_where_the_map_is_high(attention: np.ndarray, box: tuple[float, ...]) -> None:
    assert [detection.box for detection in see([0.9, 0.9, 0, 0, 0, 0, 0], attention).detections] == [box]


def test_with_boxes_for_other_classes_both_are_found() -> None:
    seen = see([0.9, 0.6, 0.0, 0.0, 0.7, 0.0, 0.0], field((4, 5, 0.9)), manifest("open"))
    assert [(d.defect_class, d.score) for d in seen.detections] == [
        ("spur", pytest.approx(0.9)),
        ("open", 0.6),
    ]
    assert [d.box for d in seen.detections] == [(0, 0, 10, 10), (40, 32, 48, 40)]


def test_at_a_smaller_scale_the_box_is_in_pixels_of_the_source() -> None:
    half = manifest(input=InputSpec(channels=1, scale=0.5))
    raw = changed(raw_output([], [], cells=(32, 32)), classes=np.full((1, 7), 0.9, np.float32))
    raw.attention[0, 31, 2:4] = 0.9
    seen = post.see(raw, prepare(grey(500, 512), half.input), half)
    assert seen.detections[0].box == (32, 496, 64, 500)


def test_an_image_in_tiles_is_as_defective_as_its_worst_one() -> None:
    rules = manifest(input=InputSpec(channels=1, nominal=(128, 128), max_side=128, overlap=64))
    prepared = prepare(grey(128, 192), rules.input)
    assert [tile.x for tile in prepared.tiles] == [0, 64]
    views = []
    for index, score in enumerate((0.1, 0.8)):
        raw = changed(
            raw_output([[0, 0, 10, 10]], [row(spur=0.9)]), classes=np.full((1, 7), score, np.float32)
        )
        raw.attention[0, 4, 12] = score
        views.append(look(sifted(raw, 0, rules), prepared, index, rules))
    seen = inspection(views, prepared, rules)
    assert found(seen) == dict.fromkeys(CLASSES, 0.8)
    # The second tile begins at x = 64.
    assert {detection.box for detection in seen.detections} == {(160, 32, 168, 40)}
