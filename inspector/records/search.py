"""Which inspections there are: filters, and pages that stay right while parts arrive.

A list is ordered by id, newest first: ids are ordered by the time of receipt, and never change. A page says
where the next one begins, so what arrives meanwhile neither doubles nor hides anything behind it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Engine, Select, not_, select

from inspector.errors import InspectionNotFound
from inspector.messages.result import Outcome, State
from inspector.records.database import ANSWER_WITHIN, asking
from inspector.records.rollups import cell
from inspector.records.rows import document_of, milliseconds
from inspector.records.tables import class_scores, documents, findings, inspections, kept


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an inspection must be to be listed; None asks nothing."""

    lines: Collection[str] | None = None
    station: str | None = None
    view: str | None = None
    part_id: str | None = None
    lot_id: str | None = None
    recipe: str | None = None
    verdict: str | None = None
    state: str | None = None
    simulated: bool | None = None
    defect_class: str | None = None
    """It has a finding of that class that counted; with a score, any finding of it in that range."""
    min_score: float | None = None
    """Its highest score (of that class) is at least this,"""
    max_score: float | None = None
    """and at most this."""
    place: tuple[int, int, int, int] | None = None
    """A defect of it lies in these cells of the map: first column and row, last column and row."""
    since: datetime | None = None
    """Received at or after,"""
    until: datetime | None = None
    """and before."""


@dataclass(frozen=True, slots=True)
class Found:
    """One inspection of a list."""

    outcome: Outcome
    has_image: bool
    """Kept in the store; the queue may hold it even so."""
    has_attention: bool


@dataclass(frozen=True, slots=True)
class Page:
    found: Sequence[Found]
    next: str | None
    """The cursor behind it; None at the end."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an image lies in the store."""

    image: str
    attention: str | None
    preview: str | None
    thumbnail: str | None
    format: str


@dataclass(frozen=True, slots=True)
class Known:
    """All that the records know of one id."""

    line: str
    outcome: Outcome
    place: Place | None = field(default=None)


def first_id_of(moment: datetime) -> str:
    """No id of before sorts behind it, none of after before it."""
    return f"{max(0, milliseconds(moment)):012x}"


def page(
    engine: Engine,
    wanted: Wanted,
    limit: int,
    after: str | None = None,
    answer_within: timedelta = ANSWER_WITHIN,
) -> Page:
    """Up to `limit`, newest first, behind the cursor `after` (an id). Raises RecordsUnavailable."""
    columns = (*_OUTCOME, kept.c.image, kept.c.attention)
    asked = (
        chosen(wanted, *columns, after=after)
        .outerjoin(documents, documents.c.inspection_id == inspections.c.id)
        .outerjoin(kept, kept.c.inspection_id == inspections.c.id)
        .limit(limit + 1)
    )
    with asking(engine, answer_within) as connection:
        rows = connection.execute(asked).all()
    found = [Found(_outcome(row), row.image is not None, row.attention is not None) for row in rows[:limit]]
    return Page(found, found[-1].outcome.id if len(rows) > limit else None)


def look_up(engine: Engine, inspection_id: str) -> Known:
    """Raises InspectionNotFound, RecordsUnavailable."""
    where = (kept.c.image, kept.c.attention, kept.c.preview, kept.c.thumbnail)
    columns = (*_OUTCOME, *where, inspections.c.image_format)
    asked = (
        select(*columns)
        .select_from(inspections)
        .outerjoin(documents, documents.c.inspection_id == inspections.c.id)
        .outerjoin(kept, kept.c.inspection_id == inspections.c.id)
        .where(inspections.c.id == inspection_id)
    )
    with asking(engine) as connection:
        row = connection.execute(asked).one_or_none()
    if row is None:
        raise InspectionNotFound(f"no inspection {inspection_id!r} is recorded")
    if row.image is None:
        return Known(row.line, _outcome(row))
    place = Place(row.image, row.attention, row.preview, row.thumbnail, row.image_format)
    return Known(row.line, _outcome(row), place)


def chosen(wanted: Wanted, *columns: ColumnElement[Any], after: str | None = None) -> Select[Any]:
    """The rows that are wanted, newest first, of `inspections` (joined with class_scores for a class)."""
    by_class = wanted.defect_class is not None
    # The order must be the index's that the class is found by, else all of the class would be sorted.
    key = class_scores.c.inspection_id if by_class else inspections.c.id
    asked = select(*columns)
    if by_class:
        asked = asked.select_from(class_scores).join(inspections, inspections.c.id == key)
    else:
        asked = asked.select_from(inspections)
    asked = asked.where(*conditions(wanted)).order_by(key.desc())
    return asked.where(key < after) if after is not None else asked


def conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    by_class = wanted.defect_class is not None
    key = class_scores.c.inspection_id if by_class else inspections.c.id
    line = class_scores.c.line if by_class else inspections.c.line
    asked: list[ColumnElement[bool]] = []
    if wanted.lines is not None:
        one = next(iter(wanted.lines)) if len(wanted.lines) == 1 else None
        asked.append(line == one if one is not None else line.in_(wanted.lines))
    for column, value in (
        (inspections.c.station, wanted.station),
        (inspections.c.view, wanted.view),
        (inspections.c.part_id, wanted.part_id),
        (inspections.c.lot_id, wanted.lot_id),
        (inspections.c.recipe_id, wanted.recipe),
        (inspections.c.verdict, wanted.verdict),
        (inspections.c.state, wanted.state),
    ):
        if value is not None:
            asked.append(column == value)
    if wanted.simulated is not None:
        # Written as the index of the few has it: PostgreSQL takes IS TRUE for another condition.
        asked.append(inspections.c.simulated if wanted.simulated else not_(inspections.c.simulated))
    if wanted.since is not None:
        asked.append(key >= first_id_of(wanted.since))
    if wanted.until is not None:
        asked.append(key < first_id_of(wanted.until))
    if wanted.place is not None:
        asked.append(_has_defect_in(wanted.place))
    return [*asked, *_by_score(wanted)]


def _has_defect_in(place: tuple[int, int, int, int]) -> ColumnElement[bool]:
    left, top, right, bottom = place
    row, column = cell()
    there = (row.between(top, bottom), column.between(left, right))
    has_pixels = (inspections.c.image_width > 0, inspections.c.image_height > 0)
    ours = (findings.c.inspection_id == inspections.c.id, findings.c.counted)
    return select(findings.c.number).where(*ours, *has_pixels, *there).correlate(inspections).exists()


def _by_score(wanted: Wanted) -> list[ColumnElement[bool]]:
    by_class = wanted.defect_class is not None
    score = class_scores.c.top_score if by_class else inspections.c.top_score
    asked = [class_scores.c["class"] == wanted.defect_class] if by_class else []
    if wanted.min_score is not None:
        asked.append(score >= wanted.min_score)
    if wanted.max_score is not None:
        asked.append(score <= wanted.max_score)
    if by_class and wanted.min_score is None and wanted.max_score is None:
        asked.append(class_scores.c.defects > 0)
    return asked


_OUTCOME = (
    inspections.c.id,
    inspections.c.line,
    inspections.c.state,
    inspections.c.accept,
    documents.c.body,
)


def _outcome(row: Any) -> Outcome:
    """Of a row with _OUTCOME."""
    text = document_of(row.body) if row.body is not None else None
    done = row.state == State.DONE
    return Outcome(
        row.id,
        row.line,
        State(row.state),
        row.accept,
        result=text if done else None,
        error=None if done else text,
    )
