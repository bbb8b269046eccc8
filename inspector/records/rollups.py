"""Minute by minute what the rows add up to, kept beside them: a shift is read in thousands of rows, not in
hundreds of thousands. They are exact: at any moment what `rebuild` would make of the rows.

    write ── what the touched rows add up to ─▶ the rows change ─▶ what they add up to now ─▶ the difference

So it is all one what comes twice, late, or takes an earlier outcome's place. A minute is one of receipt
(received_ms); texts that a row lacks are '' here. Lots are too many to be told apart: statistics of a lot are
counted from its rows.

strands          a line, station, view and recipe, by number: all that statistics are narrowed down by
minute_images    images by verdict, or by state without one
minute_latency   images by whole milliseconds from receipt to verdict
minute_classes   defects by class
minute_places    defects by cell of the image
minute_parts     parts by their first looks: `others` is '' of a part that was looked at once, else all looks
                 of it ("minute:strand:good", in order), with a row for each of them
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Select,
    String,
    Table,
    and_,
    case,
    cast,
    delete,
    func,
    insert,
    literal_column,
    or_,
    select,
    true,
)
from sqlalchemy.dialects import postgresql, sqlite

from inspector.records.rows import Row
from inspector.records.tables import (
    class_scores,
    findings,
    inspections,
    minute_classes,
    minute_images,
    minute_latency,
    minute_parts,
    minute_places,
    strands,
)

MINUTE_MS = 60_000

GRID = 32
"""Columns and rows of the map of defect positions, over the whole image."""

TABLES = (minute_images, minute_latency, minute_classes, minute_places, minute_parts)

ROWS_AT_ONCE = 500
"""Of one statement: PostgreSQL takes 65,535 parameters, SQLite 32,766."""

Tally = dict[Table, Counter[tuple[tuple[Any, ...], str]]]
"""Of each table: (key, name of the value) -> value."""


@dataclass(frozen=True, slots=True)
class Touched:
    """The rows that a batch changes: these inspections, and all first looks at these parts."""

    ids: Collection[str]
    part_ids: Collection[str]


def tally(connection: Connection, touched: Touched) -> Tally:
    """What they add up to now."""
    found: Tally = {}
    for table, query in _sums(connection.dialect.name, touched).items():
        keys, values = _keys(table), _values(table)
        counts = found[table] = Counter()
        for row in connection.execute(query):
            key = tuple(row[: len(keys)])
            counts.update({(key, name): row[len(keys) + at] for at, name in enumerate(values)})
    return found


def add(connection: Connection, before: Tally, after: Tally) -> None:
    """The difference of both, so that the roll-ups hold `after` where they held `before`."""
    for table, counts in after.items():
        counts.subtract(before[table])
        changed: dict[tuple[Any, ...], dict[str, int]] = {}
        for (key, name), value in counts.items():
            changed.setdefault(key, dict.fromkeys(_values(table), 0))[name] = value
        rows = [
            {**dict(zip(_keys(table), key, strict=True)), **values}
            for key, values in sorted(changed.items())
            if any(values.values())
        ]
        _add_rows(connection, table, rows)


def know_strands(connection: Connection, rows: Sequence[Row]) -> None:
    """Each line, station, view and recipe of these inspections has its number."""
    wanted = {_strand_of(row) for row in rows}
    if not wanted:
        return
    names = [column.name for column in _DIMENSIONS]
    known = {tuple(row) for row in connection.execute(select(*_DIMENSIONS))}
    new = [dict(zip(names, one, strict=True)) for one in sorted(wanted - known)]
    if new:
        connection.execute(insert(strands), new)


def rebuild(connection: Connection) -> None:
    """All of them, out of the rows: what a migration does once."""
    for table in (*TABLES, strands):
        connection.execute(delete(table))
    there = select(*_ROW_DIMENSIONS).distinct()
    connection.execute(insert(strands).from_select([column.name for column in _DIMENSIONS], there))
    for table, query in _sums(connection.dialect.name, None).items():
        connection.execute(insert(table).from_select(_keys(table) + _values(table), query))


# --- what rows add up to: one question for each table, its columns in the table's order ---------------------

_DIMENSIONS = (strands.c.line, strands.c.station, strands.c.view, strands.c.recipe_id, strands.c.simulated)

_ROW_DIMENSIONS = (
    inspections.c.line,
    func.coalesce(inspections.c.station, ""),
    func.coalesce(inspections.c.view, ""),
    func.coalesce(inspections.c.recipe_id, ""),
    inspections.c.simulated,
)


def number(value: int) -> ColumnElement[int]:
    """Written into the question: PostgreSQL takes two parameters of the same value for two things, and the
    groups would not be the columns."""
    return literal_column(str(value), Integer)


MINUTE: ColumnElement[int] = inspections.c.received_ms // number(MINUTE_MS)
SAID: ColumnElement[str] = func.coalesce(inspections.c.verdict, inspections.c.state)
LATE: ColumnElement[int] = func.sum(case((inspections.c.deadline_missed, 1), else_=0))
TOOK: ColumnElement[int] = cast(inspections.c.total_took_ms, Integer)
GOOD: ColumnElement[bool] = func.coalesce(inspections.c.verdict, "") == "OK"


def cell() -> tuple[ColumnElement[int], ColumnElement[int]]:
    """Row and column of a finding's centre; of an image of at least a pixel."""
    return (
        _cell(findings.c.y1, findings.c.y2, inspections.c.image_height),
        _cell(findings.c.x1, findings.c.x2, inspections.c.image_width),
    )


def _cell(low: ColumnElement[float], high: ColumnElement[float], size: ColumnElement[int]) -> Any:
    # Whole pixels first: the two databases round and divide those alike.
    place = cast((low + high) / number(2), Integer) * number(GRID) // size
    return case((place < number(0), number(0)), (place >= number(GRID), number(GRID - 1)), else_=place)


def _sums(engine: str, touched: Touched | None) -> Mapping[Table, Select[Any]]:
    """Of the touched rows, or of all."""
    ours = true() if touched is None else inspections.c.id.in_(touched.ids)
    return {
        minute_images: _grouped((SAID,), func.count(), LATE).where(ours),
        minute_latency: _grouped((TOOK,), func.count()).where(ours, inspections.c.total_took_ms.is_not(None)),
        minute_classes: _of_classes().where(ours),
        minute_places: _of_places().where(ours),
        minute_parts: _of_parts(engine, touched),
    }


def _grouped(keys: Sequence[ColumnElement[Any]], *values: ColumnElement[Any]) -> Select[Any]:
    by = (MINUTE, strands.c.strand, *keys)
    return select(*by, *values).join_from(inspections, strands, _OF_STRAND).group_by(*by)


_OF_STRAND = and_(*(mine == column for mine, column in zip(_ROW_DIMENSIONS, _DIMENSIONS, strict=True)))


def _of_classes() -> Select[Any]:
    keys = (class_scores.c["class"],)
    return (
        _grouped(keys, func.sum(class_scores.c.defects), func.count())
        .join(class_scores, class_scores.c.inspection_id == inspections.c.id)
        .where(class_scores.c.defects > 0)
    )


def _of_places() -> Select[Any]:
    return (
        _grouped(cell(), func.count())
        .join(findings, findings.c.inspection_id == inspections.c.id)
        .where(findings.c.counted, inspections.c.image_width > 0, inspections.c.image_height > 0)
    )


def _of_parts(engine: str, touched: Touched | None) -> Select[Any]:
    """A look among those of its part: the windows go over all first looks at it."""
    own = case((GOOD, "1"), else_="0")
    look = cast(MINUTE, String) + ":" + cast(strands.c.strand, String) + ":" + own
    if engine == "postgresql":
        look = look.collate("C")
    part = (
        inspections.c.line,
        func.coalesce(inspections.c.lot_id, ""),
        func.coalesce(inspections.c.part_id, inspections.c.id),
    )
    joined = (func.string_agg if engine == "postgresql" else func.group_concat)(look, " ")
    looks = (
        select(
            MINUTE.label("minute"),
            strands.c.strand,
            GOOD.label("good"),
            func.count().over(partition_by=part).label("looks"),
            joined.over(partition_by=part, order_by=look, rows=(None, None)).label("others"),
        )
        .join_from(inspections, strands, _OF_STRAND)
        .where(inspections.c.first_look)
    )
    if touched is not None:
        without_part = and_(inspections.c.part_id.is_(None), inspections.c.id.in_(touched.ids))
        looks = looks.where(or_(inspections.c.part_id.in_(touched.part_ids), without_part))
    each = looks.subquery()
    others = case((each.c.looks == number(1), literal_column("''")), else_=each.c.others)
    by = (each.c.minute, each.c.strand, each.c.good, others)
    return select(*by, func.count()).group_by(*by)


# --- changes ------------------------------------------------------------------------------------------------


def _keys(table: Table) -> list[str]:
    return [column.name for column in table.primary_key.columns]


def _values(table: Table) -> list[str]:
    return [column.name for column in table.columns if not column.primary_key]


def _strand_of(row: Row) -> tuple[Any, ...]:
    texts = (row[name] or "" for name in ("line", "station", "view", "recipe_id"))
    return (*texts, row["simulated"])


def _add_rows(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    keys, values = _keys(table), _values(table)
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    for start in range(0, len(rows), ROWS_AT_ONCE):
        adding = make(table).values(rows[start : start + ROWS_AT_ONCE])
        sums = {name: table.c[name] + adding.excluded[name] for name in values}
        connection.execute(adding.on_conflict_do_update(index_elements=keys, set_=sums))
    taken = {row["minute"] for row in rows if any(row[name] < 0 for name in values)}
    if taken:
        nothing = [table.c[name] == 0 for name in values]
        connection.execute(delete(table).where(table.c.minute.in_(taken), *nothing))
