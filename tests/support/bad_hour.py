"""A line's records of nine hours, the last of them bad: a nozzle clogs, and copper stays at one place."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Engine

from inspector.decision.verdict import Detection
from inspector.records.images import ImageStore
from inspector.records.rows import Entry, Kept
from inspector.records.write import write
from tests.support.jobs import IMAGE
from tests.support.records import entry

PER_QUARTER = 60

PLACE = (0.5, 0.4)
"""Of the image, from the left and from the top: where the copper stays."""

COLUMN, ROW = 16, 10
"""The cell of the map that it lies in: the image has three rows of pixels, the map 32."""


def write_bad_hour(engine: Engine, store: ImageStore, end: datetime, line: str = "L1") -> list[str]:
    """Up to `end`, by the quarter of an hour; the ids of the parts that the nozzle spoilt, newest first."""
    chance, entries, spoilt = random.Random(1), [], []
    store.put("L1/board.jpeg", IMAGE)
    for quarter in range(36, 0, -1):
        for number in range(PER_QUARTER):
            moment = end - timedelta(minutes=15) * quarter + timedelta(seconds=number * 900 / PER_QUARTER)
            one = entry(
                _found(chance, bad=quarter <= 4), moment, line=line, part_id=f"{line}-{quarter}-{number}"
            )
            if any(row["class"] == "copper" for row in one.findings):
                spoilt.append(one.id)
            entries.append(_kept(one))
    write(engine, entries)
    return spoilt[::-1]


def _found(chance: random.Random, *, bad: bool) -> list[Detection]:
    """Images are 4 x 3 pixels."""
    if bad and chance.random() < 0.25:
        x, y = 4 * PLACE[0], 3 * PLACE[1]
        return [Detection("copper", 0.93, (x, y, x + 0.1, y + 0.1))]
    if chance.random() < 0.02:
        x, y = 3.9 * chance.random(), 2.9 * chance.random()
        return [Detection(chance.choice(["open", "spur"]), 0.8, (x, y, x + 0.1, y + 0.1))]
    return []


def _kept(one: Entry) -> Entry:
    if one.inspection["verdict"] == "OK":
        return one
    return replace(one, kept=Kept("L1/board.jpeg", bytes=len(IMAGE), sampled=False))
