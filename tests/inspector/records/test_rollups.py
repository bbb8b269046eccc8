"""The roll-ups are what the rows add up to, whatever came in whatever order, and how often."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as some
from sqlalchemy import Engine, delete, select

from inspector.decision.verdict import Detection
from inspector.plant.plant import Plant
from inspector.records import from_minutes, from_rows, rollups
from inspector.records.counts import Counts
from inspector.records.database import asking
from inspector.records.rows import Entry, entry_of
from inspector.records.search import Wanted
from inspector.records.spans import Bucket, whole_minutes
from inspector.records.statistics import statistics
from inspector.records.tables import metadata, strands
from inspector.records.write import write
from tests.inspector.records.conftest import Database
from tests.support.records import DOUBT, FAINT, NOON, SPUR, done, entry, failure, job_at

BOXES = (SPUR, DOUBT, FAINT, Detection("open", 0.8, (0.0, 0.0, 2.0, 2.0)))

OUTCOMES = some.fixed_dictionaries(
    {
        "found": some.lists(some.sampled_from(BOXES), max_size=3),
        "seconds": some.integers(0, 200) | some.integers(3500, 3700),
        "took": some.sampled_from([30.0, 30.4, 95.0]),
        "fails": some.booleans(),
        "line": some.sampled_from(["L1", "L2"]),
        "station": some.sampled_from([None, "S1"]),
        "view": some.sampled_from([None, "top", "bottom"]),
        "part_id": some.sampled_from([None, "A", "B", "C"]),
        "lot_id": some.sampled_from([None, "LOT"]),
        "simulated": some.booleans(),
        "again": some.booleans(),
    }
)


def entries_of(drawn: Sequence[dict[str, Any]]) -> list[Entry]:
    """One image each; `again`: it has a second, later outcome."""
    made: list[Entry] = []
    for order, one in enumerate(drawn):
        told = {name: one[name] for name in ("line", "station", "view", "part_id", "lot_id", "simulated")}
        job = job_at(NOON + timedelta(seconds=one["seconds"]), **told)
        if one["fails"]:
            failed_one = entry(error=failure())
            row = {**failed_one.inspection, "id": job.id, "line": job.line, "received_ms": ms_of(job.id)}
            made.append(replace(failed_one, inspection={**row, "announced": order}))
        else:
            made.append(entry_of(done(job, one["found"], one["took"]), order, NOON, job))
        if one["again"]:
            made.append(entry_of(done(job, [SPUR]), order + 1000, NOON, job))
    return made


def ms_of(inspection_id: str) -> int:
    return int(inspection_id[:12], 16)


def held(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    """All roll-ups, with a strand's words for its number."""
    with engine.connect() as connection:
        words = {row.strand: tuple(row)[1:] for row in connection.execute(select(strands))}
        found = {}
        for table in rollups.TABLES:
            rows = [row._asdict() for row in connection.execute(select(table))]
            found[table.name] = sorted((tuple(named(row, words).items()) for row in rows), key=repr)
        return found


def named(row: dict[str, Any], words: dict[int, tuple[Any, ...]]) -> dict[str, Any]:
    row["strand"] = str(words[row["strand"]])
    if row.get("others"):
        looks = [look.split(":") for look in row["others"].split(" ")]
        row["others"] = sorted((at, str(words[int(strand)]), good) for at, strand, good in looks)
    return row


def rebuilt(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    with engine.begin() as connection:
        rollups.rebuild(connection)
    return held(engine)


def empty(database: Database) -> None:
    with database.writer.begin() as connection:
        for table in metadata.sorted_tables:
            connection.execute(delete(table))


def test_nothing_adds_up_to_nothing(engine: Engine) -> None:
    assert rebuilt(engine) == {table.name: [] for table in rollups.TABLES}


@settings(
    max_examples=6,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    phases=(Phase.generate,),  # a smaller example is not worth minutes of a database's time
)
@given(drawn=some.lists(OUTCOMES, max_size=12), seed=some.integers(0, 99))
def test_written_in_any_order_and_twice_they_are_what_the_rows_add_up_to(
    database: Database, drawn: list[dict[str, Any]], seed: int
) -> None:
    empty(database)
    order = random.Random(seed)
    waiting = entries_of(drawn)
    waiting += order.sample(waiting, len(waiting) // 2)
    order.shuffle(waiting)
    while waiting:
        size = order.randint(1, 6)
        write(database.writer, waiting[:size])
        waiting = waiting[size:]
    assert held(database.writer) == rebuilt(database.writer)
    for wanted in (
        Wanted(),
        Wanted(lines=["L2"], simulated=False),
        Wanted(station="S1"),
        Wanted(view="top"),
        Wanted(recipe="board-a"),
        Wanted(lines=[]),
    ):
        for span in ((0, 4), (1, 3), (-3, 62), (1, 61), (1, 200)):
            first, end = (whole_minutes(NOON, NOON)[0] + minute for minute in span)
            with asking(database.reader) as connection:
                ask = (connection, wanted, first, end, 1)
                assert sorted_(from_minutes.counts(*ask)) == sorted_(from_rows.counts(*ask))


def sorted_(counts: Counts) -> dict[str, Any]:
    """Parts and verdicts of one line and slot may come in several rows."""
    found: dict[str, Any] = {}
    for name in ("classes", "places", "latency"):
        found[name] = sorted(tuple(map(plain, row)) for row in getattr(counts, name))
    for name, keys in (("verdicts", 3), ("parts", 2)):
        sums: dict[tuple[Any, ...], list[int]] = {}
        for row in getattr(counts, name):
            values = sums.setdefault(tuple(row[:keys]), [0, 0])
            for at in (0, 1):
                values[at] += row[keys + at]
        found[name] = sums
    return found


def plain(value: Any) -> Any:
    """PostgreSQL's sums of whole numbers come as they like."""
    return value if isinstance(value, str) else int(value)


def test_a_second_view_in_another_minute_joins_its_part(database: Database) -> None:
    write(database.writer, [entry(part_id="A", view="top")])
    write(database.writer, [entry([SPUR], NOON + timedelta(minutes=1), part_id="A", view="bottom")])
    until = NOON + timedelta(minutes=2)
    both = statistics(database.reader, Wanted(), NOON, until, None, Plant()).total
    assert (both.parts, both.first_ok) == (1, 0)
    until = NOON + timedelta(minutes=1)
    top = statistics(database.reader, Wanted(), NOON, until, None, Plant()).total
    assert (top.parts, top.first_ok) == (1, 1), "as far as that minute shows"


def test_the_span_is_of_whole_minutes_and_says_so(database: Database) -> None:
    early, late = NOON + timedelta(seconds=1), NOON + timedelta(minutes=2, seconds=1)
    write(database.writer, [entry(moment=NOON), entry(moment=NOON + timedelta(minutes=2, seconds=59))])
    found = statistics(database.reader, Wanted(since=early, until=late), early, late, Bucket.HOUR, Plant())
    assert (found.since, found.until) == (NOON, NOON + timedelta(minutes=3))
    assert found.total.ok == 2


@pytest.mark.parametrize("lines", [[], ["none"]])
def test_nothing_of_lines_that_there_are_not(database: Database, lines: list[str]) -> None:
    write(database.writer, [entry()])
    found = statistics(database.reader, Wanted(lines=lines), NOON, NOON + timedelta(minutes=1), None, Plant())
    assert found.total.judged == 0
