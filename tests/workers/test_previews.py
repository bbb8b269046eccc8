"""Previews beside the record: made where they can be, and never in a record's way."""

from __future__ import annotations

import logging
import sys
from datetime import timedelta

import numpy as np
import pytest
from sqlalchemy import select

from inspector.imaging.preview import preview_of
from inspector.plant.plant import Retention
from inspector.records.tables import kept
from tests.support.images import deep_png
from tests.support.pictures import jpeg, tiff
from tests.support.records import SPUR
from tests.workers.test_archive import Line, line
from workers import archive, previews
from workers.previews import Previews

__all__ = ["line"]

DEEP = tiff(bits=16)
CUT = DEEP[:-40] + bytes(40)
"""A TIFF by its head, with damaged pixels."""


def test_an_image_that_a_browser_shows_needs_none() -> None:
    assert Previews().of(jpeg()) is None


def test_one_that_it_does_not_show_has_one() -> None:
    image = deep_png(np.full((4, 4), 300, np.uint16))
    assert Previews().of(image) == preview_of(image)


@pytest.mark.parametrize("image", [b"", b"not an image", CUT, DEEP[:50]])
def test_what_cannot_be_decoded_has_none_and_is_no_error(image: bytes) -> None:
    assert Previews().of(image) is None


def test_without_the_libraries_it_is_said_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, previews.__name__)  # whatever others have made of the root's
    monkeypatch.setattr(previews, "NEEDED", ("numpy", "no_such_module"))
    some = Previews()
    assert [some.of(jpeg()), some.of(DEEP), some.of(DEEP)] == [None] * 3
    [said] = caplog.messages
    assert "no_such_module is not installed: pip install 'inspector[preview]'" in said


def test_a_fault_in_making_one_holds_no_record_up(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "inspector.imaging.preview", None)
    assert Previews().of(DEEP) is None
    assert "no preview" in caplog.text


def test_it_lies_beside_the_image_and_its_bytes_count(line: Line) -> None:
    deep, plain = line.inspect([SPUR], image=DEEP), line.inspect([SPUR])
    with line.archiving(Retention(ok_one_in=0)) as engine:
        line.wait_archived()
        with engine.connect() as connection:
            rows = {row.inspection_id: row for row in connection.execute(select(kept))}
    files = line.kept_files()
    assert files[f"{deep.id}.preview.png"] == preview_of(DEEP)
    assert f"{plain.id}.preview.png" not in files
    assert (line.images / rows[deep.id].preview).read_bytes() == preview_of(DEEP)
    assert rows[deep.id].bytes == sum(len(files[name]) for name in files if name.startswith(deep.id))
    assert rows[plain.id].preview is None


def test_an_archiver_that_is_behind_makes_none(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "PREVIEWS_WITHIN", timedelta(0))
    deep = line.inspect([SPUR], image=DEEP)
    with line.archiving():
        line.wait_archived()
    assert sorted(line.kept_files()) == [f"{deep.id}.map.png", f"{deep.id}.tiff"]
