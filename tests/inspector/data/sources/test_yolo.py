"""YOLO's data.yaml and label files, and what is said of wrong ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from inspector.data import sources
from inspector.data.sources import yolo
from inspector.errors import DataError
from tests.support import datasets

YAML = "path: .\ntrain: images/train\nval: images/val\nnames: [dent, scratch]\n"


def make(folder: Path, config: str = YAML) -> Path:
    """train: a.png with two boxes, b.png with an empty file, c.png with none; val: d.png with an outline."""
    for name in ("train/a", "train/b", "train/c", "val/d"):
        datasets.picture(folder / "images" / f"{name}.png")
    datasets.text(folder / "labels" / "train" / "a.txt", "1 0.5 0.5 0.25 0.5\n0 0.25 0.25 0.125 0.125\n")
    datasets.text(folder / "labels" / "train" / "b.txt", "")
    datasets.text(folder / "labels" / "val" / "d.txt", "0 0.25 0.25 0.5 0.25 0.5 0.75 0.25 0.75\n")
    return datasets.text(folder / "data.yaml", config)


def test_boxes_outlines_and_good_images(tmp_path: Path) -> None:
    data = yolo.load(make(tmp_path)).data
    assert data.classes == ("dent", "scratch")
    by_name = {sample.name: sample for sample in data.samples}
    assert set(by_name) == {"images/train/a", "images/train/b", "images/train/c", "images/val/d"}
    a = by_name["images/train/a"]
    assert a.boxes.tolist() == [[36, 16, 60, 48], [18, 12, 30, 20]]
    assert a.labels.tolist() == [1, 0]
    assert [len(by_name[f"images/train/{name}"].boxes) for name in "bc"] == [0, 0]
    assert by_name["images/val/d"].boxes.tolist() == [[24, 16, 48, 48]]


def test_its_own_parts_are_obeyed(tmp_path: Path) -> None:
    spec = f"yolo:{make(tmp_path)}"
    assert len(sources.read(spec, "train")) == 3
    assert [sample.name for sample in sources.read(spec, "val").samples] == ["images/val/d"]
    with pytest.raises(DataError, match=r"no test part; by data\.yaml there is: train, val"):
        sources.read(spec, "test")


@pytest.mark.parametrize(
    "config",
    [
        "train: images/train\nval: images/val\nnames: {0: dent, 1: scratch}\n",
        "train: ../images/train\nval: ../images/val\nnames:\n- dent\n- scratch\n",
        "train: [images/train]\nvalid: images/val\ntest:\nnames: [dent, scratch]\n",
        "train: train.txt\nval: images/val\nnames: [dent, scratch]\n",
    ],
)
def test_the_ways_to_write_it(tmp_path: Path, config: str) -> None:
    datasets.text(tmp_path / "train.txt", "".join(f"./images/train/{name}.png\n" for name in "abc"))
    data = sources.load(f"yolo:{make(tmp_path, config)}")
    assert (len(data.of("train")), len(data.of("val"))) == (3, 1)
    assert data.data.classes == ("dent", "scratch")


def test_labels_beside_the_images_will_do(tmp_path: Path) -> None:
    datasets.picture(tmp_path / "a.png")
    datasets.text(tmp_path / "a.txt", "0 0.5 0.5 0.5 0.5\n")
    data = yolo.load(datasets.text(tmp_path / "data.yaml", "train: .\nnames: [dent]\n")).data
    assert len(data.samples[0].boxes) == 1


def test_a_part_that_repeats_train_is_none_of_its_own(tmp_path: Path) -> None:
    config = YAML.replace("images/val", "images/train")
    divided = yolo.load(make(tmp_path, config))
    assert len(divided.data) == 3
    assert not divided.has("val")


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("0 0.5 0.5 0.1", "expected 'class cx cy width height'"),
        ("0 0.5 x 0.1 0.1", "expected numbers"),
        ("2 0.5 0.5 0.1 0.1", "class 2 is none of 0-1"),
        ("0.5 0.5 0.5 0.1 0.1", "class 0.5 is none"),
        ("0 320 240 10 10", "expected shares of the image, 0-1"),
        ("0 0.5 0.5 -0.1 0.1", "width and height must not be negative"),
        ("0 0.5 0.5 nan 0.1", "expected shares"),
    ],
)
def test_a_wrong_row_is_named_with_file_and_line(tmp_path: Path, row: str, complaint: str) -> None:
    file = make(tmp_path)
    datasets.text(tmp_path / "labels" / "train" / "a.txt", f"0 0.5 0.5 0.1 0.1\n{row}\n")
    with pytest.raises(DataError, match=rf"a\.txt:2: {complaint}"):
        yolo.load(file)


@pytest.mark.parametrize(
    ("config", "complaint"),
    [
        ("train: [\n", r"data\.yaml:\d: not YAML"),
        ("names: !!python/object/apply:os.system [id]\n", r"data\.yaml:1: not YAML"),
        ("just a text", "expected keys and values"),
        ("train: images/train\n", "names: expected a list"),
        ("train: images/train\nnames: {1: a, 2: b}\n", "names: expected the numbers 0 to 1"),
        ("train: images/train\nnames: [a, a]\n", "names: two classes"),
        ("train: nowhere\nnames: [a]\n", "train: nowhere is neither a folder nor a list"),
        ("names: [a]\n", "train: names no image"),
        ("train: labels\nnames: [a]\n", "holds no image"),
        ("train: images\nval: images/val\nnames: [a, b]\n", "is in train as well"),
    ],
)
def test_a_wrong_configuration_is_named_by_its_key(tmp_path: Path, config: str, complaint: str) -> None:
    with pytest.raises(DataError, match=complaint):
        yolo.load(make(tmp_path, config))


def test_an_annotated_image_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    file = make(tmp_path)
    (tmp_path / "images" / "train" / "a.png").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"a\.png: this is not an image"):
        yolo.load(file)


def test_boxes_are_float32(tmp_path: Path) -> None:
    assert {sample.boxes.dtype for sample in yolo.load(make(tmp_path)).data.samples} == {np.dtype(np.float32)}
