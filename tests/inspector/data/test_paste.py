"""Pasted defects: the box lies on the defect, no box of the host is covered, and a seed fixes it all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from inspector.data.augment import Picture
from inspector.data.dataset import Image, Sample, as_boxes, as_labels
from inspector.data.paste import Donor, donors, paste


def sample(boxes: list[list[float]]) -> Sample:
    return Sample("d", Path("d.png"), as_boxes(boxes), as_labels([1] * len(boxes)))


DEFECT = sample([[40, 30, 60, 40]])


def source(level: int = 120, channels: int = 1, depth: type = np.uint8) -> Image:
    """Grey, with one black defect."""
    image: Image = np.full((80, 100) if channels == 1 else (80, 100, 3), level, depth)
    image[30:40, 40:60] = 0
    return image


def good(level: int = 200, side: int = 96, channels: int = 1) -> Picture:
    shape = (side, side) if channels == 1 else (side, side, 3)
    return Picture(np.full(shape, level, np.uint8), as_boxes([]), as_labels([]))


def test_what_can_be_lifted_out() -> None:
    assert donors([], frozenset({1})) == ()
    crowded = sample([[10, 10, 20, 20], [21, 10, 30, 20], [70, 60, 80, 70]])
    labels_only = Sample("l", Path("l.png"), as_boxes([]), as_labels([1]))
    assert donors([crowded, labels_only], frozenset({1})) == (Donor(crowded, 2),)
    assert donors([crowded], frozenset({0})) == ()


@pytest.mark.parametrize("channels", [1, 3])
def test_the_box_lies_on_the_defect_and_the_patch_takes_on_the_ground(channels: int) -> None:
    found = 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        pasted = paste(good(channels=channels), Donor(DEFECT, 0), source(channels=channels), "all", rng)
        dark = (pasted.image if channels == 1 else pasted.image[..., 0]) < 150
        marked = np.zeros_like(dark)
        for x1, y1, x2, y2 in pasted.boxes.astype(int):
            marked[y1:y2, x1:x2] = True
        assert np.array_equal(dark, marked)  # the grey around it became as bright as the host
        assert set(pasted.labels.tolist()) <= {1}
        found += len(pasted.boxes)
    assert 20 < found < 70  # about every other patch is one without a defect


def test_a_hosts_own_defect_is_never_covered() -> None:
    host = Picture(good().image.copy(), as_boxes([[30, 30, 66, 66]]), as_labels([0]))
    host.image[30:66, 30:66] = 77
    for seed in range(20):
        pasted = paste(host, Donor(DEFECT, 0), source(), "all", np.random.default_rng(seed))
        assert (pasted.image[30:66, 30:66] == 77).all()
        assert pasted.boxes[0].tolist() == [30, 30, 66, 66]
    assert (host.image[0] == 200).all()  # the picture given, which may be held for later, is not changed


def test_what_fits_nowhere_is_left_out() -> None:
    small = good(side=24)
    for seed in range(10):
        pasted = paste(small, Donor(DEFECT, 0), source(), "none", np.random.default_rng(seed))
        assert len(pasted.boxes) == 0
        assert np.array_equal(pasted.image, small.image)


def test_a_defect_at_the_corner_of_its_image_can_be_lifted() -> None:
    corner = sample([[0, 0, 12, 9]])
    image = source()
    image[:9, :12] = 0
    for seed in range(10):
        pasted = paste(good(), Donor(corner, 0), image, "all", np.random.default_rng(seed))
        assert all(0 <= side <= 96 for box in pasted.boxes for side in box)


def test_more_than_eight_bits_stay() -> None:
    host = Picture(np.full((96, 96), 3000, np.uint16), as_boxes([]), as_labels([]))
    pasted = paste(host, Donor(DEFECT, 0), source(2000, depth=np.uint16), "all", np.random.default_rng(0))
    assert pasted.image.dtype == np.uint16
    assert pasted.image.max() >= 3000


def test_a_seed_fixes_the_outcome() -> None:
    one, again = (
        paste(good(), Donor(DEFECT, 0), source(), "all", np.random.default_rng(5)) for _ in range(2)
    )
    assert np.array_equal(one.image, again.image)
    assert np.array_equal(one.boxes, again.boxes)
