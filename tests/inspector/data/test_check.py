"""Each thing that can be wrong with a data set is found; a sound one passes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import pytest

from inspector.data import sources
from inspector.data.check import Problem, check
from tests.support import datasets


def problems(spec: str) -> dict[str, Problem]:
    return {problem.kind: problem for problem in check(sources.load(spec)).problems}


def with_boxes(folder: Path, *boxes: list[float]) -> str:
    """A sound set whose first images have these boxes (x, y, width, height) besides."""
    file = datasets.coco(folder, defective=20, good=20)
    document = json.loads(file.read_text())
    for number, box in enumerate(boxes):
        row = {"id": 900 + number, "image_id": 100 + number, "category_id": 3, "bbox": box}
        document["annotations"].append(row)
    file.write_text(json.dumps(document))
    return f"coco:{file}"


def test_a_sound_set_is_counted_and_passes(tmp_path: Path) -> None:
    done: list[int] = []
    report = check(sources.load(with_boxes(tmp_path)), done.append)
    assert not report.problems
    assert not report.spoilt
    assert sum(done) == 40
    assert {part: count.images for part, count in report.parts.items()} == {"train": 28, "val": 5, "test": 7}
    assert sum(count.good for count in report.parts.values()) == 20
    assert sum(count.boxes["dent"] for count in report.parts.values()) == 10
    assert report.sizes is not None
    assert (report.sizes.width, report.sizes.height, report.sizes.distinct) == ((96, 96), (64, 64), 1)
    assert report.formats == {"png, 1 x 8 bits": 40}


@pytest.mark.parametrize(
    ("box", "kind", "spoils"),
    [
        ([5, 5, 0, 9], "empty-box", True),
        ([200, 5, 9, 9], "outside-box", True),
        ([90, 5, 12, 12], "beyond-box", False),
        ([5, 5, 7, 7], "tiny-box", False),
        ([5, 5, 88, 8], "long-box", False),
        ([5, 5, 80.0, 8], "", False),
        ([86, 54, 10.9, 10.9], "", False),
    ],
)
def test_odd_boxes_are_told(tmp_path: Path, box: list[float], kind: str, spoils: bool) -> None:
    found = problems(with_boxes(tmp_path, box))
    assert list(found) == ([kind] if kind else [])
    if kind:
        assert found[kind].spoils is spoils
        assert found[kind].examples[0].startswith("bad0: ")


def test_the_same_pixels_in_two_parts_spoil_the_figures(tmp_path: Path) -> None:
    spec = with_boxes(tmp_path)
    divided = sources.load(spec)
    train, test = (divided.of(part).samples[0] for part in ("train", "test"))
    # Another encoding of the same pixels, and the name it had.
    cv2.imwrite(str(test.image), datasets.grey(train.image))
    found = problems(spec)
    assert found["duplicates-across"].examples == [f"train/{train.name} = test/{test.name}"]
    assert found["duplicates-across"].spoils


def test_a_defective_image_that_is_good_elsewhere(tmp_path: Path) -> None:
    spec = with_boxes(tmp_path)
    shutil.copy(tmp_path / "images" / "bad0.png", tmp_path / "images" / "good0.png")
    assert problems(spec)["contradiction"].spoils


def test_an_image_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    spec = with_boxes(tmp_path)
    (tmp_path / "images" / "bad3.png").write_bytes((tmp_path / "images" / "bad3.png").read_bytes()[:200])
    found = problems(spec)["unreadable"]
    assert found.spoils
    assert "bad3.png: the PNG" in found.examples[0]


def test_an_encoding_that_gives_the_label_away(tmp_path: Path) -> None:
    file = datasets.coco(tmp_path, defective=10, good=10)
    document = json.loads(file.read_text())
    for image in document["images"]:
        if image["file_name"].startswith("good"):
            source = tmp_path / "images" / image["file_name"]
            image["file_name"] = source.with_suffix(".jpg").name
            cv2.imwrite(str(source.with_suffix(".jpg")), datasets.grey(source))
    file.write_text(json.dumps(document))
    found = problems(f"coco:{file}")["giveaway"]
    assert found.spoils
    assert "file format" in found.message
    assert sorted(found.examples) == ["jpeg: 10 good, 0 defective", "png: 0 good, 10 defective"]


def test_sizes_that_nearly_every_image_has_alone_give_nothing_away(tmp_path: Path) -> None:
    spec = with_boxes(tmp_path)
    for number, path in enumerate(sorted((tmp_path / "images").iterdir())):
        cv2.imwrite(str(path), datasets.grey(path)[: 63 - number % 20])
    assert "giveaway" not in problems(spec)


def test_what_the_parts_lack_is_told(tmp_path: Path) -> None:
    found = problems(f"masks:{datasets.mvtec(tmp_path / 'mvtec')}")
    assert found["no-defects"].spoils
    split = {"train": ["test/crack/000", "test/cut/000", "train/good/000"], "val": ["test/cut/001"]}
    datasets.text(tmp_path / "mvtec" / "split.json", json.dumps(split))
    found = problems(f"masks:{tmp_path / 'mvtec'}")
    assert found["in-no-part"].count == 4
    split["train"].remove("test/cut/000")
    datasets.text(tmp_path / "mvtec" / "split.json", json.dumps(split))
    assert problems(f"masks:{tmp_path / 'mvtec'}")["unlearnt"].examples == ["cut"]


def test_an_empty_mask_in_the_folder_of_a_class_is_doubted(tmp_path: Path) -> None:
    datasets.tiles(tmp_path)
    datasets.mask(tmp_path / "MT_Crack" / "Crack1.png")
    found = problems(f"masks:{tmp_path}")["doubt"]
    assert "MT_Crack/Crack1.jpg: its mask is empty, its folder Crack: taken as Crack" in found.examples[0]
    assert not found.spoils


def test_folders_of_classes_are_counted_and_their_slips_found(tmp_path: Path) -> None:
    for kind in ("good", "cut", "dent"):
        for number in range(8):
            datasets.picture(tmp_path / kind / f"{kind}{number}.png")
    report = check(sources.load(f"folder:{tmp_path}"))
    assert not report.problems
    parts = report.parts.values()
    assert sum(count.good for count in parts) == sum(count.labelled["cut"] for count in parts) == 8
    assert sum(count.boxes["cut"] for count in parts) == 0
    shutil.copy(tmp_path / "cut" / "cut0.png", tmp_path / "good" / "good0.png")
    shutil.copy(tmp_path / "cut" / "cut1.png", tmp_path / "dent" / "dent1.png")
    found = problems(f"folder:{tmp_path}")
    assert found["contradiction"].examples[0].count("cut/cut0") == 1
    assert "cut/cut1" in found["two-classes"].examples[0]
    assert found["two-classes"].spoils


def test_an_encoding_that_tells_labelled_images_from_good_ones(tmp_path: Path) -> None:
    for number in range(8):
        datasets.picture(tmp_path / "good" / f"{number}.png", seed=1)
        datasets.picture(tmp_path / "cut" / f"{number}.jpg", seed=2)
    assert "file format" in problems(f"folder:{tmp_path}")["giveaway"].message
