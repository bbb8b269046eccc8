"""All that the records know of one lot, for the page that goes into its folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, func, select

from inspector.errors import InspectionNotFound
from inspector.plant.plant import Plant
from inspector.records.database import asking
from inspector.records.search import Wanted, conditions
from inspector.records.statistics import Statistics, statistics
from inspector.records.tables import class_scores, inspections, kept

MOST_LISTED = 200
"""Rejected parts that are listed, the newest; a lot with more has another question than which ones."""


@dataclass(frozen=True, slots=True)
class Version:
    """A recipe and a model that the lot's images were judged by."""

    recipe: str | None
    recipe_version: int | None
    model: str | None
    model_version: str | None
    images: int
    first: datetime
    last: datetime
    """Received, UTC."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """An image whose verdict was not OK, or that has none."""

    id: str
    said: str
    """NG or REVIEW; failed or expired where there is no verdict."""
    part_id: str | None
    line: str
    station: str | None
    view: str | None
    received: datetime
    image_format: str | None
    has_image: bool
    """Kept in the store,"""
    has_preview: bool
    """and beside it what a browser can show, where it cannot show the image."""
    classes: Sequence[tuple[str, float]]
    """Of the findings that counted: each class and its highest score, the highest first."""
    first_look: bool


@dataclass(frozen=True, slots=True)
class Lot:
    lot_id: str
    lines: Sequence[str]
    first: datetime
    last: datetime
    """Received, UTC."""
    counted: Statistics
    versions: Sequence[Version]
    """By their first image."""
    rejected: Sequence[Rejected]
    """Newest first, MOST_LISTED at most."""
    rejected_all: int


def lot_report(engine: Engine, wanted: Wanted, plant: Plant) -> Lot:
    """`wanted` names the lot. Raises InspectionNotFound: nothing of it is recorded; RecordsUnavailable."""
    asked = conditions(wanted)
    with asking(engine) as connection:
        lines, first, last = _span(connection, asked)
        if not lines:
            raise InspectionNotFound(f"no inspection of lot {wanted.lot_id!r} is recorded")
        versions = _versions(connection, asked)
        not_ok = [*asked, func.coalesce(inspections.c.verdict, "") != "OK"]
        rejected_all = connection.execute(select(func.count()).where(*not_ok)).scalar_one()
        rejected = _rejected(connection, not_ok)
    # Of the whole minutes, the last one included.
    until = datetime.fromtimestamp(last / 1000 + 1, UTC)
    since = _moment(first)
    counted = statistics(engine, replace(wanted, since=since, until=until), since, until, None, plant)
    return Lot(
        str(wanted.lot_id), lines, since, _moment(last), counted, versions, rejected, int(rejected_all)
    )


Asked = Sequence[ColumnElement[bool]]


def _span(connection: Connection, asked: Asked) -> tuple[list[str], int, int]:
    """The lot's lines, and when its first and last image was received; no line, no image."""
    at = inspections.c.received_ms
    query = select(inspections.c.line, func.min(at), func.max(at)).where(*asked)
    rows = connection.execute(query.group_by(inspections.c.line)).all()
    lines = sorted(row[0] for row in rows)
    return lines, min((row[1] for row in rows), default=0), max((row[2] for row in rows), default=0)


def _versions(connection: Connection, asked: Asked) -> list[Version]:
    at = inspections.c.received_ms
    by = (
        inspections.c.recipe_id,
        inspections.c.recipe_version,
        inspections.c.model_name,
        inspections.c.model_version,
    )
    query: Any = select(*by, func.count(), func.min(at), func.max(at)).where(*asked).group_by(*by)
    found = [
        Version(recipe, recipe_version, model, model_version, images, _moment(since), _moment(until))
        for recipe, recipe_version, model, model_version, images, since, until in connection.execute(query)
    ]
    return sorted(found, key=lambda one: one.first)


def _rejected(connection: Connection, asked: Asked) -> list[Rejected]:
    query = (
        select(inspections, kept.c.image, kept.c.preview)
        .outerjoin(kept, kept.c.inspection_id == inspections.c.id)
        .where(*asked)
        .order_by(inspections.c.id.desc())
        .limit(MOST_LISTED)
    )
    rows = connection.execute(query).all()
    classes = _classes(connection, [row.id for row in rows])
    return [_of_row(row, classes.get(row.id, [])) for row in rows]


def _classes(connection: Connection, ids: Sequence[str]) -> dict[str, list[tuple[str, float]]]:
    name, score = class_scores.c["class"], class_scores.c.top_score
    query = (
        select(class_scores.c.inspection_id, name, score)
        .where(class_scores.c.inspection_id.in_(ids), class_scores.c.defects > 0)
        .order_by(score.desc())
    )
    found: dict[str, list[tuple[str, float]]] = {}
    for inspection_id, one, top in connection.execute(query):
        found.setdefault(inspection_id, []).append((one, float(top)))
    return found


def _of_row(row: Any, classes: Sequence[tuple[str, float]]) -> Rejected:
    return Rejected(
        id=row.id,
        said=row.verdict or row.state,
        part_id=row.part_id,
        line=row.line,
        station=row.station,
        view=row.view,
        received=_moment(row.received_ms),
        image_format=row.image_format,
        has_image=row.image is not None,
        has_preview=row.preview is not None,
        classes=classes,
        first_look=row.first_look,
    )


def _moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)
