"""Pictures of any part come out at a size that a page can show, with the boxes where they belong."""

from __future__ import annotations

import numpy as np
import pytest

from inspector.evaluation.page.drawings import TRUE, close_up, whole
from tests.inspector.evaluation.cases import Box, made

HERE: Box = (30, 30, 40, 40)


@pytest.mark.parametrize("shape", [(80, 80), (80, 80, 3), (1, 1), (3000, 200), (40, 4000, 3)])
@pytest.mark.parametrize("attention", [None, np.zeros((5, 5), np.uint8)])
def test_any_size(shape: tuple[int, ...], attention: np.ndarray | None) -> None:
    case = made([("open", HERE)], [("open", 0.9, HERE)], attention=attention)
    image = np.full(shape, 200, np.uint8)
    for picture in (close_up(image, case, HERE), whole(image, case)):
        assert picture.dtype == np.uint8
        assert picture.ndim == 3
        assert min(picture.shape[:2]) >= 1
        assert max(picture.shape[:2]) <= 1100


def test_a_true_box_is_drawn_around_its_defect() -> None:
    image = np.full((640, 640), 200, np.uint8)
    box: Box = (600, 10, 620, 30)
    picture = close_up(image, made([("open", box)]), box)
    # 128 pixels up to the right and upper edge, twice as large: the box is at 176-216, 20-60.
    assert picture.shape == (256, 256, 3)
    ys, xs = np.nonzero((picture == TRUE).all(axis=2))
    assert (xs.min(), xs.max()) == pytest.approx((173, 219), abs=2)
    assert (ys.min(), ys.max()) == pytest.approx((17, 63), abs=2)


def test_what_the_map_lights_up_is_coloured_on_the_right_alone() -> None:
    field = np.zeros((10, 10), np.uint8)
    field[5, 5] = 255
    picture = whole(np.full((80, 80), 200, np.uint8), made([("open", HERE)], attention=field))
    half = picture.shape[1] // 2
    coloured = picture.max(axis=2) != picture.min(axis=2)
    assert coloured[:, half + 2 :].any()
    assert (picture[:, half + 2 :][~coloured[:, half + 2 :]] >= 190).all()
