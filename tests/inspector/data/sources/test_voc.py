"""Pascal VOC's folders and XML files, and what is said of wrong ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from inspector.data import sources
from inspector.data.sources import voc
from inspector.errors import DataError
from tests.support import datasets

OBJECT = """
  <object>
    <name>dent</name>
    <bndbox><xmin>11</xmin><ymin>6</ymin><xmax>30</xmax><ymax>20</ymax></bndbox>
  </object>
"""


def xml(path: Path, inside: str = OBJECT, *, head: str = "") -> Path:
    return datasets.text(path, f"{head}<annotation><filename>x</filename>{inside}</annotation>")


def make(folder: Path) -> Path:
    """a and b have a dent, c an annotation without one, d no annotation."""
    for name in "abcd":
        datasets.picture(folder / "JPEGImages" / f"{name}.jpg")
    xml(folder / "Annotations" / "a.xml")
    xml(folder / "Annotations" / "b.xml")
    xml(folder / "Annotations" / "c.xml", "")
    return folder


def lists(folder: Path, **names: str) -> None:
    for part, listed in names.items():
        datasets.text(folder / "ImageSets" / "Main" / f"{part}.txt", "\n".join(listed.split()) + "\n")


def test_boxes_count_from_zero_and_images_without_an_object_are_good(tmp_path: Path) -> None:
    data = voc.load(make(tmp_path)).data
    assert data.classes == ("dent",)
    assert {sample.name: len(sample.boxes) for sample in data.samples} == {"a": 1, "b": 1, "c": 0, "d": 0}
    assert data.samples[0].boxes.tolist() == [[10, 5, 30, 20]]


def test_its_lists_are_obeyed(tmp_path: Path) -> None:
    lists(make(tmp_path), trainval="a b c", val="c", test="d")
    divided = sources.load(f"voc:{tmp_path}")
    names = {part: [s.name for s in divided.of(part).samples] for part in ("train", "val", "test")}
    assert names == {"train": ["a", "b"], "val": ["c"], "test": ["d"]}


def test_folders_named_for_a_part_are_obeyed(tmp_path: Path) -> None:
    make(tmp_path / "train")
    datasets.picture(tmp_path / "validation" / "images" / "a.jpg")
    xml(tmp_path / "validation" / "annotations" / "a.xml")
    divided = sources.load(f"voc:{tmp_path}")
    assert len(divided.of("train")) == 4
    assert [sample.name for sample in divided.of("val").samples] == ["validation/a"]


@pytest.mark.parametrize(
    ("inside", "complaint"),
    [
        ("\n<object><bndbox/></object>", "2: an object without a name"),
        ("\n<object><name>a</name></object>", "2: an object without a bndbox"),
        (OBJECT.replace("<xmin>11", "<xmin>x"), "4: xmin: expected a number"),
        (OBJECT.replace("<xmin>11</xmin>", ""), "4: xmin: expected a number"),
        (OBJECT.replace("<xmin>11", "<xmin>31"), "4: the box ends before it begins"),
        ("<object>", "1: not XML"),
    ],
)
def test_a_wrong_annotation_is_named_with_file_and_line(tmp_path: Path, inside: str, complaint: str) -> None:
    xml(make(tmp_path) / "Annotations" / "b.xml", inside)
    with pytest.raises(DataError, match=rf"b\.xml:{complaint}"):
        voc.load(tmp_path)


def test_no_entity_is_ever_expanded(tmp_path: Path) -> None:
    bomb = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]>\n'
    xml(make(tmp_path) / "Annotations" / "a.xml", "&x;", head=bomb)
    with pytest.raises(DataError, match=r"a\.xml:1: a DOCTYPE is not read"):
        voc.load(tmp_path)


def test_wrong_folders_and_lists_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is not a folder"):
        voc.load(tmp_path / "none")
    with pytest.raises(DataError, match="holds no folder Annotations"):
        voc.load(tmp_path)
    make(tmp_path)
    lists(tmp_path, train="a b", val="b")
    with pytest.raises(DataError, match=r"val\.txt:1: b is in train as well"):
        voc.load(tmp_path)
    lists(tmp_path, train="a zz", val="b")
    with pytest.raises(DataError, match=r"train\.txt:2: there is no image zz"):
        voc.load(tmp_path)
    xml(tmp_path / "Annotations" / "lost.xml")
    with pytest.raises(DataError, match=r"lost\.xml: there is no image lost"):
        voc.load(tmp_path)
    datasets.picture(tmp_path / "JPEGImages" / "other" / "a.jpg", seed=7)
    with pytest.raises(DataError, match="cannot tell them apart"):
        voc.load(tmp_path)
