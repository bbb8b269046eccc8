from __future__ import annotations

from pathlib import Path

import pytest

from inspector.data.sources.files import groups_of, images_under, names_of, part_within
from tests.support import datasets


def test_names_lose_their_suffix_unless_it_tells_them_apart() -> None:
    assert names_of(["a.jpg", "b/c.png", "d.jpg", "d.png"]) == ["a", "b/c", "d.jpg", "d.png"]


@pytest.mark.parametrize(
    ("names", "groups"),
    [
        (["a", "b"], ["", ""]),
        (["lot1/a", "lot2/b"], ["", ""]),
        ([f"lot{n}/a" for n in range(5)], [f"lot{n}" for n in range(5)]),
        ([*(f"lot{n}/a" for n in range(5)), "good/a"], [""] * 6),
        ([*(f"lot{n}/a" for n in range(5)), "Dent/a"], [""] * 6),
    ],
)
def test_folders_are_groups_where_they_tell_lots_apart(names: list[str], groups: list[str]) -> None:
    assert groups_of(names, ["dent"]) == groups


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("train", "train"),
        ("instances_val2017", "val"),
        ("parts-test", "test"),
        ("parts", None),
        ("testbed", None),
        ("train_test", None),
    ],
)
def test_a_name_tells_its_part(name: str, part: str | None) -> None:
    assert part_within(name) == part


def test_hidden_files_are_no_images(tmp_path: Path) -> None:
    datasets.picture(tmp_path / "b.JPG")
    datasets.picture(tmp_path / "a.png")
    datasets.picture(tmp_path / ".c.png")
    datasets.text(tmp_path / "d.txt", "")
    assert [path.name for path in images_under(tmp_path)] == ["a.png", "b.JPG"]
