from __future__ import annotations

import numpy as np
import pytest

from inspector.imaging.decode import decode
from inspector.imaging.files import facts_of
from inspector.imaging.overlay import COUNTED, NOT_COUNTED, draw, encode_png
from inspector.messages.result import Finding
from tests.support.images import grey


def finding(*box: float, counted: bool = True, score: float = 0.9) -> Finding:
    x1, y1, x2, y2 = box
    return Finding(defect_class="spur", score=score, box=(x1, y1, x2, y2), counted=counted, threshold=0.5)


def has(pixels: np.ndarray, colour: tuple[int, int, int]) -> bool:
    return bool((pixels == colour).all(axis=-1).any())


@pytest.mark.parametrize("side", [1, 20, 200, 640, 4000])
def test_boxes_are_seen_on_images_of_any_size(side: int) -> None:
    image = np.full((side, side), 128, np.uint8)

    drawn = draw(image, [finding(side * 0.4, side * 0.4, side * 0.6, side * 0.6)])

    assert has(drawn, COUNTED)
    assert max(drawn.shape[:2]) >= min(480, side * 2)


def test_the_inside_of_a_box_stays_visible() -> None:
    image = grey(640, 640)

    drawn = draw(image, [finding(300, 300, 340, 340)])

    assert (drawn[300:340, 300:340] == image[300:340, 300:340, None]).all()


def test_what_counts_is_told_from_what_does_not() -> None:
    drawn = draw(np.zeros((640, 640, 3), np.uint8), [finding(9, 9, 50, 50, counted=False)])

    assert has(drawn, NOT_COUNTED)
    assert not has(drawn, COUNTED)


@pytest.mark.parametrize("box", [(0, 0, 5, 5), (635, 0, 640, 5), (0, 635, 5, 640), (0, 0, 640, 640)])
def test_a_box_at_the_edge_keeps_its_label_inside(box: tuple[float, ...]) -> None:
    drawn = draw(np.zeros((640, 640), np.uint8), [finding(*box)])

    assert (drawn == COUNTED).all(axis=-1).sum() > 500


def test_a_map_of_nothing_leaves_the_image_and_a_hot_cell_colours_its_place() -> None:
    image = np.full((640, 640), 100, np.uint8)
    attention = np.zeros((80, 80), np.uint8)
    cold = draw(image, [], attention)
    attention[40, 40] = 255

    warm = draw(image, [], attention)

    assert (cold == 100).all()
    assert not (warm[324, 324] == 100).all()
    assert (warm[:200] == 100).all()


def test_png_carries_the_pixels() -> None:
    for pixels in (grey(5, 7), np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)):
        image = encode_png(pixels)

        assert (decode(image, facts_of(image), 1 if pixels.ndim == 2 else 3) == pixels).all()
