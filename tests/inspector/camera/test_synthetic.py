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


def test_from_a_board_on_a_nozzle_is_clogged_at_one_place() -> None:
    source = SyntheticSource(Placement(simulated=True), defective_share=0.0, clog_from=8)
    found = [frame.take().truth or [] for frame in islice(source, 24)]
    assert found[:8] == [[]] * 8
    assert [number for number in range(8, 24) if found[number]] == [8, 12, 16, 20]
    defects = [defect for truth in found for defect in truth]
    assert {defect["class"] for defect in defects} <= {"spur", "copper"}
    middles = [((d["box"][0] + d["box"][2]) / 2, (d["box"][1] + d["box"][3]) / 2) for d in defects]
    assert np.ptp(np.array(middles), axis=0).max() < 120, "of a board of 640 x 640"


def test_a_clogged_line_makes_one_product_and_runs_well_before() -> None:
    good, other = islice(SyntheticSource(Placement(), clog_from=1000), 2)
    copper = [
        np.array(cv2.imdecode(np.frombuffer(one.take().image, np.uint8), 0)) < 128 for one in (good, other)
    ]
    assert np.mean(copper[0] != copper[1]) < 0.02, "the same layout, other edges"
    taken = [frame.take() for frame in islice(SyntheticSource(Placement(), clog_from=1000), 100)]
    assert sum(bool(shot.truth) for shot in taken) == 2
