"""Pixel masks where MVTec AD, magnetic tile and Kolektor keep them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from inspector.data import sources
from inspector.data.sources import masks
from inspector.errors import DataError
from tests.support import datasets

REAL = Path(__file__).parents[5] / "shared" / "data" / "magnetic-tile"

BOX = (10, 12, 30, 40)


@pytest.mark.realdata
def test_the_magnetic_tiles_are_read_whole() -> None:
    divided = sources.load(f"masks:{REAL}")
    train, val = divided.of("train"), divided.of("val")
    assert divided.data.classes == ("Blowhole", "Break", "Crack", "Fray", "Uneven")
    assert (len(train), len(val), len(divided.data)) == (870, 167, 1037)
    assert sum(len(sample.boxes) for sample in divided.data.samples) == 337
    # 58 of val are of a class, and the mask of one of them is empty.
    assert sum(1 for sample in val.samples if len(sample.boxes)) == 57
    assert len(divided.doubts) == 3


def test_the_same_name_with_another_suffix_and_a_common_prefix(tmp_path: Path) -> None:
    data = masks.load(datasets.tiles(tmp_path)).data
    assert data.classes == ("Crack", "Fray")
    by_name = {sample.name: sample for sample in data.samples}
    assert len(by_name) == 10
    assert by_name["MT_Crack/Crack0"].boxes.tolist() == [list(datasets.squares(1)[0])]
    assert by_name["MT_Crack/Crack0"].image.suffix == ".jpg"
    assert not len(by_name["MT_Free/free0"].boxes)


def test_mvtec_has_masks_in_a_mirrored_folder_and_parts_in_its_folders(tmp_path: Path) -> None:
    divided = masks.load(datasets.mvtec(tmp_path))
    assert divided.data.classes == ("crack", "cut")
    assert len(divided.of("train")) == 3
    assert [len(sample.boxes) for sample in divided.of("test").samples] == [1, 1, 1, 1, 0]


@pytest.mark.parametrize("ending", ["_label.bmp", "_mask.png", "_GT.png"])
def test_a_mask_beside_its_image_and_numbered_folders_as_groups(tmp_path: Path, ending: str) -> None:
    for item in ("kos01", "kos02", "kos10"):
        datasets.picture(tmp_path / item / "Part0.jpg", [BOX])
        datasets.mask(tmp_path / item / f"Part0{ending}", [BOX])
        datasets.picture(tmp_path / item / "Part1.jpg")
        datasets.mask(tmp_path / item / f"Part1{ending}")
    data = masks.load(tmp_path).data
    assert data.classes == ("defect",)
    assert [(sample.group, len(sample.boxes)) for sample in data.samples] == [
        (group, count) for group in ("01", "02", "10") for count in (1, 0)
    ]


def test_images_and_masks_in_folders_of_their_own(tmp_path: Path) -> None:
    datasets.picture(tmp_path / "images" / "a.png", [BOX])
    datasets.mask(tmp_path / "masks" / "a.png", [BOX], value=1)
    datasets.picture(tmp_path / "images" / "b.png")
    data = masks.load(tmp_path).data
    assert {sample.name: sample.boxes.tolist() for sample in data.samples} == {
        "images/a": [list(BOX)],
        "images/b": [],
    }


def test_several_masks_of_one_image(tmp_path: Path) -> None:
    datasets.picture(tmp_path / "test" / "cut" / "000.png")
    datasets.mask(tmp_path / "ground_truth" / "cut" / "000" / "000.png", [BOX])
    datasets.mask(tmp_path / "ground_truth" / "cut" / "000" / "001.png", [(60, 12, 70, 20)])
    assert len(masks.load(tmp_path).data.samples[0].boxes) == 2


@pytest.mark.parametrize(
    ("pieces", "boxes"),
    [
        ([], []),
        ([(0, 0, 10, 10)], [[0, 0, 10, 10]]),
        ([(86, 54, 96, 64)], [[86, 54, 96, 64]]),
        ([(10, 10, 20, 20), (22, 10, 30, 20)], [[10, 10, 30, 20]]),
        ([(10, 10, 20, 20), (40, 10, 50, 20)], [[10, 10, 20, 20], [40, 10, 50, 20]]),
    ],
)
def test_a_box_for_each_piece_and_small_gaps_are_closed(
    pieces: list[datasets.Box], boxes: list[list[int]]
) -> None:
    mask = np.zeros((64, 96), np.bool_)
    for x1, y1, x2, y2 in pieces:
        mask[y1:y2, x1:x2] = True
    assert masks.boxes_of(mask).tolist() == boxes


def test_what_is_wrong_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is not a folder"):
        masks.load(tmp_path / "none")
    with pytest.raises(DataError, match="holds no image"):
        masks.load(tmp_path)
    datasets.picture(tmp_path / "a.jpg")
    with pytest.raises(DataError, match="holds no mask"):
        masks.load(tmp_path)


def test_a_defective_image_without_a_mask_is_named(tmp_path: Path) -> None:
    datasets.mvtec(tmp_path)
    (tmp_path / "ground_truth" / "cut" / "001_mask.png").unlink()
    with pytest.raises(DataError, match=r"test/cut/001\.png: has no mask"):
        masks.load(tmp_path)


def test_a_mask_of_another_size_or_no_mask_at_all_is_named(tmp_path: Path) -> None:
    datasets.tiles(tmp_path)
    wrong = tmp_path / "MT_Crack" / "Crack0.png"
    cv2.imwrite(str(wrong), np.full((10, 20), 255, np.uint8))
    with pytest.raises(DataError, match=r"Crack0\.png: 20 x 10 pixels, its image 96 x 64"):
        masks.load(tmp_path)
    wrong.write_bytes(b"no image")
    with pytest.raises(DataError, match=r"Crack0\.png: cannot be read as a mask"):
        masks.load(tmp_path)


def test_a_defective_image_keeps_the_masks_its_boxes_come_from(tmp_path: Path) -> None:
    samples = masks.load(datasets.tiles(tmp_path)).data.samples
    assert {bool(sample.mask) == bool(len(sample.boxes)) for sample in samples} == {True}
    sample = next(sample for sample in samples if sample.mask)
    x1, y1, x2, y2 = sample.boxes[0].astype(int).tolist()
    pixels = masks.read(sample.mask)
    assert pixels[y1:y2, x1:x2].all()
    assert pixels.sum() == (x2 - x1) * (y2 - y1)
