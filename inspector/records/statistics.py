"""What a line did in a span of time: yield, FPY, defects by class and place, latency.

yield         OK / images with a verdict
reject rate   NG / images with a verdict
FPY           parts whose first verdict from every view was OK / parts; a part is an id on a line in a lot,
              an image without a part id is a part of its own. A re-inspection changes nothing (first_look)

Rates are None where nothing was inspected. Failed and expired images have no verdict and are counted beside.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine

from inspector.plant.plant import Plant
from inspector.records import from_minutes, from_rows
from inspector.records.counts import Counts
from inspector.records.database import asking
from inspector.records.rollups import GRID, MINUTE_MS
from inspector.records.search import Wanted
from inspector.records.spans import SLOT_MINUTES, Bucket, Edge, edge_of, edges_of, whole_minutes

QUANTILES = (0.5, 0.9, 0.99)


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


def _put_together(
    counted: Counts, bucket: Bucket | None, plant: Plant, span: tuple[int, int], slot: int
) -> Statistics:
    since, until = (datetime.fromtimestamp(minute * 60, UTC) for minute in span)
    total, edges = Figures(), edges_of(bucket, plant, since, until)
    by_span: defaultdict[tuple[int, str], Figures] = defaultdict(Figures)
    for line, at, said, images, late in counted.verdicts:
        total.add(said, images, late)
        by_span[edge_of(edges, at * slot * MINUTE_MS), line].add(said, images, late)
    for line, at, parts, first_ok in counted.parts:
        total.add_parts(parts, first_ok)
        by_span[edge_of(edges, at * slot * MINUTE_MS), line].add_parts(parts, first_ok)
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


def _span(edge: Edge, line: str, figures: Figures) -> Span:
    return Span(line, edge.start, edge.end, edge.shift, figures)


def _rate(part: int, whole: int) -> float | None:
    return part / whole if whole else None
