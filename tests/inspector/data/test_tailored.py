"""What is decided from a data set: tones, symmetries, pasting and sampling, each with its sentence."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from inspector.data.augment import Augmentation
from inspector.data.dataset import Dataset, Sample, as_boxes, as_labels
from inspector.data.sources import deeppcb
from inspector.data.tailored import FEW_DEFECTS, tailored
from tests.support import deeppcb_folder

Box = tuple[float, float, float, float]


def dataset(
    folder: Path,
    boxes: list[list[tuple[int, Box]]],
    *,
    levels: tuple[int, ...] = (150,),
    classes: tuple[str, ...] = ("dent", "scratch"),
) -> Dataset:
    """One grey image for each list of (label, box); brightness by turns."""
    samples = []
    for number, own in enumerate(boxes):
        image = np.full((64, 64), levels[number % len(levels)], np.uint8)
        image[::2] -= 20
        path = folder / f"{number}.png"
        cv2.imwrite(str(path), image)
        truth = as_boxes([box for _, box in own])
        samples.append(Sample(str(number), path, truth, as_labels([label for label, _ in own])))
    return Dataset(classes, tuple(samples))


DENT, SCRATCH = (0, (10.0, 10.0, 20.0, 20.0)), (1, (30.0, 30.0, 42.0, 40.0))


def test_boards_with_templates_are_augmented_as_ever(tmp_path: Path) -> None:
    deeppcb_folder.make(tmp_path, groups=2, boards=2, side=160)
    decided = tailored(deeppcb.load(tmp_path).data, 1)
    assert decided.augmentation == Augmentation()
    assert (decided.balance, decided.good_share) == (0.0, None)
    assert "4 of 4 images looked at are black and white" in " ".join(decided.sentences)


def test_black_and_white_images_of_a_class_alone_are_not_binarised(tmp_path: Path) -> None:
    deeppcb_folder.make(tmp_path, groups=2, boards=2, side=160)
    boards = deeppcb.load(tmp_path).data
    labelled = tuple(replace(sample, boxes=as_boxes([])) for sample in boards.samples)
    decided = tailored(Dataset(boards.classes, labelled), 1)
    assert (decided.augmentation.binarise, decided.augmentation.paste) == (0.0, 0.0)
    assert "shown as they are, not binarised" in " ".join(decided.sentences)


def test_images_with_tones_are_never_binarised_and_vary_with_the_data(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    same = tailored(dataset(tmp_path, [[DENT]] * 4), 1).augmentation
    other = tailored(dataset(tmp_path / "b", [[DENT]] * 4, levels=(60, 220)), 1).augmentation
    assert same.binarise == other.binarise == 0
    assert (same.contrast, other.contrast) == (0.2, 0.3)
    assert (same.tint, same.scale) == (0.0, 0.15)
    assert tailored(dataset(tmp_path, [[DENT]] * 4), 3).augmentation.tint > 0


def test_a_part_before_an_empty_background_is_not_binary(tmp_path: Path) -> None:
    image = np.full((64, 64), 255, np.uint8)
    image[20:24, 20:24] = 128
    cv2.imwrite(str(tmp_path / "x.png"), image)
    sample = Sample("x", tmp_path / "x.png", as_boxes([[20, 20, 24, 24]]), as_labels([0]))
    assert tailored(Dataset(("dent",), (sample,)), 1).augmentation.binarise == 0


@pytest.mark.parametrize(
    ("classes", "boxes", "wanted"),
    [
        (("dent", "scratch"), [[DENT], [SCRATCH]], "all"),
        (("left tab bent", "scratch"), [[DENT], [SCRATCH]], "none"),
        (("leftover", "topping"), [[DENT], [SCRATCH]], "all"),
        (("Horizontal_crack", "scratch"), [[DENT], [SCRATCH]], "flips"),
        # The same stroke, across and upright: a quarter turn would make one the other.
        (("a", "b"), [[(0, (5, 5, 45, 10))], [(1, (5, 5, 10, 45))]] * 8, "flips"),
        # Told apart by their size as well.
        (("a", "b"), [[(0, (5, 5, 60, 30))], [(1, (5, 5, 8, 20))]] * 8, "all"),
    ],
)
def test_symmetries(
    tmp_path: Path, classes: tuple[str, str], boxes: list[list[tuple[int, Box]]], wanted: str
) -> None:
    data = dataset(tmp_path, boxes, classes=classes)
    assert tailored(data, 1).augmentation.symmetries == wanted
    assert tailored(data, 1, "none").augmentation.symmetries == "none"


def test_few_defects_are_pasted_and_many_are_not(tmp_path: Path) -> None:
    few = tailored(dataset(tmp_path, [[DENT], [SCRATCH], []]), 1)
    assert few.augmentation.paste == 0.5
    assert any("few examples of dent, scratch" in sentence for sentence in few.sentences)
    spread = [(0, (x * 12.0, y * 12.0, x * 12.0 + 3, y * 12.0 + 3)) for x in range(5) for y in range(4)]
    many = dataset(tmp_path, [spread] * (FEW_DEFECTS // 20) + [[SCRATCH]])
    assert tailored(many, 1).augmentation.paste == 0.25
    assert tailored(many.where(lambda s: s.labels[0] == 0), 1).augmentation.paste == 0


@pytest.mark.parametrize(
    ("good", "defective", "wanted"), [(0, 4, None), (1, 3, None), (9, 1, 0.4), (1, 19, 0.15), (1, 49, 0.06)]
)
def test_share_of_good_images(tmp_path: Path, good: int, defective: int, wanted: float | None) -> None:
    decided = tailored(dataset(tmp_path, [[DENT]] * defective + [[]] * good), 1)
    assert decided.good_share == wanted


def test_a_rare_class_is_shown_more_often(tmp_path: Path) -> None:
    decided = tailored(dataset(tmp_path, [[DENT]] * 9 + [[SCRATCH]]), 1)
    assert decided.balance == 0.5
    assert any("scratch x3.0" in sentence for sentence in decided.sentences)
