"""Who says which image is in which part, and that two sets make one."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from inspector.data import sources
from inspector.errors import DataError
from tests.support import datasets


def names(divided: sources.Divided, split: sources.Split) -> set[str]:
    return {sample.name for sample in divided.of(split).samples}


def split(folder: Path, content: Any) -> None:
    datasets.text(folder / "split.json", json.dumps(content))


def test_an_undivided_set_is_drawn_the_same_way_every_time(tmp_path: Path) -> None:
    spec = f"coco:{datasets.coco(tmp_path, defective=20, good=20)}"
    divided = sources.load(spec)
    assert (len(divided.of("train")), len(divided.of("val")), len(divided.of("test"))) == (28, 5, 7)
    assert divided.how == "test drawn with seed 0, val drawn with seed 0"
    assert names(divided, "trainval") == names(divided, "train") | names(divided, "val")
    assert names(divided, "all") == names(divided, "trainval") | names(divided, "test")
    assert sources.load(spec).parts == divided.parts
    for part in (divided.of("val"), divided.of("test")):
        assert {label for sample in part.samples for label in sample.labels} == {0, 1}
        assert sum(1 for sample in part.samples if not len(sample.boxes)) == 3


def test_split_json_is_obeyed_by_name_and_by_file(tmp_path: Path) -> None:
    file = datasets.coco(tmp_path)
    split(tmp_path, {"train": ["bad0", "bad1.png", "good0"], "val": ["bad2"]})
    divided = sources.load(f"coco:{file}")
    assert names(divided, "train") == {"bad0", "bad1", "good0"}
    assert names(divided, "val") == {"bad2"}
    assert len(divided.of("all")) == 10
    with pytest.raises(DataError, match=r"no test part; by split\.json there is: train, val"):
        divided.of("test")


@pytest.mark.parametrize(("images", "parts"), [(1, {"train": 1}), (2, {"train": 1, "test": 1})])
def test_a_very_small_set_is_drawn_as_far_as_it_goes(
    tmp_path: Path, images: int, parts: dict[str, int]
) -> None:
    divided = sources.load(f"coco:{datasets.coco(tmp_path, defective=images, good=0)}")
    assert Counter(divided.parts.values()) == parts


def test_split_json_goes_before_the_folders(tmp_path: Path) -> None:
    datasets.mvtec(tmp_path)
    split(tmp_path, {"train": ["test/crack/000", "train/good/000"], "test": ["test/cut/000.png"]})
    divided = sources.load(f"masks:{tmp_path}")
    assert names(divided, "trainval") == {"test/crack/000", "train/good/000"}
    assert names(divided, "test") == {"test/cut/000"}


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ({"train": ["bad0", "nobody"]}, r"train\[1\]: 'nobody' is no image"),
        ({"train": ["bad0"], "test": ["bad0"]}, r"test\[0\]: 'bad0' is in train as well"),
        ({"train": "bad0"}, "train: expected a list"),
        (["bad0"], "expected an object"),
        ({"training": ["bad0"]}, "names no image"),
    ],
)
def test_a_wrong_split_is_named_by_its_path(tmp_path: Path, content: Any, complaint: str) -> None:
    file = datasets.coco(tmp_path)
    split(tmp_path, content)
    with pytest.raises(DataError, match=rf"split\.json: {complaint}"):
        sources.load(f"coco:{file}")


def test_a_split_that_is_no_json_is_named(tmp_path: Path) -> None:
    file = datasets.coco(tmp_path)
    datasets.text(tmp_path / "split.json", "{")
    with pytest.raises(DataError, match=r"split\.json: cannot be read as JSON"):
        sources.load(f"coco:{file}")


def test_several_sets_join_by_the_names_of_their_classes(tmp_path: Path) -> None:
    first = datasets.coco(tmp_path / "one", defective=4)
    second = datasets.coco(tmp_path / "two", defective=4)
    second.write_text(second.read_text().replace('"scratch"', '"burn"'))
    tiles = datasets.tiles(tmp_path / "tiles")
    divided = sources.load([f"coco:{first}", f"coco:{second}", f"masks:{tiles}"])
    assert divided.data.classes == ("dent", "scratch", "burn", "Crack", "Fray")
    assert len(divided.data) == 8 + 8 + 10
    by_name = {sample.name: sample for sample in divided.data.samples}
    assert len(by_name) == 26
    assert [divided.data.classes[by_name[f"{n}:bad0"].labels[0]] for n in (1, 2)] == ["scratch", "burn"]
    assert divided.data.classes[by_name["MT_Fray/Fray0"].labels[0]] == "Fray"
    assert names(divided, "all") == set(by_name)


def test_a_val_of_one_set_is_the_val_of_all(tmp_path: Path) -> None:
    train = datasets.coco(tmp_path / "a", name="train.json")
    val = datasets.coco(tmp_path / "b", defective=2, good=1, name="val.json")
    divided = sources.load([f"coco:{train}", f"coco:{val}"])
    assert (len(divided.of("train")), len(divided.of("val"))) == (10, 3)


def test_boards_stay_on_one_side(tmp_path: Path) -> None:
    for group in range(8):
        for number in range(3):
            name = f"kos{group:02d}/Part{number}"
            datasets.picture(tmp_path / f"{name}.jpg", [(10, 10, 30, 30)])
            datasets.mask(tmp_path / f"{name}_label.png", [(10, 10, 30, 30)])
    divided = sources.load(f"masks:{tmp_path}")
    groups = [{s.group for s in divided.of(part).samples} for part in ("train", "val", "test")]
    assert sum(map(len, groups)) == 8
    assert all(groups)


def test_empty_boxes_are_left_out_of_training(tmp_path: Path) -> None:
    file = datasets.coco(tmp_path, defective=2, good=2)
    document = json.loads(file.read_text())
    document["annotations"][0]["bbox"][2] = 0
    document["annotations"].append({**document["annotations"][1], "id": 9, "bbox": [1, 1, 0, 5]})
    file.write_text(json.dumps(document))
    data = sources.read(f"coco:{file}", "all")
    assert {sample.name: len(sample.boxes) for sample in data.samples} == {"bad1": 1, "good0": 0, "good1": 0}
