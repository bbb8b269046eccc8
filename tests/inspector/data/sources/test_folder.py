"""A sub-folder a class: image labels alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from inspector.data import sources
from inspector.data.sources import folder
from inspector.data.sources.files import is_good
from inspector.errors import DataError
from tests.support import datasets


def make(root: Path, *places: str) -> Path:
    for place in places:
        datasets.picture(root / place)
    return root


def kinds(divided: sources.Divided) -> dict[str, str]:
    """Sample -> its class, or good."""
    classes = divided.data.classes
    return {s.name: "good" if s.good else classes[s.labels[0]] for s in divided.data.samples}


def test_the_folder_is_the_class_and_a_labelled_image_is_no_good_one(tmp_path: Path) -> None:
    divided = folder.load(make(tmp_path, "good/a.png", "scratch/b.png", "dent/c.JPG"))
    assert divided.data.classes == ("dent", "scratch")
    assert kinds(divided) == {"good/a": "good", "scratch/b": "scratch", "dent/c": "dent"}
    by_name = {sample.name: sample for sample in divided.data.samples}
    assert (by_name["good/a"].good, by_name["good/a"].labels_only) == (True, False)
    assert (by_name["dent/c"].good, by_name["dent/c"].labels_only) == (False, True)
    assert divided.data.labels_only == ("dent", "scratch")
    assert not divided.doubts


@pytest.mark.parametrize(
    ("places", "classes"),
    [
        # Above the class, below it, and the wrapper of an archive.
        (["train/ok/a.png", "test/cut/b.png"], ("cut",)),
        (["ok/train/a.png", "cut/test/b.png"], ("cut",)),
        (["casting/casting/train/ok/a.png", "casting/casting/test/cut/b.png"], ("cut",)),
        # Deeper folders are a way of keeping files.
        (["train/ok/lot1/a.png", "test/cut/lot2/x/b.png"], ("cut",)),
        # Two spellings of a class.
        (["train/OK/a.png", "test/Cut/b.png", "val/cut/c.png"], ("Cut",)),
        # Names with spaces and accents, and upper-case suffixes.
        (["train/ok/a b.PNG", "test/éraflure légère/ü 1.JPEG"], ("éraflure légère",)),
    ],
)
def test_layouts(tmp_path: Path, places: list[str], classes: tuple[str, ...]) -> None:
    divided = sources.load(f"folder:{make(tmp_path, *places)}")
    assert divided.data.classes == classes
    assert [s.good for s in divided.of("train").samples] == [True]
    assert [s.good for s in divided.of("test").samples] == [False]


@pytest.mark.parametrize(
    ("name", "good"),
    [
        *[(name, True) for name in ("good", "OK", "Defect-Free", "no defects", "ok_front", "good-parts")],
        *[(name, False) for name in ("", "bad", "NG", "not_ok", "not good", "no_good", "nok", "goodness")],
        *[
            (name, False)
            for name in ("ok_but_scratched", "good_ng", "ok_defect", "okra", "freely", "def_front")
        ],
    ],
)
def test_which_names_are_good(name: str, good: bool) -> None:
    assert is_good(name) is good


def test_a_folder_that_is_good_by_its_beginning_is_told(tmp_path: Path) -> None:
    divided = folder.load(make(tmp_path, "ok_front/a.png", "ok_front/b.png", "def_front/c.png"))
    assert divided.data.classes == ("def_front",)
    assert divided.doubts == ("2 images in the folder ok_front are taken as good",)


def test_lots_below_several_classes_stay_on_one_side(tmp_path: Path) -> None:
    places = [f"{kind}/lot{n}/{i}.png" for kind in ("good", "cut") for n in range(6) for i in range(2)]
    divided = sources.load(f"folder:{make(tmp_path, *places)}")
    groups = [{s.group for s in divided.of(part).samples} for part in ("train", "val", "test")]
    assert sum(map(len, groups)) == 6
    places = [f"{kind}/{kind}{n}/0.png" for kind in ("good", "cut") for n in range(6)]
    divided = folder.load(make(tmp_path / "kept", *places))
    assert {sample.group for sample in divided.data.samples} == {""}


def test_it_is_drawn_by_class_unless_split_json_says_otherwise(tmp_path: Path) -> None:
    make(tmp_path, *(f"{kind}/{n}.png" for kind in ("good", "cut") for n in range(20)))
    divided = sources.load(f"folder:{tmp_path}")
    counts = [[s.good for s in divided.of(part).samples].count(False) for part in ("train", "val", "test")]
    assert counts == [14, 3, 3]
    split = {"train": ["good\\0.png", "./cut/0.png"], "val": ["good/1", "cut/1"], "test": ["cut/2"]}
    (tmp_path / "split.json").write_text(json.dumps(split), encoding="utf-8-sig")
    divided = sources.load(f"folder:{tmp_path}")
    assert divided.how == "split.json"
    assert [s.name for s in divided.of("train").samples] == ["cut/0", "good/0"]


def test_linked_folders_are_read_and_a_link_in_a_circle_does_no_harm(tmp_path: Path) -> None:
    make(tmp_path / "store", "a.png")
    make(tmp_path / "data", "good/b.png")
    (tmp_path / "data" / "cut").symlink_to(tmp_path / "store", target_is_directory=True)
    (tmp_path / "data" / "good" / "round").symlink_to(tmp_path / "data", target_is_directory=True)
    assert kinds(folder.load(tmp_path / "data")) == {"cut/a": "cut", "good/b": "good"}


def test_boxes_and_labels_mix(tmp_path: Path) -> None:
    file = datasets.coco(tmp_path / "coco", defective=4, good=2)
    make(tmp_path / "folder", "good/a.png", "scratch/b.png", "burn/c.png")
    divided = sources.load([f"coco:{file}", f"folder:{tmp_path / 'folder'}"])
    assert divided.data.classes == ("dent", "scratch", "burn")
    assert sum(sample.labels_only for sample in divided.data.samples) == 2
    assert sum(sample.good for sample in divided.data.samples) == 3
    # A scratch has boxes elsewhere; of a burn only image labels are known.
    assert divided.data.labels_only == ("burn",)
    assert len(sources.without_empty_boxes(divided.data)) == 9


def test_what_is_wrong_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="none: is not a folder"):
        folder.load(tmp_path / "none")
    with pytest.raises(DataError, match="holds no image"):
        folder.load(tmp_path)
    make(tmp_path, "good/a.png", "train/b.png")
    with pytest.raises(DataError, match=r"train/b\.png: lies in the folder of no class"):
        folder.load(tmp_path)
