"""What a control chart is made of: images with a verdict, NG ones and their defects, by line and subgroup.

Either by time of the plant's clock, or so many images in a row, in the order that they were received.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Integer, Select, case, func, literal_column, select

from inspector.plant.plant import Plant
from inspector.records.search import Wanted, conditions
from inspector.records.spans import SLOT_MS, Bucket, edge_of, edges_of
from inspector.records.tables import inspections


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
    """`wanted` has a span. What lies between shifts belongs to no subgroup."""
    if wanted.since is None or wanted.until is None:
        raise ValueError("subgroups of time need a span")
    slot = SLOT_MS[bucket]
    at = inspections.c.received_ms // _number(slot)
    by = (inspections.c.line, at)
    query = select(*by, *_COUNTS).where(*conditions(wanted), inspections.c.verdict.is_not(None)).group_by(*by)
    edges = edges_of(bucket, plant, wanted.since, wanted.until)
    sums: defaultdict[tuple[str, int], list[int]] = defaultdict(lambda: [0, 0, 0])
    for line, slot_at, *counts in connection.execute(query):
        index = edge_of(edges, slot_at * slot)
        if index >= 0:
            sums[line, index] = [one + int(more) for one, more in zip(sums[line, index], counts, strict=True)]
    found: defaultdict[str, list[Counted]] = defaultdict(list)
    for (line, index), (inspected, defective, defects) in sorted(sums.items()):
        found[line].append(Counted(edges[index].start, edges[index].end, inspected, defective, defects))
    return found


def in_a_row(connection: Connection, wanted: Wanted, size: int, last: int | None = None) -> ByLine:
    """Groups of `size` images, the newest one perhaps smaller. `last`: that many whole groups of each line,
    counted from the end."""
    order = inspections.c.id if last is None else inspections.c.id.desc()
    place = func.row_number().over(partition_by=inspections.c.line, order_by=order) - _number(1)
    rows = select(inspections.c.line, inspections.c.received_ms, *_ROW, place.label("place"))
    each = rows.where(*conditions(wanted), inspections.c.verdict.is_not(None)).subquery()
    group = each.c.place // _number(size)
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


_IS_NG = case((inspections.c.verdict == "NG", 1), else_=0)
_ROW = (_IS_NG.label("defective"), inspections.c.defects)
_COUNTS = (func.count(), func.sum(_IS_NG), func.sum(inspections.c.defects))


def _number(value: int) -> Any:
    """As in statistics.py: two parameters of one value would be two things to PostgreSQL."""
    return literal_column(str(value), Integer)


def _moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)
