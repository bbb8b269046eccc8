"""Records for the pages that look back: rows as the archiver writes them, synthetic boards in the store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import cv2

from inspector.data.synthetic import board
from inspector.decision.verdict import Detection
from inspector.records.database import sqlite_url, writer
from inspector.records.images import ImageStore
from inspector.records.migrate import upgrade
from inspector.records.rows import Entry, Kept
from inspector.records.write import write
from tests.support.records import DOUBT, FAINT, NOON, SPUR, entry, failure

HOSTILE = "<img src=x onerror=\"document.title='taken'\"><script>document.title='taken'</script>"
TWICE = "PCB-0042"
"""A part with two views, one of which was looked at twice; the first time it was NG, with OTHER_NAME too."""
OTHER_NAME = Detection("short", 0.7, (11.0, 20.0, 31.0, 41.0))
"""Above its threshold, where SPUR counts."""


class RecordedPlant:
    """A database and a store of images, for a gateway to read."""

    def __init__(self, folder: Path) -> None:
        self.url = sqlite_url(folder / "records.db")
        self.images = folder / "images"
        self._store = ImageStore(str(self.images))
        self._engine = writer(self.url)
        upgrade(self._engine)

    @property
    def options(self) -> tuple[str, ...]:
        return ("--database-url", self.url, "--images-url", str(self.images))

    def fill(self) -> None:
        """A shift: 60 OK on L1, then some of every kind; the newest is TWICE's second look."""
        entries = [entry((), self._at(n), part_id=f"OK-{n:03d}") for n in range(60)]
        entries += [entry([SPUR, FAINT], self._at(100 + n), part_id=f"NG-{n}", line="L2") for n in range(3)]
        entries += [entry([DOUBT], self._at(110), part_id="REVIEW-1")]
        entries += [entry((), self._at(111), part_id="FAILED-1", error=failure())]
        entries += [entry([SPUR], self._at(112), part_id=HOSTILE, lot_id=HOSTILE)]
        top: dict[str, Any] = {"part_id": TWICE, "lot_id": "LOT-7", "station": "AOI-1", "view": "top"}
        entries += [
            entry([SPUR, OTHER_NAME, FAINT], self._at(120), **top),
            entry((), self._at(121), **{**top, "view": "bottom"}),
            entry([FAINT], self._at(300), **top),
        ]
        write(self._engine, self._with_images(entries, boards=4))

    def close(self) -> None:
        self._engine.dispose()

    def _with_images(self, entries: Sequence[Entry], boards: int) -> list[Entry]:
        """The newest have one; the others were not kept."""
        pictured = [self._kept(one, number) for number, one in enumerate(entries[-boards:])]
        return [*entries[:-boards], *pictured]

    def _kept(self, one: Entry, number: int) -> Entry:
        picture = cv2.imencode(".png", board(number, defects=1).image)[1].tobytes()
        path = f"L1/{number}.png"
        self._store.put(path, picture)
        return replace(one, kept=Kept(path, bytes=len(picture), sampled=False))

    @staticmethod
    def _at(second: int) -> datetime:
        return NOON + timedelta(seconds=second)
