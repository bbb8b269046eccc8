"""Previews and thumbnails beside the record: made where they can be, and never in its way."""

from __future__ import annotations

import logging
import sys
from datetime import timedelta

import numpy as np
import pytest
from sqlalchemy import select

from inspector.imaging.header import sniff
from inspector.imaging.preview import preview_of, shown_of
from inspector.plant.plant import Retention
from inspector.records.tables import kept
from tests.support.images import deep_png
from tests.support.pictures import jpeg, png, tiff
from tests.support.records import SPUR
from tests.workers.test_archive import Line, line
from workers import archive, previews
from workers.previews import NONE, Previews

__all__ = ["line"]

DEEP = tiff(bits=16)
CUT = DEEP[:-40] + bytes(40)
"""A TIFF by its head, with damaged pixels."""
HEAVY = png(800, 600)
"""Noise, of which little is left at a quarter of the size."""


def test_a_light_image_that_a_browser_shows_needs_none() -> None:
    assert Previews().of(jpeg()) == NONE


def test_a_heavy_one_has_a_thumbnail_alone() -> None:
    drawn = Previews().of(HEAVY)
    assert drawn.preview is None
    assert drawn.thumbnail is not None
    assert len(drawn.thumbnail) < len(HEAVY) / 2


def test_one_that_a_browser_does_not_show_has_both() -> None:
    image = deep_png(np.full((4, 4), 300, np.uint16))
    drawn = Previews().of(image)
    assert drawn.preview == preview_of(shown_of(image))
    assert drawn.thumbnail is not None
    assert sniff(drawn.thumbnail).format == "jpeg"


@pytest.mark.parametrize("image", [b"", b"not an image", CUT, DEEP[:50]])
def test_what_cannot_be_decoded_has_none_and_is_no_error(image: bytes) -> None:
    assert Previews().of(image) == NONE


def test_without_the_libraries_it_is_said_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, previews.__name__)  # whatever others have made of the root's
    monkeypatch.setattr(previews, "NEEDED", ("numpy", "no_such_module"))
    some = Previews()
    assert [some.of(jpeg()), some.of(DEEP), some.of(DEEP)] == [NONE] * 3
    [said] = caplog.messages
    assert "no_such_module is not installed: pip install 'inspector[preview]'" in said


def test_a_fault_in_making_one_holds_no_record_up(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "inspector.imaging.preview", None)
    assert Previews().of(DEEP) == NONE
    assert "no preview" in caplog.text


def test_they_lie_beside_the_image_and_their_bytes_count(line: Line) -> None:
    deep, heavy, plain = (line.inspect([SPUR], image=one) for one in (DEEP, HEAVY, jpeg()))
    with line.archiving(Retention(ok_one_in=0)) as engine:
        line.wait_archived()
        with engine.connect() as connection:
            rows = {row.inspection_id: row for row in connection.execute(select(kept))}
    files = line.kept_files()
    assert (line.images / rows[deep.id].preview).read_bytes() == preview_of(shown_of(DEEP))
    for one, drawn in ((deep, Previews().of(DEEP)), (heavy, Previews().of(HEAVY))):
        assert (line.images / rows[one.id].thumbnail).read_bytes() == drawn.thumbnail
        assert rows[one.id].bytes == sum(len(files[name]) for name in files if name.startswith(one.id))
    assert rows[heavy.id].preview is None
    assert (rows[plain.id].preview, rows[plain.id].thumbnail) == (None, None)


def test_an_archiver_that_is_behind_makes_none(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "PREVIEWS_WITHIN", timedelta(0))
    deep = line.inspect([SPUR], image=DEEP)
    with line.archiving():
        line.wait_archived()
    assert sorted(line.kept_files()) == [f"{deep.id}.map.png", f"{deep.id}.tiff"]
