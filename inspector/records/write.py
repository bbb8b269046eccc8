"""Batches of rows into the database: each inspection once, whatever comes twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, delete, func, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from inspector.records import rollups
from inspector.records.database import translated
from inspector.records.rows import Entry, Row
from inspector.records.tables import class_scores, documents, findings, inspections, kept

TRIES = 3
"""An archiver of another version may write the same inspection at the same moment: the next try sees it."""

LOCK = 4_771_002
"""PostgreSQL's advisory lock while a batch is written; migrate.LOCK is its neighbour."""


def write(engine: Engine, entries: Sequence[Entry]) -> int:
    """Durable when it returns; how many were not there yet. Raises RecordsUnavailable: nothing is written.

    An inspection that is there stays as it is, unless this is a later outcome of it (a dead letter that was
    given to the workers again).
    """
    latest = {entry.id: entry for entry in sorted(entries, key=lambda entry: entry.announced)}
    with translated():
        for again in range(TRIES, 0, -1):
            try:
                with engine.begin() as connection:
                    _alone(connection)
                    return _write(connection, latest)
            except IntegrityError:
                if again == 1:
                    raise
    return 0


def forget_images(engine: Engine, inspection_ids: Sequence[str]) -> None:
    """Their images have left the store."""
    with translated(), engine.begin() as connection:
        connection.execute(delete(kept).where(kept.c.inspection_id.in_(inspection_ids)))


def _write(connection: Connection, entries: Mapping[str, Entry]) -> int:
    asked = select(inspections.c.id, inspections.c.announced).where(inspections.c.id.in_(entries))
    there: dict[str, int] = {row.id: row.announced for row in connection.execute(asked)}
    fresh = [entry for entry in entries.values() if there.get(entry.id, -1) < entry.announced]
    rollups.know_strands(connection, [entry.inspection for entry in fresh])
    touched = _touched(connection, fresh)
    before = rollups.tally(connection, touched)
    _replace(connection, [entry for entry in fresh if entry.id in there])
    _mark_first_looks(connection, [entry.inspection for entry in fresh])
    _insert(connection, inspections, [entry.inspection for entry in fresh])
    _insert(connection, findings, [row for entry in fresh for row in entry.findings])
    _insert(connection, class_scores, [row for entry in fresh for row in entry.class_scores])
    _insert(connection, documents, [{"inspection_id": one.id, "body": one.document} for one in fresh])
    _insert(connection, kept, [_kept_row(entry) for entry in fresh if entry.kept is not None])
    rollups.add(connection, before, rollups.tally(connection, touched))
    return len(fresh) - sum(entry.id in there for entry in fresh)


def _alone(connection: Connection) -> None:
    """No other archiver writes until this transaction ends: what it reads and adds to stays as it read it."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})


def _touched(connection: Connection, fresh: Sequence[Entry]) -> rollups.Touched:
    """Also the parts of what they take the place of."""
    ids = [entry.id for entry in fresh]
    before = select(inspections.c.part_id).where(inspections.c.id.in_(ids))
    parts = {row.part_id for row in connection.execute(before)}
    parts |= {entry.inspection["part_id"] for entry in fresh}
    return rollups.Touched(ids, parts - {None})


def _insert(connection: Connection, table: Any, rows: Sequence[Row]) -> None:
    if rows:
        connection.execute(insert(table), rows)


def _replace(connection: Connection, later: Sequence[Entry]) -> None:
    """Make room for a later outcome. An image that was kept stays so: it is the same one."""
    if not later:
        return
    ids = [entry.id for entry in later]
    connection.execute(delete(inspections).where(inspections.c.id.in_(ids)))
    for table in (findings, class_scores, documents):
        connection.execute(delete(table).where(table.c.inspection_id.in_(ids)))
    new = [entry.id for entry in later if entry.kept is not None]
    connection.execute(delete(kept).where(kept.c.inspection_id.in_(new)))


def _kept_row(entry: Entry) -> Row:
    held = entry.kept
    assert held is not None  # noqa: S101 - the caller has looked
    return {"inspection_id": entry.id, **asdict(held)}


# --- the first verdict of a part ---------------------------------------------------------------------------


class Look(NamedTuple):
    """One camera's look at one part: a second one of the same is a re-inspection."""

    part_id: str
    line: str
    lot_id: str | None
    station: str | None
    view: str | None


LOOK = (
    inspections.c.part_id,
    inspections.c.line,
    inspections.c.lot_id,
    inspections.c.station,
    inspections.c.view,
)


def _mark_first_looks(connection: Connection, rows: Sequence[Row]) -> None:
    """Of each look at a part, the earliest image with a verdict is the first, in whatever order they come
    here. A part without an id is a part of its own."""
    judged = sorted((row for row in rows if row["verdict"] is not None), key=lambda row: row["id"])
    earliest = _earliest(connection, {_look(row) for row in judged if row["part_id"] is not None})
    demoted: list[str] = []
    for row in judged:
        if row["part_id"] is None:
            row["first_look"] = True
            continue
        held = earliest.get(_look(row))
        row["first_look"] = held is None or row["id"] < held
        if row["first_look"]:
            demoted += [held] if held is not None else []
            earliest[_look(row)] = row["id"]
    if demoted:
        connection.execute(update(inspections).where(inspections.c.id.in_(demoted)).values(first_look=False))


def _earliest(connection: Connection, looks: set[Look]) -> dict[Look, str]:
    """The id of the first one of each look that the database has."""
    if not looks:
        return {}
    first = inspections.c.first_look.is_(True)
    asked = (
        select(*LOOK, func.min(inspections.c.id))
        .where(inspections.c.part_id.in_({look.part_id for look in looks}), first)
        .group_by(*LOOK)
    )
    return {Look(*found[:5]): found[5] for found in connection.execute(asked)}


def _look(row: Row) -> Look:
    return Look(row["part_id"], row["line"], row["lot_id"], row["station"], row["view"])
