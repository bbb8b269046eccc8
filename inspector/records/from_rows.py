"""The counts that statistics are made of, out of the rows themselves: slower, and of a lot too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, case, func, select

from inspector.records.counts import Counts
from inspector.records.rollups import LATE, MINUTE_MS, SAID, TOOK, cell, number
from inspector.records.search import Wanted, conditions
from inspector.records.tables import class_scores, findings, inspections


def counts(connection: Connection, wanted: Wanted, first: int, end: int, slot: int) -> Counts:
    """As from_minutes.counts."""
    # By the time of receipt, as the roll-ups: an id is made when the whole image has come.
    received = inspections.c.received_ms
    asked = [
        *conditions(replace(wanted, since=None, until=None)),
        received >= first * MINUTE_MS,
        received < end * MINUTE_MS,
        inspections.c.id >= f"{first * MINUTE_MS:012x}",
    ]
    ask = (_verdicts(asked, slot), _parts(asked, slot), _classes(asked), _places(asked), _latency(asked))
    return Counts(*([tuple(row) for row in connection.execute(query)] for query in ask))


Asked = Sequence[ColumnElement[bool]]


def _verdicts(asked: Asked, slot: int) -> Select[Any]:
    by = (inspections.c.line, inspections.c.received_ms // number(slot * MINUTE_MS), SAID)
    return select(*by, func.count(), LATE).where(*asked).group_by(*by)


def _parts(asked: Asked, slot: int) -> Select[Any]:
    """Each part once, in the slot of its first look in the span."""
    part = (inspections.c.line, inspections.c.lot_id, func.coalesce(inspections.c.part_id, inspections.c.id))
    good = func.min(case((inspections.c.verdict == "OK", 1), else_=0)).label("good")
    first = func.min(inspections.c.received_ms).label("first")
    looks = select(inspections.c.line, first, good).where(*asked, inspections.c.first_look).group_by(*part)
    each = looks.subquery()
    at = each.c.first // number(slot * MINUTE_MS)
    return select(each.c.line, at, func.count(), func.sum(each.c.good)).group_by(each.c.line, at)


def _classes(asked: Asked) -> Select[Any]:
    name, defects = class_scores.c["class"], func.sum(class_scores.c.defects)
    return (
        select(name, defects, func.count())
        .join(inspections, inspections.c.id == class_scores.c.inspection_id)
        .where(*asked, class_scores.c.defects > 0)
        .group_by(name)
    )


def _places(asked: Asked) -> Select[Any]:
    place = cell()
    seen = [findings.c.counted, inspections.c.image_width > 0, inspections.c.image_height > 0]
    query: Select[*tuple[Any, ...]] = select(*place, func.count())
    joined = query.join(inspections, inspections.c.id == findings.c.inspection_id)
    return joined.where(*asked, *seen).group_by(*place)


def _latency(asked: Asked) -> Select[Any]:
    query: Select[*tuple[Any, ...]] = select(TOOK, func.count())
    return query.where(*asked, inspections.c.total_took_ms.is_not(None)).group_by(TOOK)
