"""What a control chart is made of: images with a verdict, NG ones and their defects, by line and subgroup.

Either by time of the plant's clock, or so many images in a row, in the order that they were received.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, Table, case, func, select

from inspector.messages.result import Verdict
from inspector.plant.plant import Plant
from inspector.records.from_minutes import lines_of_strands
from inspector.records.rollups import MINUTE_MS, number
from inspector.records.search import Wanted, conditions
from inspector.records.spans import SLOT_MINUTES, Bucket, edge_of, edges_of, whole_minutes
from inspector.records.tables import inspections, minute_classes, minute_images


@dataclass(frozen=True, slots=True)
class Counted:
    start: datetime
    end: datetime
    """Behind the last one: [start, end) is how to ask for its images."""
    inspected: int
    """With a verdict; at least 1."""
    defective: int
    """NG."""
    defects: int
    """Findings that counted."""


ByLine = Mapping[str, Sequence[Counted]]
"""Subgroups in order of time; those in which nothing came are left out."""


def by_time(connection: Connection, wanted: Wanted, bucket: Bucket, plant: Plant) -> ByLine:
    """Of the whole minutes that the span of `wanted` touches. What lies between shifts is in no subgroup."""
    since, until = span_of(wanted)
    minutes, slot = whole_minutes(since, until), SLOT_MINUTES[bucket]
    # As statistics do: the roll-ups know of no lots.
    count = _of_minutes if wanted.lot_id is None else _of_rows
    edges = edges_of(bucket, plant, *(_moment(minute * MINUTE_MS) for minute in minutes))
    sums: defaultdict[tuple[int, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    for line, at, *counts in count(connection, wanted, minutes, slot):
        index = edge_of(edges, at * slot * MINUTE_MS)
        if index >= 0:
            sums[index, line] = [one + int(more) for one, more in zip(sums[index, line], counts, strict=True)]
    found: defaultdict[str, list[Counted]] = defaultdict(list)
    for (index, line), (inspected, defective, defects) in sorted(sums.items()):
        if inspected:
            found[line].append(Counted(edges[index].start, edges[index].end, inspected, defective, defects))
    return dict(sorted(found.items()))


def in_a_row(connection: Connection, wanted: Wanted, size: int, last: int | None = None) -> ByLine:
    """Groups of `size` images, the newest one perhaps smaller. `last`: that many whole groups of each line,
    counted from the end."""
    order = inspections.c.id if last is None else inspections.c.id.desc()
    place = func.row_number().over(partition_by=inspections.c.line, order_by=order) - number(1)
    rows = select(inspections.c.line, inspections.c.received_ms, *_ROW, place.label("place"))
    each = rows.where(*conditions(wanted), inspections.c.verdict.is_not(None)).subquery()
    group = each.c.place // number(size)
    query: Select[Any] = select(
        each.c.line,
        group,
        func.min(each.c.received_ms),
        func.max(each.c.received_ms),
        func.count(),
        func.sum(each.c.defective),
        func.sum(each.c.defects),
    ).group_by(each.c.line, group)
    if last is not None:
        query = query.where(each.c.place < last * size).having(func.count() == size)
    found: defaultdict[str, list[Counted]] = defaultdict(list)
    for line, _, first_ms, last_ms, *counts in connection.execute(query):
        start, end = _moment(first_ms), _moment(last_ms) + timedelta(milliseconds=1)
        found[line].append(Counted(start, end, *(int(count) for count in counts)))
    return {line: sorted(groups, key=lambda one: one.start) for line, groups in sorted(found.items())}


def judged(connection: Connection, wanted: Wanted) -> int:
    """The images with a verdict that a question would look at."""
    query = select(func.count()).select_from(inspections)
    return int(
        connection.execute(query.where(*conditions(wanted), inspections.c.verdict.is_not(None))).scalar_one()
    )


def span_of(wanted: Wanted) -> tuple[datetime, datetime]:
    if wanted.since is None or wanted.until is None:
        raise ValueError("subgroups need a span")
    return wanted.since, wanted.until


Rows = Iterable[Sequence[Any]]
"""Line, slot, images with a verdict, NG ones, defects: in no order, and a slot perhaps several times."""


def _of_minutes(connection: Connection, wanted: Wanted, minutes: tuple[int, int], slot: int) -> Rows:
    lines = lines_of_strands(connection, wanted)
    images, classes = minute_images, minute_classes

    def of(table: Table, *sums: Any) -> Select[Any]:
        by = (table.c.strand, table.c.minute // number(slot))
        inside = (table.c.strand.in_(lines), table.c.minute >= minutes[0], table.c.minute < minutes[1])
        return select(*by, *sums).where(*inside).group_by(*by)

    ng = func.sum(case((images.c.said == "NG", images.c.images), else_=0))
    judged_ones = of(images, func.sum(images.c.images), ng).where(images.c.said.in_(list(Verdict)))
    for strand, at, inspected, defective in connection.execute(judged_ones):
        yield lines[strand], at, inspected, defective, 0
    for strand, at, defects in connection.execute(of(classes, func.sum(classes.c.defects))):
        yield lines[strand], at, 0, 0, defects


def _of_rows(connection: Connection, wanted: Wanted, minutes: tuple[int, int], slot: int) -> Rows:
    since, until = (_moment(minute * MINUTE_MS) for minute in minutes)
    by = (inspections.c.line, inspections.c.received_ms // number(slot * MINUTE_MS))
    asked = (*conditions(replace(wanted, since=since, until=until)), inspections.c.verdict.is_not(None))
    yield from connection.execute(select(*by, *_COUNTS).where(*asked).group_by(*by))


_IS_NG = case((inspections.c.verdict == "NG", 1), else_=0)
_ROW = (_IS_NG.label("defective"), inspections.c.defects)
_COUNTS = (func.count(), func.sum(_IS_NG), func.sum(inspections.c.defects))


def _moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)
