"""DeepPCB's files: the real ones, and what is said of wrong ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from inspector.data import sources
from inspector.data.sources import deeppcb
from inspector.errors import DataError, SettingsError
from tests.support import deeppcb_folder

REAL = Path(__file__).parents[5] / "shared" / "data" / "deeppcb"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return deeppcb_folder.make(tmp_path, groups=2, boards=1, side=160)


@pytest.mark.realdata
@pytest.mark.parametrize(("split", "images", "boxes"), [("trainval", 1000, 6873), ("test", 500, 3140)])
def test_the_official_split_is_read_whole(split: sources.Split, images: int, boxes: int) -> None:
    data = sources.read(f"deeppcb:{REAL}", split)
    assert len(data) == images
    assert sum(len(sample.boxes) for sample in data.samples) == boxes
    assert {label for sample in data.samples for label in sample.labels} == set(range(6))


@pytest.mark.realdata
def test_trainval_and_test_share_no_image() -> None:
    parts = [{sample.name for sample in deeppcb.read(REAL, split).samples} for split in ("trainval", "test")]
    assert not parts[0] & parts[1]


def test_a_sample_has_boxes_labels_group_and_template(folder: Path) -> None:
    first = deeppcb.read(folder, "trainval").samples[0]
    assert first.group == "group00000"
    assert first.boxes.dtype == np.float32
    assert len(first.boxes) == len(first.labels) > 0
    assert first.image.name == "0_test.jpg"
    assert first.template is not None
    assert first.template.is_file()


def test_the_folder_itself_will_do(folder: Path) -> None:
    assert len(deeppcb.read(folder / "PCBData", "trainval")) == 2


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("1 2 3", "expected 'x1 y1 x2 y2 type'"),
        ("1 2 x 4 1", "expected 'x1 y1 x2 y2 type'"),
        ("1 2 3 4 7", "type must be 1-6"),
        ("5 2 3 4 1", "the box not empty"),
    ],
)
def test_a_wrong_row_is_named_with_file_and_line(folder: Path, row: str, complaint: str) -> None:
    truth = folder / "PCBData" / "group00000" / "00000_not" / "0.txt"
    truth.write_text(f"1 2 30 40 1\n{row}\n")
    with pytest.raises(DataError, match=rf"0\.txt:2: .*{complaint}"):
        deeppcb.read(folder, "trainval")


def test_a_missing_image_is_named_with_the_line_that_lists_it(folder: Path) -> None:
    (folder / "PCBData" / "group00000" / "00000" / "0_test.jpg").unlink()
    with pytest.raises(DataError, match=r"trainval\.txt:1: .*0_test\.jpg does not exist"):
        deeppcb.read(folder, "trainval")


def test_an_empty_listing_is_refused(folder: Path) -> None:
    (folder / "PCBData" / "trainval.txt").write_text("\n")
    with pytest.raises(DataError, match="lists no image"):
        deeppcb.read(folder, "trainval")


@pytest.mark.parametrize("spec", ["deeppcb", "coconut:/x", ""])
def test_a_spec_that_names_no_format_says_which_there_are(spec: str) -> None:
    with pytest.raises(SettingsError, match="one of: coco, yolo, voc, masks, folder, deeppcb"):
        sources.read(spec, "test")
