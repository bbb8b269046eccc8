from __future__ import annotations

from pathlib import Path

import pytest

from inspector.camera import spool
from inspector.camera.shot import Shot
from inspector.errors import DataError

SHOT = Shot("a/b/part 7.png", b"\x89PNG bytes", {"line": "L1", "captured_at": "2026-01-01T00:00:00Z"})


def test_what_is_kept_comes_back_as_the_very_same_request(tmp_path: Path) -> None:
    kept = spool.keep(tmp_path / "deep" / "spool", SHOT, "no answer")
    again = spool.recall(kept)
    assert again is not None
    assert (again.key, again.image, again.parameters) == (SHOT.key, SHOT.image, SHOT.parameters)
    assert kept.suffix == ".png"
    assert kept.read_bytes() == SHOT.image


def test_two_parts_of_one_name_do_not_overwrite_each_other(tmp_path: Path) -> None:
    other = Shot(SHOT.name, b"another", {})
    assert spool.keep(tmp_path, SHOT, "") != spool.keep(tmp_path, other, "")


def test_kept_twice_is_kept_once(tmp_path: Path) -> None:
    again = spool.recall(spool.keep(tmp_path, SHOT, ""))
    assert again is not None
    spool.keep(tmp_path, again, "still no answer")
    assert len(list(tmp_path.iterdir())) == 2  # image and sidecar


def test_delivered_at_last_it_is_let_go(tmp_path: Path) -> None:
    again = spool.recall(spool.keep(tmp_path, SHOT, ""))
    assert again is not None
    spool.let_go(again)
    assert list(tmp_path.iterdir()) == []


def test_an_image_of_somebody_is_never_let_go(tmp_path: Path) -> None:
    image = tmp_path / "mine.jpg"
    image.write_bytes(b"mine")
    assert spool.recall(image) is None
    spool.let_go(SHOT)
    assert image.exists()


@pytest.mark.parametrize("record", ["", "[]", "{}", '{"key": "k", "name": "n", "parameters": 3}'])
def test_a_broken_record_is_told_not_sent_as_a_new_part(tmp_path: Path, record: str) -> None:
    kept = spool.keep(tmp_path, SHOT, "")
    Path(f"{kept}{spool.SIDECAR}").write_text(record)
    with pytest.raises(DataError, match="no record of a kept image"):
        spool.recall(kept)


def test_a_very_long_name_fits_a_file_system(tmp_path: Path) -> None:
    assert spool.keep(tmp_path, Shot("x" * 5000 + ".jpg", b"", {}), "").suffix == ".jpg"
