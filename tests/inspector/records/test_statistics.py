"""Figures that people decide by, counted by hand beside them; on both databases."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from inspector.decision.verdict import Detection
from inspector.errors import DeadlineExpired
from inspector.plant.plant import Plant
from inspector.records.rollups import GRID
from inspector.records.search import Wanted
from inspector.records.spans import Bucket
from inspector.records.statistics import ClassCount, Figures, Latency, Statistics, statistics
from inspector.records.write import write
from tests.inspector.records.conftest import Database
from tests.support.records import DOUBT, FAINT, NOON, SPUR, entry, failure

SINCE, UNTIL = NOON - timedelta(days=1), NOON + timedelta(days=1)
PLANT = Plant.model_validate(
    {
        "time_zone": "Asia/Kolkata",  # 5 h 30 min: noon in UTC is 17:30
        "shifts": [
            {"name": "day", "start": "06:00", "end": "18:00"},
            {"name": "late", "start": "18:00", "end": "22:00"},
        ],
    }
)


def told(database: Database, bucket: Bucket | None = None, plant: Plant = PLANT, **wanted: Any) -> Statistics:
    span = {"since": SINCE, "until": UNTIL, **wanted}
    return statistics(database.reader, Wanted(**span), span["since"], span["until"], bucket, plant)


def test_nothing_was_inspected(database: Database) -> None:
    found = told(database, Bucket.HOUR)
    assert found.total == Figures()
    assert found.total.rates == (None, None, None)
    assert (found.spans, found.classes, found.latency) == ([], [], Latency(0, None, None, None, None))
    assert sum(map(sum, found.positions)) == 0


def test_yield_and_reject_rate_are_of_images_with_a_verdict(database: Database) -> None:
    write(
        database.writer,
        [
            *(entry() for _ in range(6)),
            *(entry([SPUR]) for _ in range(3)),
            entry([DOUBT]),
            entry(error=failure()),
            entry(error=DeadlineExpired("too late")),
            entry(moment=UNTIL),
            entry(moment=SINCE - timedelta(milliseconds=1)),
        ],
    )
    total = told(database).total
    assert (total.ok, total.ng, total.review, total.failed, total.expired) == (6, 3, 1, 1, 1)
    assert total.rates == (0.6, 0.3, 0.6)


def test_a_second_look_does_not_raise_fpy(database: Database) -> None:
    looks = [entry([SPUR], part_id="A"), entry(part_id="A"), entry(part_id="A"), entry(part_id="B")]
    write(database.writer, looks)
    total = told(database).total
    assert (total.parts, total.first_ok, total.rates[2]) == (2, 1, 0.5)
    assert total.rates[0] == 0.75, "the yield of images is another figure"


def test_a_part_is_good_when_every_view_of_it_is(database: Database) -> None:
    write(
        database.writer,
        [
            entry(part_id="A", view="top"),
            entry([SPUR], part_id="A", view="bottom"),
            entry(part_id="B", view="top"),
            entry(part_id="B", view="bottom"),
            entry(part_id="B", lot_id="another lot"),
        ],
    )
    total = told(database).total
    assert (total.parts, total.first_ok) == (3, 2)


def test_defects_by_class_and_by_place(database: Database) -> None:
    # Images are 4 x 3 pixels.
    left, right = Detection("open", 0.9, (0.0, 0.0, 1.0, 1.0)), Detection("open", 0.9, (3.0, 2.0, 4.0, 3.0))
    outside = Detection("spur", 0.9, (3.0, 2.0, 9.0, 9.0))
    write(database.writer, [entry([left, right, FAINT]), entry([right]), entry([outside]), entry([FAINT])])
    found = told(database)
    assert found.classes == [ClassCount("open", 3, 2), ClassCount("spur", 1, 1)]
    assert found.positions[0][0] == 1
    assert sum(map(sum, found.positions)) == 4
    assert found.positions[GRID - 1][GRID - 1] == 1, "a box that leads out of the image counts at its edge"


def test_latency(database: Database) -> None:
    write(database.writer, [entry(total_ms=float(ms)) for ms in range(1, 101)])
    assert told(database).latency == Latency(images=100, p50=50, p90=90, p99=99, longest=100)


def test_filters(database: Database) -> None:
    write(
        database.writer,
        [
            entry(line="L2"),
            entry([SPUR], station="S1"),
            entry(simulated=True),
            entry([SPUR], lot_id="LOT"),
        ],
    )
    assert told(database, lines=["L2"]).total.ok == 1
    assert told(database, station="S1").classes == [ClassCount("spur", 1, 1)]
    assert told(database, simulated=False).total.judged == 3
    assert told(database, lot_id="LOT").total.rates == (0.0, 1.0, 0.0)


@pytest.mark.parametrize(
    ("bucket", "starts"),
    [
        (Bucket.HOUR, [("L1", "17:00"), ("L2", "17:00"), ("L1", "18:00")]),
        (Bucket.DAY, [("L1", "00:00"), ("L2", "00:00")]),
        (Bucket.SHIFT, [("L1", "06:00"), ("L2", "06:00"), ("L1", "18:00")]),
    ],
)
def test_by_line_and_span_of_the_plants_clock(
    database: Database, bucket: Bucket, starts: list[tuple[str, str]]
) -> None:
    at = NOON  # 17:30
    write(
        database.writer,
        [
            entry(moment=at),
            entry([SPUR], at + timedelta(minutes=29)),
            entry(moment=at + timedelta(minutes=30)),  # 18:00
            entry(moment=at, line="L2"),
        ],
    )
    found = told(database, bucket)
    assert [(span.line, f"{span.start:%H:%M}") for span in found.spans] == starts
    first = found.spans[0].figures
    assert (first.ok, first.ng, first.parts) == ((2, 1, 3) if bucket is Bucket.DAY else (1, 1, 2))
    assert found.spans[0].shift == ("day" if bucket is Bucket.SHIFT else None)


def test_between_shifts_counts_in_the_total_alone(database: Database) -> None:
    write(database.writer, [entry(moment=NOON + timedelta(hours=6))])  # 23:30
    found = told(database, Bucket.SHIFT)
    assert (found.total.ok, found.spans) == (1, [])


def test_a_day_of_summer_time_has_23_hours(database: Database) -> None:
    berlin = Plant(time_zone="Europe/Berlin")
    since = datetime.fromisoformat("2026-03-28T12:00:00+00:00")
    until = since + timedelta(days=2)
    write(database.writer, [entry(moment=since + timedelta(hours=n)) for n in range(0, 48, 6)])
    days = told(database, Bucket.DAY, berlin, since=since, until=until).spans
    hours = [(span.end.timestamp() - span.start.timestamp()) / 3600 for span in days]
    assert (hours, sum(span.figures.ok for span in days)) == ([24.0, 23.0, 24.0], 8)
