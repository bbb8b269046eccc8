"""Ten million records, made by PostgreSQL itself: a plant of four lines at 10 images a second, for 12 days.

Lines L1 and L2 look at each part once, at one of two stations; L3 and L4 twice, from above and below. Of a
thousand images 20 are NG and 10 REVIEW; 100 have findings; 3 in ten thousand failed. A lot is 10,000 images.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, Index, Table, text

from inspector.errors import SettingsError
from inspector.records import rollups
from inspector.records.database import writer
from inspector.records.migrate import upgrade
from inspector.records.tables import class_scores, documents, findings, inspections

BEGAN = datetime(2026, 3, 2, tzinfo=UTC)
"""A Monday."""

EVERY_MS = 100
"""Between two images of the plant."""

SHIFT_IMAGES = 8 * 3600 * 1000 // EVERY_MS

DOCUMENT = zlib.compress(b'{"schema_version":1,"verdict":"OK","reasons":[],"findings":[]}')
"""All alike: a page unpacks 50 of them, whatever is in them."""

Say = Callable[[str], None]


def opened(url: str) -> Engine:
    """With its tables. Raises SettingsError for a database that makes no rows by itself."""
    engine = writer(url, patient=True)
    if engine.dialect.name != "postgresql":
        raise SettingsError("--database-url: the rows are made by PostgreSQL; give postgresql://...")
    upgrade(engine)
    return engine


def fill(engine: Engine, rows: int, say: Say) -> None:
    """Into empty tables. Their indexes are made afterwards, which is a good deal faster."""
    tables = (inspections, findings, class_scores, documents)
    indexes = [index for table in tables for index in sorted(table.indexes, key=lambda one: str(one.name))]
    with engine.begin() as connection:
        for index in indexes:
            index.drop(connection)
        values = {"rows": rows, "began": int(BEGAN.timestamp() * 1000), "every": EVERY_MS, "body": DOCUMENT}
        for name, statement in _STATEMENTS.items():
            say(f"{rows:,} images: {name}")
            # The driver reads a single % as a place for a value.
            asked = text(statement.replace("%", "%%"))
            connection.execute(asked, {key: values[key] for key in values if f":{key}" in statement})
    _index(engine, indexes, say)
    say("roll-ups")
    with engine.begin() as connection:
        rollups.rebuild(connection)
    _tidy(engine, (*tables, *rollups.TABLES), say)


def _index(engine: Engine, indexes: Sequence[Index], say: Say) -> None:
    for index in indexes:
        say(f"index {index.name}")
        with engine.begin() as connection:
            index.create(connection)


def _tidy(engine: Engine, tables: Sequence[Table], say: Say) -> None:
    """What a server does by itself within minutes: figures for the planner, and the map of visible rows."""
    say("vacuum")
    raw = engine.raw_connection()
    driver: Any = raw.driver_connection
    driver.rollback()  # the look at whether it lives has begun a transaction, and VACUUM goes in none
    driver.autocommit = True
    for table in tables:
        driver.cursor().execute(f"VACUUM ANALYZE {table.name}")
    driver.autocommit = False
    raw.close()


_ID = "lpad(to_hex(CAST(:began AS bigint) + i * :every), 12, '0') || '7' || lpad(to_hex(i), 19, '0')"
_DICE = "(i * 7919) % 1000"
_CLASS = "(ARRAY['open','short','spur','mousebite','copper','pin-hole'])[1 + (i / 7) % 6]"
_NUMBERS = "generate_series(CAST(0 AS bigint), CAST(:rows AS bigint) - 1) AS i"
_FOUND = f"{_NUMBERS} WHERE {_DICE} < 100 AND i % 3333 <> 0"

_STATEMENTS = {
    "inspections": f"""
INSERT INTO inspections (
    id, announced, line, station, view, part_id, lot_id, recipe_id, recipe_version, model_name, model_version,
    state, verdict, accept, deadline_missed, simulated, first_look, error_code, defects, top_score,
    received_ms, finished_ms, queued_took_ms, decode_took_ms, inference_took_ms, total_took_ms, image_format,
    image_width, image_height, image_bytes)
SELECT {_ID}, i, 'L' || (i % 4 + 1),
    CASE WHEN i % 4 < 2 THEN 'S' || (i / 4 % 2 + 1) ELSE 'S1' END,
    CASE WHEN i % 4 < 2 THEN NULL WHEN i / 4 % 2 = 0 THEN 'top' ELSE 'bottom' END,
    CASE WHEN i % 4 < 2 THEN 'P' || i ELSE 'P' || (i / 8) || '-' || (i % 4) END,
    'LOT-' || (i % 4) || '-' || (i / 40000), 'board-' || (i % 4 % 3), 3, 'pcb', '2026.11.22',
    CASE WHEN i % 3333 = 0 THEN 'failed' ELSE 'done' END,
    CASE WHEN i % 3333 = 0 THEN NULL WHEN {_DICE} < 20 THEN 'NG'
        WHEN {_DICE} < 30 THEN 'REVIEW' ELSE 'OK' END,
    {_DICE} >= 30 AND i % 3333 <> 0, i % 5000 = 0, FALSE, i % 3333 <> 0,
    CASE WHEN i % 3333 = 0 THEN 'inspection-failed' END,
    CASE WHEN {_DICE} < 20 AND i % 3333 <> 0 THEN 1 ELSE 0 END,
    CASE WHEN {_DICE} < 100 AND i % 3333 <> 0 THEN 1 - {_DICE} / 105.0 END,
    :began + i * :every, :began + i * :every + 40, 5, 8, 25, 35 + (i * 31) % 47 + (i * 17) % 13, 'jpeg', 1280,
    960, 210000
FROM {_NUMBERS}""",
    "findings": f"""
INSERT INTO findings
SELECT {_ID}, number, {_CLASS}, CASE number WHEN 0 THEN 1 - {_DICE} / 105.0 ELSE 0.06 END, 0.5,
    (i * 13) % 1200, (i * 29) % 900, (i * 13) % 1200 + 40, (i * 29) % 900 + 30,
    number = 0 AND {_DICE} < 20,
    CASE WHEN number = 0 AND {_DICE} < 20 THEN 'above_threshold' ELSE 'below_threshold' END
FROM {_NUMBERS} CROSS JOIN (VALUES (0), (1)) AS box(number) WHERE {_DICE} < 100 AND i % 3333 <> 0""",
    "class_scores": f"""
INSERT INTO class_scores (inspection_id, class, line, top_score, defects)
SELECT {_ID}, {_CLASS}, 'L' || (i % 4 + 1), 1 - {_DICE} / 105.0, CASE WHEN {_DICE} < 20 THEN 1 ELSE 0 END
FROM {_FOUND}""",
    "documents": f"INSERT INTO documents SELECT {_ID}, :body FROM {_NUMBERS}",
}
