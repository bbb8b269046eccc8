"""Healed boards: the defect is gone, its neighbours are not, and nothing gives it away."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from inspector.data.dataset import Boxes, Dataset, Image, as_boxes
from inspector.data.healed import Board, binarise, encode, heal, healed_boards, is_blank
from inspector.data.sources import deeppcb
from inspector.data.synthetic import SyntheticBoard, board

DEEPPCB = Path("../shared/data/deeppcb")


@pytest.fixture(scope="module")
def made() -> SyntheticBoard:
    return board(5, defects=6, size=(320, 400))


def inside(image: Image, box: NDArray[np.float32]) -> Image:
    x1, y1, x2, y2 = box.astype(int)
    return image[y1:y2, x1:x2]


def flags(*values: bool) -> NDArray[np.bool_]:
    return np.array(values, np.bool_)


def test_without_a_box_nothing_changes() -> None:
    image, template = np.zeros((40, 50), np.uint8), np.full((40, 50), 255, np.uint8)
    healed, keep = heal(image, template, as_boxes([]), flags(), np.random.default_rng(0))
    assert (healed == image).all()
    assert healed is not image
    assert keep.shape == (0,)


def test_all_healed_is_the_template_where_only_defects_differ(made: SyntheticBoard) -> None:
    none = np.zeros(len(made.boxes), np.bool_)
    healed, keep = heal(made.image, made.template, made.boxes, none, np.random.default_rng(0))
    assert (healed == made.template).all()
    assert not keep.any()


def test_only_the_asked_ones_are_healed(made: SyntheticBoard) -> None:
    keep = np.arange(len(made.boxes)) == 2
    healed, kept = heal(made.image, made.template, made.boxes, keep, np.random.default_rng(0))
    assert (kept == keep).all()
    for box, stays in zip(made.boxes, keep, strict=True):
        original = made.image if stays else made.template
        assert (inside(healed, box) == inside(original, box)).all()


@pytest.mark.parametrize("shape", [(60, 80), (60, 80, 3)])
def test_padding_never_cuts_a_kept_neighbour(shape: tuple[int, ...]) -> None:
    image, template = np.zeros(shape, np.uint8), np.full(shape, 255, np.uint8)
    boxes = as_boxes([[10, 10, 30, 30], [31, 10, 50, 30]])
    healed, _ = heal(image, template, boxes, flags(False, True), np.random.default_rng(0), pad=8)
    assert (inside(healed, boxes[0]) == 255).all()
    assert (inside(healed, boxes[1]) == 0).all()


def test_a_defect_that_overlaps_a_kept_one_stays_and_is_reported() -> None:
    image, template = np.zeros((60, 80), np.uint8), np.full((60, 80), 255, np.uint8)
    boxes = as_boxes([[10, 10, 30, 30], [25, 10, 45, 30], [40, 20, 60, 40], [65, 45, 75, 55]])
    healed, keep = heal(image, template, boxes, flags(True, False, False, False), np.random.default_rng(0))
    assert keep.tolist() == [True, True, True, False]
    assert (inside(healed, boxes[2]) == 0).all()
    assert (inside(healed, boxes[3]) == 255).all()


def patched(image: Image, healed: Image) -> int:
    return int((image != healed).sum())


def test_as_many_pixels_are_pasted_whatever_is_healed() -> None:
    # White template on a black image: every pasted pixel shows, controls too.
    image, template = np.zeros((400, 400), np.uint8), np.full((400, 400), 255, np.uint8)
    boxes = as_boxes([[50, 50, 80, 90], [200, 220, 230, 250]])
    counts = [
        patched(image, heal(image, template, boxes, flags(*keep), np.random.default_rng(3)).image)
        for keep in ((False, False), (True, False), (False, True), (True, True))
    ]
    assert counts == [counts[0]] * 4


def test_controls_touch_no_defect() -> None:
    image, template = np.zeros((200, 200), np.uint8), np.full((200, 200), 255, np.uint8)
    boxes = as_boxes([[20, 20, 60, 60], [90, 100, 130, 140]])
    for seed in range(20):
        healed, _ = heal(image, template, boxes, flags(True, True), np.random.default_rng(seed))
        assert all((inside(healed, box) == 0).all() for box in boxes)


def test_boxes_that_reach_over_a_crop_are_healed_up_to_its_edge() -> None:
    image, template = np.zeros((40, 40), np.uint8), np.full((40, 40), 255, np.uint8)
    boxes = as_boxes([[-20, 5.5, 8.2, 15], [39, 39, 90, 90], [50, 50, 60, 60]])
    healed, _ = heal(image, template, boxes, flags(False, False, False), np.random.default_rng(0))
    assert (healed[5:15, :9] == 255).all()
    assert healed[39, 39] == 255


@pytest.mark.parametrize(
    ("template", "blank"),
    [
        (np.zeros((8, 8), np.uint8), True),
        (np.full((8, 8), 250, np.uint8), True),
        (np.eye(8, dtype=np.uint8) * 255, False),
    ],
)
def test_blank_templates_are_known(template: Image, blank: bool) -> None:
    assert is_blank(template) is blank


def test_binarise_and_encode_keep_two_values() -> None:
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)
    binary = binarise(grey)
    assert set(np.unique(binary)) == {0, 255}
    assert binary[7, 15] == 0
    assert binary[8, 0] == 255
    read = cv2.imdecode(np.frombuffer(encode(binary), np.uint8), cv2.IMREAD_GRAYSCALE)
    assert read is not None
    assert (read == binary).all()


def first(boards: list[Board], kind: str) -> Board:
    return next(one for one in boards if one.kind == kind)


def overlaps(boxes: Boxes) -> bool:
    a, b = boxes[:, None], boxes[None]
    met = ((a[..., :2] < b[..., 2:]) & (b[..., :2] < a[..., 2:])).all(axis=-1)
    return bool(met.sum() > len(boxes))


@pytest.mark.realdata
def test_real_boards_come_in_three_kinds_of_one_encoding() -> None:
    whole = deeppcb.read(DEEPPCB, "test")
    part = Dataset(whole.classes, whole.samples[::100])
    boards = list(healed_boards(part, seed=1))
    again = list(healed_boards(Dataset(whole.classes, part.samples[:1]), seed=1))
    assert [one.kind for one in boards] == ["defective", "single", "good"] * len(part)
    for one in boards:
        assert set(np.unique(one.image)) <= {0, 255}
        assert one.group.startswith("group")
        assert len(one.boxes) == {"good": 0, "single": 1}.get(one.kind, len(one.boxes))
        assert not overlaps(one.boxes) or one.kind == "defective"
    # The boards of an image do not depend on which others are asked for.
    assert (first(boards, "single").image == first(again, "single").image).all()


@pytest.mark.realdata
def test_the_three_blank_templates_give_no_board() -> None:
    blank = {"20085159", "20085167", "20085168"}
    part = deeppcb.read(DEEPPCB, "trainval").where(lambda sample: sample.name in blank)
    assert len(part) == 3
    assert list(healed_boards(part)) == []
