"""Spans of time by the plant's clock: minutes, quarters of an hour, hours, shifts, days."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from inspector.plant.plant import Plant
from inspector.plant.shifts import turns
from inspector.records.rollups import MINUTE_MS
from inspector.records.rows import milliseconds


class Bucket(StrEnum):
    MINUTE = "minute"
    QUARTER = "quarter"
    HOUR = "hour"
    DAY = "day"
    SHIFT = "shift"


SLOT_MINUTES = {Bucket.MINUTE: 1, Bucket.QUARTER: 15, Bucket.HOUR: 15, Bucket.DAY: 15, Bucket.SHIFT: 1}
"""What the database groups by: every zone's hours and days begin at a quarter, every shift at a minute."""

LASTS = {
    Bucket.MINUTE: timedelta(minutes=1),
    Bucket.QUARTER: timedelta(minutes=15),
    Bucket.HOUR: timedelta(hours=1),
    Bucket.DAY: timedelta(days=1),
    Bucket.SHIFT: timedelta(hours=8),
}
"""About; a shift is as long as the plant says."""


def whole_minutes(since: datetime, until: datetime) -> tuple[int, int]:
    """Those that [since, until) touches, as (first, end), counted from 1970."""
    return milliseconds(since) // MINUTE_MS, -(-milliseconds(until) // MINUTE_MS)


@dataclass(frozen=True, slots=True)
class Edge:
    start_ms: int
    start: datetime
    end: datetime
    shift: str | None = None


def edges_of(bucket: Bucket | None, plant: Plant, since: datetime, until: datetime) -> list[Edge]:
    """The spans that [since, until) touches, by start."""
    if bucket is None:
        return []
    if bucket is Bucket.SHIFT:
        found = turns(plant, since, until)
        return [Edge(milliseconds(turn.start), turn.start, turn.end, turn.name) for turn in found]
    start = _start(since.astimezone(plant.zone), bucket)
    edges: list[Edge] = []
    while start < until:
        end = _next(start, bucket)
        edges.append(Edge(milliseconds(start), start, end))
        start = end
    return edges


def _start(moment: datetime, bucket: Bucket) -> datetime:
    """Of the one that it lies in."""
    minute = {Bucket.MINUTE: moment.minute, Bucket.QUARTER: moment.minute // 15 * 15}.get(bucket, 0)
    start = moment.replace(minute=minute, second=0, microsecond=0)
    return start.replace(hour=0) if bucket is Bucket.DAY else start


def _next(start: datetime, bucket: Bucket) -> datetime:
    """A day of the plant's clock may have 23 or 25 hours; an hour is an hour."""
    if bucket is Bucket.DAY:
        return datetime.combine(start.date() + timedelta(days=1), datetime.min.time(), start.tzinfo)
    return (start.astimezone(UTC) + LASTS[bucket]).astimezone(start.tzinfo)


def edge_of(edges: Sequence[Edge], at_ms: int) -> int:
    """The index of the span that began last; -1 between shifts, or where there are none."""
    index = bisect_right(edges, at_ms, key=lambda edge: edge.start_ms) - 1
    return index if index >= 0 and at_ms < milliseconds(edges[index].end) else -1
