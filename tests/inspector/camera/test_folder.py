from __future__ import annotations

from pathlib import Path

import pytest

from inspector.camera import spool
from inspector.camera.folder import FolderSource, part_id
from inspector.camera.shot import Placement, Shot
from inspector.errors import DataError

PLACEMENT = Placement(line="L1", station="S1")


def make(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())
    return folder


def names(source: FolderSource) -> list[str]:
    return [frame.name for frame in source]


def test_images_of_the_folder_in_order(tmp_path: Path) -> None:
    make(tmp_path, "b.PNG", "a.jpg", "c.bmp", "d.jpeg", "notes.txt", "sub/e.jpg")
    assert names(FolderSource(tmp_path, PLACEMENT)) == ["a.jpg", "b.PNG", "c.bmp", "d.jpeg"]


def test_a_pattern_reaches_deeper_and_takes_what_it_names(tmp_path: Path) -> None:
    make(tmp_path, "a.jpg", "sub/e_test.jpg", "sub/e_temp.jpg", "sub/deep/f_test.tif")
    assert names(FolderSource(tmp_path, PLACEMENT, pattern="**/*_test.*")) == [
        "sub/deep/f_test.tif",
        "sub/e_test.jpg",
    ]


def test_a_shot_carries_bytes_place_and_time(tmp_path: Path) -> None:
    (frame,) = FolderSource(make(tmp_path, "part-7.jpg"), PLACEMENT)
    shot = frame.take()
    assert shot.image == b"part-7.jpg"
    assert shot.parameters.items() >= {"line": "L1", "station": "S1", "part_id": "part-7"}.items()
    assert shot.parameters["captured_at"].endswith("Z")
    assert "view" not in shot.parameters


def test_a_spool_is_sent_as_it_was_first_sent(tmp_path: Path) -> None:
    (frame,) = FolderSource(make(tmp_path / "in", "part-7.jpg"), PLACEMENT)
    first = frame.take()
    spool.keep(tmp_path / "spool", first, "")
    (frame,) = FolderSource(tmp_path / "spool", Placement(line="L2"))
    again = frame.take()
    assert (again.key, again.parameters) == (first.key, first.parameters)


def test_a_spool_holds_images_of_any_name(tmp_path: Path) -> None:
    spool.keep(tmp_path, Shot("synthetic-0-00000", b"board", {}), "")
    (frame,) = FolderSource(tmp_path, PLACEMENT)
    assert frame.take().image == b"board"


@pytest.mark.parametrize("pattern", [None, "*.jpg", "", "/etc/*"])
def test_nothing_to_post_is_told(tmp_path: Path, pattern: str | None) -> None:
    make(tmp_path, "notes.txt")
    with pytest.raises(DataError):
        FolderSource(tmp_path, PLACEMENT, pattern=pattern)


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is not a folder"):
        FolderSource(tmp_path / "none", PLACEMENT)


def test_a_file_that_went_away_is_told_when_its_turn_comes(tmp_path: Path) -> None:
    (frame,) = FolderSource(make(tmp_path, "a.jpg"), PLACEMENT)
    (tmp_path / "a.jpg").unlink()
    with pytest.raises(DataError, match=r"a\.jpg: cannot be read"):
        frame.take()


@pytest.mark.parametrize(
    ("stem", "expected"), [("p-1", "p-1"), ("a\nb\x00", "a_b_"), ("x" * 200, "x" * 128), ("", "_")]
)
def test_part_ids_keep_to_the_rule_of_labels(stem: str, expected: str) -> None:
    assert part_id(stem) == expected
