"""What a line did in a span of time: yield, FPY, defects by class and place, latency.

yield         OK / images with a verdict
reject rate   NG / images with a verdict
FPY           parts whose first verdict from every view was OK / parts; a part is an id on a line in a lot,
              an image without a part id is a part of its own. A re-inspection changes nothing (first_look)

Rates are None where nothing was inspected. Failed and expired images have no verdict and are counted beside.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Engine

from inspector.plant.plant import Plant
from inspector.plant.shifts import turns
from inspector.records import from_minutes, from_rows
from inspector.records.counts import Counts
from inspector.records.database import asking
from inspector.records.rollups import GRID, MINUTE_MS
from inspector.records.rows import milliseconds
from inspector.records.search import Wanted

QUANTILES = (0.5, 0.9, 0.99)


class Bucket(StrEnum):
    HOUR = "hour"
    DAY = "day"
    SHIFT = "shift"


SLOT_MINUTES = {Bucket.HOUR: 15, Bucket.DAY: 15, Bucket.SHIFT: 1}
"""What the database groups by: every zone's hours and days begin at a quarter, every shift at a minute."""


@dataclass(slots=True)
class Figures:
    """Of one line in one span, or of all."""

    ok: int = 0
    ng: int = 0
    review: int = 0
    failed: int = 0
    expired: int = 0
    late: int = 0
    """Of those with a verdict: the deadline was missed."""
    parts: int = 0
    first_ok: int = 0

    @property
    def judged(self) -> int:
        return self.ok + self.ng + self.review

    @property
    def rates(self) -> tuple[float | None, float | None, float | None]:
        """Yield, reject rate, FPY."""
        return _rate(self.ok, self.judged), _rate(self.ng, self.judged), _rate(self.first_ok, self.parts)

    def add(self, said: str, images: int, late: int) -> None:
        """`said`: a verdict, or the state of an image without one."""
        name = said.lower()
        if name not in {"ok", "ng", "review", "failed", "expired"}:
            return  # done, by a version whose result is not known here
        setattr(self, name, getattr(self, name) + images)
        self.late += late

    def add_parts(self, parts: int, first_ok: int) -> None:
        self.parts += parts
        self.first_ok += first_ok


@dataclass(frozen=True, slots=True)
class Span:
    """A line's figures from `start` (inclusive, by the plant's clock) to `end`."""

    line: str
    start: datetime
    end: datetime
    shift: str | None
    figures: Figures


@dataclass(frozen=True, slots=True)
class ClassCount:
    name: str
    defects: int
    """Findings that counted."""
    images: int
    """With at least one of them."""


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds from receipt to verdict, to the whole one."""

    images: int
    p50: int | None
    p90: int | None
    p99: int | None
    longest: int | None


@dataclass(frozen=True, slots=True)
class Statistics:
    since: datetime
    """Whole minutes, UTC: the first that was asked about,"""
    until: datetime
    """and the one behind the last."""
    total: Figures
    spans: Sequence[Span]
    """By start, then line; those in which nothing came are left out."""
    classes: Sequence[ClassCount]
    """The most frequent first."""
    positions: Sequence[Sequence[int]] = field(repr=False)
    """GRID rows of GRID counts: where in the image the centres of defects lie, row 0 the top."""
    latency: Latency


def statistics(
    engine: Engine, wanted: Wanted, since: datetime, until: datetime, bucket: Bucket | None, plant: Plant
) -> Statistics:
    """Of the inspections that are wanted and were received in the whole minutes that [since, until) touches.

    Raises RecordsUnavailable.
    """
    first, end = whole_minutes(since, until)
    slot = SLOT_MINUTES[bucket] if bucket is not None else SLOT_MINUTES[Bucket.DAY]
    # Lots are not told apart in the roll-ups, and one is soon counted.
    source = from_minutes if wanted.lot_id is None else from_rows
    with asking(engine) as connection:
        counted = source.counts(connection, wanted, first, end, slot)
    return _put_together(counted, bucket, plant, (first, end), slot)


def whole_minutes(since: datetime, until: datetime) -> tuple[int, int]:
    """Those that [since, until) touches, as (first, end), counted from 1970."""
    return milliseconds(since) // MINUTE_MS, -(-milliseconds(until) // MINUTE_MS)


def _put_together(
    counted: Counts, bucket: Bucket | None, plant: Plant, span: tuple[int, int], slot: int
) -> Statistics:
    since, until = (datetime.fromtimestamp(minute * 60, UTC) for minute in span)
    total, edges = Figures(), _edges(bucket, plant, since, until)
    by_span: defaultdict[tuple[int, str], Figures] = defaultdict(Figures)
    for line, at, said, images, late in counted.verdicts:
        total.add(said, images, late)
        by_span[_edge_of(edges, at * slot * MINUTE_MS), line].add(said, images, late)
    for line, at, parts, first_ok in counted.parts:
        total.add_parts(parts, first_ok)
        by_span[_edge_of(edges, at * slot * MINUTE_MS), line].add_parts(parts, first_ok)
    spans = [_span(edges[index], line, figures) for (index, line), figures in by_span.items() if index >= 0]
    spans.sort(key=lambda span: (span.start, span.line))
    return Statistics(
        since,
        until,
        total,
        spans if bucket is not None else [],
        _classes(counted.classes),
        _positions(counted.places),
        _latency(counted.latency),
    )


def _classes(counted: Iterable[tuple[Any, ...]]) -> list[ClassCount]:
    return sorted((ClassCount(*row) for row in counted), key=lambda one: (-one.defects, one.name))


def _positions(counted: Iterable[tuple[Any, ...]]) -> list[list[int]]:
    grid = [[0] * GRID for _ in range(GRID)]
    for row, column, defects in counted:
        grid[row][column] = defects
    return grid


def _latency(counted: Iterable[tuple[Any, ...]]) -> Latency:
    counts = sorted((int(ms), int(count)) for ms, count in counted)
    images = sum(count for _, count in counts)
    p50, p90, p99 = (_quantile(counts, images, share) for share in QUANTILES)
    return Latency(images, p50, p90, p99, counts[-1][0] if counts else None)


def _quantile(counts: Sequence[tuple[int, int]], images: int, share: float) -> int | None:
    """The smallest value that at least `share` of all are at or below."""
    seen = 0
    for value, count in counts:
        seen += count
        if seen >= share * images:
            return value
    return None


# --- spans of time ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Edge:
    start_ms: int
    start: datetime
    end: datetime
    shift: str | None = None


def _edges(bucket: Bucket | None, plant: Plant, since: datetime, until: datetime) -> list[Edge]:
    """The spans that [since, until) touches, by start."""
    if bucket is None:
        return []
    if bucket is Bucket.SHIFT:
        found = turns(plant, since, until)
        return [Edge(milliseconds(turn.start), turn.start, turn.end, turn.name) for turn in found]
    zone = plant.zone
    start = since.astimezone(zone).replace(minute=0, second=0, microsecond=0)
    start = start.replace(hour=0) if bucket is Bucket.DAY else start
    edges: list[Edge] = []
    while start < until:
        end = _next(start, bucket)
        edges.append(Edge(milliseconds(start), start, end))
        start = end
    return edges


def _next(start: datetime, bucket: Bucket) -> datetime:
    """A day of the plant's clock may have 23 or 25 hours; an hour is an hour."""
    if bucket is Bucket.DAY:
        return datetime.combine(start.date() + timedelta(days=1), datetime.min.time(), start.tzinfo)
    return (start.astimezone(UTC) + timedelta(hours=1)).astimezone(start.tzinfo)


def _edge_of(edges: Sequence[Edge], at_ms: int) -> int:
    """The index of the span that began last; -1 between shifts, or where there are none."""
    index = bisect_right(edges, at_ms, key=lambda edge: edge.start_ms) - 1
    return index if index >= 0 and at_ms < milliseconds(edges[index].end) else -1


def _span(edge: Edge, line: str, figures: Figures) -> Span:
    return Span(line, edge.start, edge.end, edge.shift, figures)


def _rate(part: int, whole: int) -> float | None:
    return part / whole if whole else None
