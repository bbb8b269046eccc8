"""Augmentation keeps boxes on what they mark, and the same seed gives the same picture."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from inspector.data.augment import Augmentation, Picture, Symmetries, augment, drawn_symmetry, turn
from inspector.data.dataset import as_boxes, as_labels

PLAIN = Augmentation(good=0, partly_good=0, symmetries="none", contrast=0, brightness=0, binarise=0, noise=0)


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


def test_a_small_image_keeps_its_size() -> None:
    result = augment(picture(), 128, PLAIN, np.random.default_rng(0))
    assert np.array_equal(result.image, picture().image)


@pytest.mark.parametrize(
    ("across", "shapes"), [(False, {(60, 90)}), (True, {(90, 60)}), (None, {(60, 90), (90, 60)})]
)
def test_a_batch_can_lie_or_stand_as_one(across: bool | None, shapes: set[tuple[int, int]]) -> None:
    every = replace(PLAIN, symmetries="all")
    turned = [
        augment(picture(), 128, every, np.random.default_rng(seed), across=across) for seed in range(30)
    ]
    assert {each.image.shape for each in turned} == shapes
    assert len({each.image.tobytes() for each in turned}) == 4 * len(shapes)


def test_healing_takes_the_defect_and_its_box_away() -> None:
    whole = picture()
    good = Picture(whole.image, whole.boxes, whole.labels, np.full_like(whole.image, 255))
    healed = augment(
        good,
        128,
        replace(PLAIN, good=1),
        np.random.default_rng(0),
    )
    assert len(healed.boxes) == 0
    assert (healed.image == 255).all()


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
    plain = Augmentation(symmetries="none")
    assert augment(colour, 64, plain, np.random.default_rng(0)).image.shape == (40, 50, 3)


@pytest.mark.parametrize(("symmetries", "count"), [("none", 1), ("flips", 4), ("all", 8)])
def test_how_many_symmetries_are_drawn(symmetries: Symmetries, count: int) -> None:
    rng = np.random.default_rng(0)
    drawn = {drawn_symmetry(symmetries, rng) for _ in range(200)}
    assert len(drawn) == count
    assert all(turns % 2 == 0 for turns, _ in drawn) or symmetries == "all"


@pytest.mark.parametrize("seed", range(10))
def test_boxes_stay_on_what_they_mark_at_every_scale(seed: int) -> None:
    scaled = augment(picture(120, 120), 96, replace(PLAIN, scale=0.5), np.random.default_rng(seed))
    assert 80 <= min(scaled.image.shape) <= max(scaled.image.shape) <= 96
    for x1, y1, x2, y2 in scaled.boxes.round().astype(int):
        assert scaled.image[y1 + 1 : y2 - 1, x1 + 1 : x2 - 1].max() < 40
        assert 0 <= x1 < x2 <= 96
        assert 0 <= y1 < y2 <= 96


def test_a_defect_larger_than_the_crop_is_no_background() -> None:
    whole = Picture(np.zeros((200, 200), np.uint8), as_boxes([[0, 0, 200, 200]]), as_labels([0]))
    for seed in range(5):
        crop = augment(whole, 64, PLAIN, np.random.default_rng(seed))
        assert crop.boxes.tolist() == [[0, 0, 64, 64]]


@pytest.mark.parametrize("binarise", [0.0, 1.0])
def test_colours_and_blur_leave_a_whole_picture(binarise: float) -> None:
    rng = np.random.default_rng(0)
    colour = Picture(rng.integers(60, 200, (40, 50, 3)).astype(np.uint8), as_boxes([]), as_labels([]))
    recipe = Augmentation(binarise=binarise, tint=0.3, blur=2.0, scale=0.2)
    for seed in range(10):
        image = augment(colour, 64, recipe, np.random.default_rng(seed)).image
        assert image.dtype == np.uint8
        assert image.shape[2] == 3
        assert max(image.shape) <= 60


def test_twelve_bits_are_kept_beyond_eight() -> None:
    ramp = np.arange(4096, dtype=np.uint16).reshape(64, 64)
    image = augment(
        Picture(ramp, as_boxes([]), as_labels([])), 64, PLAIN, np.random.default_rng(0), white=4095
    ).image
    assert image.dtype == np.float32
    assert (image.min(), image.max()) == (0.0, 255.0)
    assert len(np.unique(image)) == 4096
