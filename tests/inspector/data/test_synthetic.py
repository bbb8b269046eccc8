"""Synthetic boards: the same for a seed, exact boxes, and defects that are what their names say."""

from __future__ import annotations

from collections import Counter
from itertools import islice

import cv2
import numpy as np
import pytest

from inspector.data.dataset import Image
from inspector.data.sources import deeppcb
from inspector.data.synthetic import CLASSES, SyntheticBoard, board, boards

SEEDS = range(12)


@pytest.fixture(scope="module")
def defective() -> list[SyntheticBoard]:
    return [board(seed, defects=7) for seed in SEEDS]


def pieces(image: Image) -> tuple[int, int]:
    """Pieces of copper (black) and of ground."""
    copper = (image <= 127).astype(np.uint8)
    counts = [cv2.connectedComponents(mask, connectivity=c)[0] for mask, c in ((copper, 8), (1 - copper, 4))]
    return counts[0], counts[1]


def test_classes_are_deeppcbs() -> None:
    assert CLASSES == deeppcb.CLASSES


def test_a_seed_is_a_board() -> None:
    first, again, other = board(3), board(3), board(4)
    assert (first.image == again.image).all()
    assert (first.boxes == again.boxes).all()
    assert (first.image != other.image).any()


def test_a_good_board_is_its_template_and_that_of_its_defective_twin() -> None:
    good, bad = board(3, defects=0), board(3, defects=5)
    assert len(good.boxes) == 0
    assert (good.image == good.template).all()
    assert (bad.template == good.template).all()


@pytest.mark.parametrize("size", [(128, 128), (640, 640), (200, 333)])
def test_any_size(size: tuple[int, int]) -> None:
    made = board(1, size=size)
    assert made.image.shape == size
    assert made.image.dtype == np.uint8
    assert (made.boxes[:, 2:] <= [size[1], size[0]]).all()


def test_too_small_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 128"):
        board(1, size=(64, 640))


def test_boxes_hold_every_change_and_each_holds_one(defective: list[SyntheticBoard]) -> None:
    for made in defective:
        changed = made.image != made.template
        for x1, y1, x2, y2 in made.boxes.astype(int):
            assert changed[y1:y2, x1:x2].any()
            assert min(x2 - x1, y2 - y1) >= 18 or x1 == 0 or y1 == 0
            changed[y1:y2, x1:x2] = False
        assert not changed.any()


@pytest.mark.parametrize(
    ("kind", "copper", "ground"),
    [
        ("open", 1, None),
        ("short", -1, None),
        ("mousebite", 0, 0),
        ("spur", 0, 0),
        ("copper", 1, 0),
        ("pin-hole", 0, 1),
    ],
)
def test_each_kind_is_what_its_name_says(
    defective: list[SyntheticBoard], kind: str, copper: int, ground: int | None
) -> None:
    """One defect alone on the template changes the number of pieces of the whole board as it must."""
    seen = 0
    for made in defective:
        for box, label in zip(made.boxes.astype(int), made.labels, strict=True):
            if CLASSES[label] != kind:
                continue
            seen += 1
            alone = made.template.copy()
            x1, y1, x2, y2 = box
            alone[y1:y2, x1:x2] = made.image[y1:y2, x1:x2]
            before, after = pieces(made.template), pieces(alone)
            assert after[0] - before[0] == copper
            assert ground is None or after[1] - before[1] == ground
            blacker = int((alone <= 127).sum()) - int((made.template <= 127).sum())
            assert (blacker > 0) is (kind in {"short", "spur", "copper"})
    assert seen >= 3


def test_it_looks_binarised_with_slightly_grey_edges(defective: list[SyntheticBoard]) -> None:
    grey = [float(((made.image > 8) & (made.image < 247)).mean()) for made in defective]
    white = [float((made.image > 127).mean()) for made in defective]
    assert 0.005 < float(np.median(grey)) < 0.04
    assert 0.3 < float(np.median(white)) < 0.85


def test_every_kind_comes(defective: list[SyntheticBoard]) -> None:
    counts = Counter(CLASSES[label] for made in defective for label in made.labels)
    assert set(counts) == set(CLASSES)


def test_some_boards_are_poured_and_their_ground_lines_have_necks() -> None:
    """Mostly copper, parted by lines of ground that grow as thin as an open: good boards, all of them."""
    made = [board(seed, defects=0) for seed in range(24)]
    poured = [each for each in made if (each.image <= 127).mean() > 0.5]
    assert 3 <= len(poured) <= 16
    assert any(pieces(each.image)[0] > 4 for each in poured)
    for each in poured:
        ground = (each.image > 127).astype(np.uint8)
        wide = cv2.morphologyEx(ground, cv2.MORPH_OPEN, np.ones((9, 9), np.uint8))
        if (ground > wide).sum() > 300:
            break
    else:
        pytest.fail("no neck on any of them")


def test_the_stream_is_seeded_and_keeps_its_share() -> None:
    first, again = (list(islice(boards(9, defective_share=0.5, size=(128, 128)), 30)) for _ in range(2))
    assert all((a.image == b.image).all() for a, b in zip(first, again, strict=True))
    assert 8 <= sum(len(made.boxes) > 0 for made in first) <= 22
    assert not any(len(made.boxes) for made in islice(boards(9, defective_share=0, size=(128, 128)), 5))


def test_boards_of_one_product_have_one_layout_whatever_their_seed() -> None:
    first, second = (board(seed, defects=0, product=7).image for seed in (1, 2))
    assert (first != second).any(), "their edges are not alike"
    assert pieces(first) == pieces(second) == pieces(board(7, defects=0).image)


def test_a_clogged_nozzle_leaves_copper_around_its_place() -> None:
    place = np.array([440, 230])
    for seed in range(6):
        made = board(seed, defects=2, product=5, clogged=(440, 230))
        assert {CLASSES[label] for label in made.labels} <= {"spur", "copper"}
        assert len(made.boxes) == 2
        middles = (made.boxes[:, :2] + made.boxes[:, 2:]) / 2
        assert np.abs(middles - place).max() < 60
