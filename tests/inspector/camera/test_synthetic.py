from __future__ import annotations

from itertools import islice

import numpy as np
import pytest

from inspector.camera.shot import Placement, Shot
from inspector.camera.synthetic import SyntheticSource
from inspector.data.synthetic import CLASSES
from inspector.imaging.opencv import cv2


def shots(number: int, *, seed: int = 0, defective_share: float = 0.5) -> list[Shot]:
    source = SyntheticSource(Placement(simulated=True), seed=seed, defective_share=defective_share)
    return [frame.take() for frame in islice(source, number)]


def test_the_same_seed_is_the_same_boards_and_another_is_not() -> None:
    first, again, other = shots(2), shots(2), shots(2, seed=1)
    assert [shot.image for shot in first] == [shot.image for shot in again]
    assert {shot.image for shot in first}.isdisjoint(shot.image for shot in other)
    assert len({shot.key for shot in first + again}) == 4  # the same board again is another part


@pytest.mark.parametrize(("share", "defective"), [(0.0, 0), (0.5, 2), (1.0, 4)])
def test_the_share_of_defective_boards(share: float, defective: int) -> None:
    assert sum(bool(shot.truth) for shot in shots(4, defective_share=share)) == defective


def test_a_shot_is_an_image_with_its_truth() -> None:
    (shot,) = shots(1, defective_share=1)
    image = cv2.imdecode(np.frombuffer(shot.image, np.uint8), cv2.IMREAD_UNCHANGED)
    assert image is not None
    assert image.shape == (640, 640)
    assert shot.parameters["simulated"] == "true"
    assert shot.parameters["part_id"] == shot.name
    for defect in shot.truth or []:
        x1, y1, x2, y2 = defect["box"]
        assert defect["class"] in CLASSES
        assert 0 <= x1 < x2 <= 640
        assert 0 <= y1 < y2 <= 640
