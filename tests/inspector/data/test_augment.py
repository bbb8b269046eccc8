"""Augmentation keeps boxes on what they mark, and the same seed gives the same picture."""

from __future__ import annotations

import numpy as np
import pytest

from inspector.data.augment import Augmentation, Picture, augment, turn
from inspector.data.dataset import as_boxes, as_labels

PLAIN = Augmentation(good=0, partly_good=0, symmetries=False, contrast=0, binarise=0, noise=0)


def picture(height: int = 60, width: int = 90) -> Picture:
    """White, with two black rectangles, each in its box to the pixel."""
    image = np.full((height, width), 255, np.uint8)
    image[10:20, 30:50] = 0
    image[40:55, 5:12] = 0
    return Picture(image, as_boxes([[30, 10, 50, 20], [5, 40, 12, 55]]), as_labels([0, 1]))


def marked(result: Picture) -> np.ndarray:
    """What is black exactly where a box lies."""
    mask = np.zeros(result.image.shape, bool)
    for x1, y1, x2, y2 in result.boxes.astype(int):
        mask[y1:y2, x1:x2] = True
    return mask


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("quarter_turns", [0, 1, 2, 3])
def test_boxes_turn_with_the_picture(quarter_turns: int, mirror: bool) -> None:
    turned = turn(picture(), quarter_turns=quarter_turns, mirror=mirror)
    assert np.array_equal(turned.image == 0, marked(turned))


def test_the_eight_symmetries_are_eight_different_pictures() -> None:
    images = [
        turn(picture(60, 60), quarter_turns=k, mirror=mirror).image.tobytes()
        for k in range(4)
        for mirror in (False, True)
    ]
    assert len(set(images)) == 8


@pytest.mark.parametrize("seed", range(30))
def test_boxes_stay_on_what_they_mark_through_every_crop(seed: int) -> None:
    result = augment(picture(), 32, PLAIN, np.random.default_rng(seed))
    assert result.image.shape == (32, 32)
    assert len(result.boxes) == len(result.labels)
    assert (result.image[marked(result)] == 0).all()


def test_a_small_image_is_padded_not_stretched() -> None:
    result = augment(picture(), 128, PLAIN, np.random.default_rng(0))
    assert np.array_equal(result.image[:60, :90], picture().image)
    assert not result.image[60:].any()
    assert not result.image[:, 90:].any()


def test_healing_takes_the_defect_and_its_box_away() -> None:
    whole = picture()
    good = Picture(whole.image, whole.boxes, whole.labels, np.full_like(whole.image, 255))
    healed = augment(
        good,
        128,
        Augmentation(good=1, partly_good=0, symmetries=False, contrast=0, binarise=0, noise=0),
        np.random.default_rng(0),
    )
    assert len(healed.boxes) == 0
    assert (healed.image[:60, :90] == 255).all()


def test_a_seed_fixes_the_outcome() -> None:
    first, again, other = (
        augment(picture(), 32, Augmentation(), np.random.default_rng(s)) for s in (3, 3, 4)
    )
    assert np.array_equal(first.image, again.image)
    assert not np.array_equal(first.image, other.image)


def test_good_pictures_without_boxes_are_welcome() -> None:
    good = Picture(np.zeros((40, 40), np.uint8), as_boxes([]), as_labels([]))
    assert augment(good, 32, Augmentation(), np.random.default_rng(0)).boxes.shape == (0, 4)


def test_colour_pictures_keep_their_channels() -> None:
    colour = Picture(np.zeros((40, 50, 3), np.uint8), as_boxes([]), as_labels([]))
    assert augment(colour, 64, Augmentation(), np.random.default_rng(0)).image.shape == (64, 64, 3)
