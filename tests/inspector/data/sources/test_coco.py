"""COCO files as people have them, and what is said of wrong ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools import mask

from inspector.data import sources
from inspector.data.sources import coco
from inspector.errors import DataError
from tests.support import datasets


def edited(file: Path, **changes: Any) -> Path:
    document = json.loads(file.read_text())
    file.write_text(json.dumps({**document, **changes}))
    return file


def annotated(tmp_path: Path, **fields: Any) -> Path:
    row = {"id": 1, "image_id": 100, "category_id": 3, **fields}
    return edited(datasets.coco(tmp_path, defective=1, good=1), annotations=[row])


def test_boxes_classes_and_good_images(tmp_path: Path) -> None:
    data = coco.load(datasets.coco(tmp_path)).data
    assert data.classes == ("dent", "scratch")
    assert len(data) == 10
    assert [sample.name for sample in data.samples if not len(sample.boxes)] == [f"good{n}" for n in range(4)]
    first = data.samples[0]
    assert first.boxes.tolist() == [list(map(float, datasets.squares(1)[0]))]
    assert data.classes[first.labels[0]] == "scratch"
    assert first.image == tmp_path / "images" / "bad0.png"
    assert not first.group


def test_a_crowd_is_left_out(tmp_path: Path) -> None:
    data = coco.load(annotated(tmp_path, bbox=[1, 2, 3, 4], iscrowd=1)).data
    assert not len(data.samples[0].boxes)


@pytest.mark.parametrize(
    "outline",
    [
        [[10, 12, 30, 12, 30, 40], [20, 5, 21, 6, 20, 7]],
        {"size": [64, 96], "counts": [64 * 10 + 5, *[35, 29] * 19, 35, 24 + 64 * 66]},
    ],
)
def test_an_outline_alone_gets_its_bounding_box(tmp_path: Path, outline: object) -> None:
    (box,) = coco.load(annotated(tmp_path, segmentation=outline)).data.samples[0].boxes.tolist()
    assert box == [10, 5, 30, 40]


def test_a_compressed_mask_gets_its_bounding_box(tmp_path: Path) -> None:
    pixels = np.zeros((64, 96), np.uint8, order="F")
    pixels[5:40, 10:30] = 1
    coded = mask.encode(pixels)
    outline = {"size": coded["size"], "counts": coded["counts"].decode()}
    (box,) = coco.load(annotated(tmp_path, segmentation=outline)).data.samples[0].boxes.tolist()
    assert box == [10, 5, 30, 40]


def test_categories_that_nothing_has_are_left_out(tmp_path: Path) -> None:
    assert coco.load(annotated(tmp_path, bbox=[1, 2, 3, 4])).data.classes == ("scratch",)


def test_images_may_lie_beside_the_file_or_where_coco_keeps_them(tmp_path: Path) -> None:
    file = datasets.coco(tmp_path, defective=1, good=0)
    (tmp_path / "images" / "bad0.png").rename(tmp_path / "bad0.png")
    assert coco.load(file).data.samples[0].image == tmp_path / "bad0.png"
    (tmp_path / "val2017").mkdir()
    (tmp_path / "bad0.png").rename(tmp_path / "val2017" / "bad0.png")
    (tmp_path / "annotations").mkdir()
    moved = file.rename(tmp_path / "annotations" / "instances_val2017.json")
    assert coco.load(moved).data.samples[0].image.parent.name == "val2017"


def test_a_file_named_for_a_part_is_that_part(tmp_path: Path) -> None:
    for part, count in (("train", 6), ("val", 2), ("test", 3)):
        datasets.coco(tmp_path / part, defective=count, good=1, name=f"instances_{part}.json")
    specs = [f"coco:{tmp_path / part / f'instances_{part}.json'}" for part in ("train", "val")]
    assert len(sources.read(specs, "train")) == 7
    assert len(sources.read(specs, "val")) == 3
    test = f"coco:{tmp_path / 'test' / 'instances_test.json'}"
    assert len(sources.read(test, "test")) == 4
    with pytest.raises(DataError, match="no train part"):
        sources.read(test, "train")


def test_roboflows_parts_are_folders_and_no_other_files_are(tmp_path: Path) -> None:
    assert coco.load(datasets.coco(tmp_path / "valid", name="_annotations.coco.json")).has("val")
    assert not coco.load(datasets.coco(tmp_path / "test")).parts


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"bbox": [1, 2, 3]}, r"annotations\[0\]\.bbox: expected \[x, y, width, height\]"),
        ({"bbox": [1, 2, "a", 4]}, r"annotations\[0\]\.bbox: expected"),
        ({"bbox": [1, 2, float("nan"), 4]}, r"annotations\[0\]\.bbox: expected"),
        ({"bbox": [1, 2, -3, 4]}, r"annotations\[0\]\.bbox: .*negative"),
        ({"bbox": [1, 2, 3, 4], "image_id": 7}, r"annotations\[0\]\.image_id: 7 is the id of no image"),
        ({"bbox": [1, 2, 3, 4], "image_id": [7]}, r"annotations\[0\]\.image_id"),
        ({"bbox": [1, 2, 3, 4], "category_id": 9}, r"annotations\[0\]\.category_id: 9"),
        ({"segmentation": [[1, 2, 3, 4]]}, r"annotations\[0\]\.segmentation: .*three points"),
        ({"bbox": 7, "segmentation": [[1, 2, 3, 4, 5, 6]]}, r"annotations\[0\]\.bbox: expected"),
        ({"segmentation": {"counts": [-1, 5], "size": [2, 2]}}, r"annotations\[0\]\.segmentation"),
        ({"segmentation": {"counts": 5}}, r"annotations\[0\]\.segmentation"),
        ({"segmentation": {"counts": "1", "size": [0, 0]}}, r"annotations\[0\]\.segmentation"),
    ],
)
def test_a_wrong_annotation_is_named_by_its_path(tmp_path: Path, fields: Any, complaint: str) -> None:
    with pytest.raises(DataError, match=rf"parts\.json: {complaint}"):
        coco.load(annotated(tmp_path, **fields))


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"images": []}, "images: expected a list, not an empty one"),
        ({"images": None}, "images: expected a list"),
        ({"images": ["a.png"]}, r"images\[0\]: expected an object"),
        (
            {"images": [{"id": 1, "file_name": "gone.png"}], "annotations": []},
            r"images\[0\]\.file_name: gone",
        ),
        ({"images": [{"id": 1}], "annotations": []}, r"images\[0\]\.file_name: expected a text"),
        ({"images": [{"id": 1, "file_name": "a"}] * 2}, "images: two of them have the same id"),
        ({"annotations": None}, "annotations: expected a list"),
        ({"categories": [{"id": 3}, {"id": 17}]}, r"categories\[0\]\.name: expected a text"),
    ],
)
def test_a_wrong_file_is_named_by_its_path(tmp_path: Path, changes: Any, complaint: str) -> None:
    with pytest.raises(DataError, match=rf"parts\.json: {complaint}"):
        coco.load(edited(datasets.coco(tmp_path), **changes))


def test_what_is_no_json_is_named_by_its_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a\.json:2: not JSON"):
        coco.load(datasets.text(tmp_path / "a.json", '{"images":\n oops'))
    with pytest.raises(DataError, match=r"b\.json: cannot be read: No such file"):
        coco.load(tmp_path / "b.json")
