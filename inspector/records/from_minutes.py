"""The counts that statistics are made of, out of the roll-ups: of anything but a lot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table, and_, case, func, select

from inspector.records.counts import Counts
from inspector.records.rollups import number
from inspector.records.search import Wanted
from inspector.records.tables import (
    hour_latency,
    minute_classes,
    minute_images,
    minute_latency,
    minute_parts,
    minute_places,
    strands,
)


def counts(connection: Connection, wanted: Wanted, first: int, end: int, slot: int) -> Counts:
    """Of the minutes [first, end); `slot` is how many minutes make one of the groups by time."""
    lines = lines_of_strands(connection, wanted)

    def of(table: Table, *columns: Any) -> Select[Any]:
        inside = and_(table.c.strand.in_(lines), table.c.minute >= first, table.c.minute < end)
        return select(*columns).where(inside)

    at = minute_images.c.minute // number(slot)
    by_verdict = (minute_images.c.strand, at, minute_images.c.said)
    images, late = func.sum(minute_images.c.images), func.sum(minute_images.c.late)
    verdicts = connection.execute(of(minute_images, *by_verdict, images, late).group_by(*by_verdict))

    name, defects = minute_classes.c["class"], func.sum(minute_classes.c.defects)
    classes = of(minute_classes, name, defects, func.sum(minute_classes.c.images)).group_by(name)

    cell = (minute_places.c.row, minute_places.c.column)
    places = of(minute_places, *cell, func.sum(minute_places.c.defects)).group_by(*cell)

    return Counts(
        verdicts=[(lines[strand], slot_at, said, n, some) for strand, slot_at, said, n, some in verdicts],
        parts=[
            *_seen_once(connection, of, lines, slot),
            *_seen_often(connection, of, lines, (first, end), slot),
        ],
        classes=[tuple(row) for row in connection.execute(classes)],
        places=[tuple(row) for row in connection.execute(places)],
        latency=list(_latency(connection, lines, first, end)),
    )


def lines_of_strands(connection: Connection, wanted: Wanted) -> Mapping[int, str]:
    """Of the strands that are wanted: the line of each."""
    return {row.strand: row.line for row in connection.execute(_strands(wanted))}


def _latency(
    connection: Connection, strand: Mapping[int, str], first: int, end: int
) -> Iterable[tuple[int, int]]:
    """By whole hours where there are some, by minutes at the edges."""
    hours = -(-first // 60), end // 60
    if hours[0] >= hours[1]:
        hours = (0, 0)
    edges = ((first, hours[0] * 60), (hours[1] * 60, end)) if hours[1] else ((first, end),)
    found: Counter[int] = Counter()
    parts = [(hour_latency, hour_latency.c.hour, hours)]
    parts += [(minute_latency, minute_latency.c.minute, edge) for edge in edges]
    for table, at, (since, until) in parts:
        if since < until:
            inside = and_(table.c.strand.in_(strand), at >= since, at < until)
            query = select(table.c.took_ms, func.sum(table.c.images)).where(inside).group_by(table.c.took_ms)
            found.update({int(took): int(images) for took, images in connection.execute(query)})
    return found.items()


def _strands(wanted: Wanted) -> Select[Any]:
    asked: list[ColumnElement[bool]] = []
    if wanted.lines is not None:
        asked.append(strands.c.line.in_(wanted.lines))
    for column, value in (
        (strands.c.station, wanted.station),
        (strands.c.view, wanted.view),
        (strands.c.recipe_id, wanted.recipe),
        (strands.c.simulated, wanted.simulated),
    ):
        if value is not None:
            asked.append(column == value)
    return select(strands.c.strand, strands.c.line).where(*asked)


Part = tuple[str, int, int, int]
"""Line, slot, parts, those that were good at first."""


def _seen_once(connection: Connection, of: Any, lines: Mapping[int, str], slot: int) -> Iterable[Part]:
    by = (minute_parts.c.strand, minute_parts.c.minute // number(slot))
    parts = minute_parts.c.parts
    good = func.sum(case((minute_parts.c.good, parts), else_=0))
    query = of(minute_parts, *by, func.sum(parts), good).where(minute_parts.c.others == "").group_by(*by)
    return [(lines[strand], at, some, first) for strand, at, some, first in connection.execute(query)]


def _seen_often(
    connection: Connection, of: Any, lines: Mapping[int, str], span: tuple[int, int], slot: int
) -> Iterable[Part]:
    """Each part once, in the slot of its first look that is asked about; good if all of those are."""
    several = of(minute_parts, minute_parts.c.others, func.max(minute_parts.c.parts))
    several = several.where(minute_parts.c.others != "").group_by(minute_parts.c.others)
    found: Counter[tuple[str, int]] = Counter()
    good: Counter[tuple[str, int]] = Counter()
    for others, parts in connection.execute(several):
        looks = [tuple(map(int, look.split(":"))) for look in others.split(" ")]
        ours = [look for look in looks if look[1] in lines and span[0] <= look[0] < span[1]]
        minute, strand, _ = min(ours)
        place = lines[strand], minute // slot
        found[place] += parts
        good[place] += parts if all(look[2] for look in ours) else 0
    return [(*place, parts, good[place]) for place, parts in found.items()]
