"""Control charts out of the records, on both databases: subgroups, and what they are held against."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from inspector.errors import InvalidParameter
from inspector.plant.plant import Plant
from inspector.records.charts import LineCharts, Plan, Source, charts
from inspector.records.rows import Entry
from inspector.records.search import Wanted
from inspector.records.spans import Bucket
from inspector.records.write import write
from tests.inspector.records.conftest import Database
from tests.support.records import DOUBT, FAINT, NOON, SPUR, entry, failure

PLANT = Plant()
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def told(
    database: Database, plan: Plan, since: datetime = NOON, until: datetime = NOON + HOUR, **wanted: Any
) -> list[LineCharts]:
    return charts(database.reader, Wanted(since=since, until=until, **wanted), plan, PLANT)


def made(start: datetime, images: int, ng: int, **changes: Any) -> list[Entry]:
    """Of one minute: the first `ng` are defective, with one defect each."""
    times = [start + timedelta(seconds=n * 60 / images) for n in range(images)]
    return [entry([SPUR] if n < ng else [], time, **changes) for n, time in enumerate(times)]


def test_nothing_was_inspected(database: Database) -> None:
    assert told(database, Plan(Bucket.MINUTE)) == []
    assert told(database, Plan(10)) == []


def test_a_subgroup_counts_images_with_a_verdict_ng_ones_and_their_defects(database: Database) -> None:
    looks = [entry(), entry([SPUR, SPUR, FAINT]), entry([DOUBT]), entry(error=failure())]
    write(database.writer, [*looks, entry(moment=NOON + HOUR), entry(moment=NOON - MINUTE, line="L2")])
    (line,) = told(database, Plan(Bucket.HOUR, Source.SPAN))
    (counted,) = line.subgroups
    assert (counted.inspected, counted.defective, counted.defects) == (3, 1, 2)
    assert (line.p.points[0].value, line.u.points[0].value) == (1 / 3, 2 / 3)
    assert (counted.start, counted.end) == (NOON, NOON + HOUR)


def test_a_bad_minute_stands_outside_what_the_hours_before_allow(database: Database) -> None:
    before = [one for n in range(30) for one in made(NOON - (n + 1) * MINUTE, 20, n % 2)]
    write(
        database.writer,
        [*before, *made(NOON, 20, 1), *made(NOON + MINUTE, 20, 6), *made(NOON, 5, 0, line="L2")],
    )
    first, second = told(database, Plan(Bucket.MINUTE))
    assert (first.line, first.baseline.source, first.baseline.subgroups) == ("L1", Source.PRECEDING, 30)
    assert first.p.centre == pytest.approx(15 / 600)
    assert not first.baseline.provisional
    assert [1 in point.broken for point in first.p.points] == [False, True]
    assert [1 in point.broken for point in first.u.points] == [False, True]
    assert (second.line, second.baseline.source, second.baseline.provisional) == ("L2", Source.SPAN, True)


def test_a_stated_baseline_is_the_one_that_counts(database: Database) -> None:
    good, bad = NOON - 2 * HOUR, NOON - HOUR
    write(database.writer, [*made(good, 50, 1), *made(bad, 50, 40), *made(NOON, 50, 10)])
    plans = Plan(Bucket.MINUTE), Plan(Bucket.MINUTE, stated=(good, good + HOUR))
    (before,), (stated,) = (told(database, plan) for plan in plans)
    assert [before.p.centre, stated.p.centre] == pytest.approx([0.41, 0.02])
    assert (stated.baseline.source, stated.p.points[0].broken) == (Source.STATED, (1,))


def test_subgroups_of_so_many_in_a_row(database: Database) -> None:
    write(database.writer, [*made(NOON, 25, 5), *made(NOON, 3, 0, line="L2")])
    first, second = told(database, Plan(10, Source.SPAN))
    assert [(one.inspected, one.defective) for one in first.subgroups] == [(10, 5), (10, 0), (5, 0)]
    assert [one.inspected for one in second.subgroups] == [3]
    starts = [one.start for one in first.subgroups]
    assert [one.end <= start for one, start in zip(first.subgroups, starts[1:], strict=False)] == [True, True]


def test_what_precedes_in_a_row_is_whole_groups_counted_back(database: Database) -> None:
    write(database.writer, [*made(NOON - MINUTE, 25, 5), *made(NOON, 10, 1)])
    (line,) = told(database, Plan(10))
    assert (line.baseline.subgroups, line.baseline.inspected, line.p.centre) == (2, 20, 0.0)


def test_more_points_than_anybody_can_read_are_refused(database: Database) -> None:
    with pytest.raises(InvalidParameter, match="subgroup"):
        told(database, Plan(Bucket.MINUTE), until=NOON + 20 * HOUR)


@pytest.mark.parametrize(
    ("bucket", "starts"), [(Bucket.MINUTE, ["12:07", "12:16"]), (Bucket.QUARTER, ["12:00", "12:15"])]
)
def test_minutes_and_quarters_of_an_hour(database: Database, bucket: Bucket, starts: list[str]) -> None:
    write(database.writer, [entry(moment=NOON + n * MINUTE) for n in (7, 16)])
    (line,) = told(database, Plan(bucket, Source.SPAN))
    assert [f"{one.start:%H:%M}" for one in line.subgroups] == starts
