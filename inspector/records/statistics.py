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
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Integer,
    Select,
    case,
    cast,
    func,
    literal_column,
    select,
)

from inspector.plant.plant import Plant
from inspector.records.database import asking
from inspector.records.search import Wanted, conditions
from inspector.records.spans import SLOT_MS, Bucket, Edge, edge_of, edges_of
from inspector.records.tables import class_scores, findings, inspections

GRID = 32
"""Columns and rows of the map of defect positions, over the whole image."""

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
    """Of the inspections that are wanted and were received in [since, until). Raises RecordsUnavailable."""
    asked = conditions(wanted)
    slot = SLOT_MS[bucket] if bucket is not None else SLOT_MS[Bucket.DAY]
    with asking(engine) as connection:
        counted = _counted(connection, asked, slot)
        parts = _parts(connection, asked, slot)
        classes = _classes(connection, asked)
        positions = _positions(connection, asked)
        latency = _latency(connection, asked)
    total, edges = Figures(), edges_of(bucket, plant, since, until)
    by_span: defaultdict[tuple[int, str], Figures] = defaultdict(Figures)
    for line, at, said, images, late in counted:
        total.add(said, images, late)
        by_span[edge_of(edges, at * slot), line].add(said, images, late)
    for line, at, some, first_ok in parts:
        total.add_parts(some, first_ok)
        by_span[edge_of(edges, at * slot), line].add_parts(some, first_ok)
    spans = [_span(edges[index], line, figures) for (index, line), figures in by_span.items() if index >= 0]
    spans.sort(key=lambda span: (span.start, span.line))
    return Statistics(total, spans if bucket is not None else [], classes, positions, latency)


# --- what the database is asked -----------------------------------------------------------------------------


def _counted(connection: Connection, asked: Sequence[ColumnElement[bool]], slot: int) -> Iterable[Any]:
    at = inspections.c.received_ms // _number(slot)
    said = func.coalesce(inspections.c.verdict, inspections.c.state)
    late = func.sum(case((inspections.c.deadline_missed, 1), else_=0))
    query = select(inspections.c.line, at, said, func.count(), late).where(*asked)
    return connection.execute(query.group_by(inspections.c.line, at, said)).all()


def _parts(connection: Connection, asked: Sequence[ColumnElement[bool]], slot: int) -> Iterable[Any]:
    """Each part once, in the slot of its first look in the span: (line, slot, parts, first OK)."""
    part = (inspections.c.line, inspections.c.lot_id, func.coalesce(inspections.c.part_id, inspections.c.id))
    good = func.min(case((inspections.c.verdict == "OK", 1), else_=0)).label("good")
    first = func.min(inspections.c.received_ms).label("first")
    looks = select(inspections.c.line, first, good).where(*asked, inspections.c.first_look).group_by(*part)
    each = looks.subquery()
    at = each.c.first // _number(slot)
    query = select(each.c.line, at, func.count(), func.sum(each.c.good)).group_by(each.c.line, at)
    return connection.execute(query).all()


def _classes(connection: Connection, asked: Sequence[ColumnElement[bool]]) -> list[ClassCount]:
    name, defects = class_scores.c["class"], func.sum(class_scores.c.defects)
    query = (
        select(name, defects, func.count())
        .join(inspections, inspections.c.id == class_scores.c.inspection_id)
        .where(*asked, class_scores.c.defects > 0)
        .group_by(name)
    )
    found = [ClassCount(*row) for row in connection.execute(query)]
    return sorted(found, key=lambda one: (-one.defects, one.name))


def _positions(connection: Connection, asked: Sequence[ColumnElement[bool]]) -> list[list[int]]:
    column = _cell(findings.c.x1, findings.c.x2, inspections.c.image_width)
    row = _cell(findings.c.y1, findings.c.y2, inspections.c.image_height)
    query: Select[Any] = (
        select(row, column, func.count())
        .join(inspections, inspections.c.id == findings.c.inspection_id)
        .where(*asked, findings.c.counted, inspections.c.image_width > 0, inspections.c.image_height > 0)
        .group_by(row, column)
    )
    grid = [[0] * GRID for _ in range(GRID)]
    for y, x, count in connection.execute(query):
        grid[min(max(y, 0), GRID - 1)][min(max(x, 0), GRID - 1)] += count
    return grid


def _cell(low: ColumnElement[float], high: ColumnElement[float], size: ColumnElement[int]) -> Any:
    # Whole pixels first: the two databases round and divide those alike.
    return cast((low + high) / _number(2), Integer) * _number(GRID) // size


def _number(value: int) -> ColumnElement[int]:
    """Written into the question: PostgreSQL takes two parameters of the same value for two things, and the
    groups would not be the columns."""
    return literal_column(str(value), Integer)


def _latency(connection: Connection, asked: Sequence[ColumnElement[bool]]) -> Latency:
    took = cast(inspections.c.total_took_ms, Integer)
    query = select(took, func.count()).where(*asked, inspections.c.total_took_ms.is_not(None)).group_by(took)
    counts = sorted((int(ms), int(count)) for ms, count in connection.execute(query))
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
