"""Images that are taken whole, and that their being whole says nothing."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from inspector.data.augment import Augmentation, Picture, augment
from inspector.data.dataset import Sample, as_boxes, as_labels
from inspector.training.whole import Whole, whole


def picture(height: int, width: int, channels: int = 1) -> Picture:
    shape = (height, width) if channels == 1 else (height, width, channels)
    return Picture(np.full(shape, 200, np.uint8), as_boxes([]), as_labels([1]))


@pytest.mark.parametrize(
    ("size", "seen"),
    [
        ((50, 40), (50, 40)),
        ((64, 64), (64, 64)),
        ((128, 128), (64, 64)),
        ((32, 640), (3, 64)),
        ((2000, 10), (64, 1)),
    ],
)
@pytest.mark.parametrize("channels", [1, 3])
def test_all_of_it_is_there_with_its_aspect_and_never_larger(
    size: tuple[int, int], seen: tuple[int, int], channels: int
) -> None:
    made = whole(picture(*size, channels), 64)
    assert made.image.shape[:2] == seen
    assert made.image.min() == made.image.max() == 200
    assert made.labels.tolist() == [1]


def test_augmentation_keeps_the_label_and_crops_nothing() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        made = augment(whole(picture(100, 80), 64), 64, Augmentation(binarise=0, noise=0), rng)
        assert (made.labels.tolist(), len(made.boxes)) == ([1], 0)
        assert sorted(made.image.shape) == [51, 64]
        assert (made.image > 100).all()


def test_at_a_random_scale_nothing_is_cropped_either() -> None:
    """A defect in each corner: whichever way it is turned, all four are seen."""
    rng, image = np.random.default_rng(0), np.full((60, 60), 90, np.uint8)
    for y, x in ((0, 0), (0, 52), (52, 0), (52, 52)):
        image[y : y + 8, x : x + 8] = 250
    given, sides = Picture(image, as_boxes([]), as_labels([1])), set()
    for _ in range(30):
        made = augment(
            whole(given, 64), 64, Augmentation(binarise=0, noise=0, contrast=0, brightness=0, scale=0.3), rng
        )
        pieces, _ = cv2.connectedComponents((made.image > 180).astype(np.uint8))
        assert pieces - 1 == 4
        sides.add(int((made.image > 60).any(axis=0).sum()))
    assert (min(sides) < 56, max(sides)) == (True, 64)


def test_more_bits_than_eight_are_kept() -> None:
    made = whole(Picture(np.full((200, 100), 4000, np.uint16), as_boxes([]), as_labels([0])), 64)
    assert (str(made.image.dtype), made.image.max(), made.image.shape) == ("uint16", 4000, (64, 32))


def samples(*, boxed: int, labelled: int, good: int) -> tuple[Sample, ...]:
    truths = [([[0, 0, 9, 9]], [0])] * boxed + [([], [0])] * labelled + [([], [])] * good
    return tuple(
        Sample(str(n), Path(), as_boxes(boxes), as_labels(labels)) for n, (boxes, labels) in enumerate(truths)
    )


@pytest.mark.parametrize(
    ("counts", "detects", "good_whole"),
    [
        ({"boxed": 5, "labelled": 0, "good": 5}, True, 0.0),
        ({"boxed": 0, "labelled": 0, "good": 5}, True, 0.0),
        ({"boxed": 0, "labelled": 5, "good": 5}, False, 1.0),
        ({"boxed": 15, "labelled": 5, "good": 5}, True, 0.25),
    ],
)
def test_good_images_are_whole_as_often_as_defective_ones(
    counts: dict[str, int], detects: bool, good_whole: float
) -> None:
    data, rng = samples(**counts), np.random.default_rng(0)
    chosen = Whole(data)
    assert chosen.detects is detects
    taken: Counter[str] = Counter()
    for sample in data * 400:
        kind = "good" if sample.good else "labelled" if sample.labels_only else "boxed"
        taken[kind] += chosen.takes(sample, rng)
    assert (taken["boxed"], taken["labelled"]) == (0, 400 * counts["labelled"])
    assert taken["good"] / (400 * counts["good"]) == pytest.approx(good_whole, abs=0.05)
