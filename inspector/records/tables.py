"""The tables. Times are milliseconds since 1970, UTC: both engines compare, group and subtract them alike.

inspections    a narrow row for each image that reached its end; its id is ordered by the time of receipt
findings       every box as the model gave it, down to score 0.05
class_scores   a row for each class that an image has findings of: what lists and Paretos by class read
documents      the result or error as the worker wrote it, compressed
kept           which images lie in the store, and where; a row leaves with its image
strands, minute_*, hour_*   what the rows add up to, minute by minute (rollups.py)

No foreign keys: one writer writes all rows of an inspection in one transaction, and checking five of them for
each of twenty findings is what a line's pace would be spent on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    REAL,
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    UniqueConstraint,
    text,
)

metadata = MetaData(
    naming_convention={"ix": "ix_%(table_name)s_%(column_0_N_name)s", "pk": "pk_%(table_name)s"}
)


def _id() -> String:
    """Compared by bytes, which is their order in time; a language's own order would be slower."""
    return String(32).with_variant(String(32, collation="C"), "postgresql")


inspections = Table(
    "inspections",
    metadata,
    Column("id", _id(), primary_key=True),
    Column("announced", BigInteger, nullable=False),
    # of two outcomes of one id, the later one's is greater
    Column("line", String(), nullable=False),
    Column("station", String()),
    Column("view", String()),
    Column("part_id", String()),
    Column("lot_id", String()),
    Column("recipe_id", String()),
    Column("recipe_version", Integer),
    Column("model_name", String()),
    Column("model_version", String()),
    Column("state", String(), nullable=False),
    Column("verdict", String()),
    # of a done one
    Column("accept", Boolean, nullable=False),
    Column("deadline_missed", Boolean, nullable=False),
    Column("simulated", Boolean, nullable=False),
    Column("first_look", Boolean, nullable=False),
    # the first verdict of this part from this view: FPY counts it, and no later one
    Column("error_code", String()),
    Column("defects", SmallInteger, nullable=False),
    # findings that counted
    Column("top_score", REAL),
    # of all findings; null without one
    Column("captured_ms", BigInteger),
    Column("received_ms", BigInteger, nullable=False),
    Column("finished_ms", BigInteger, nullable=False),
    Column("queued_took_ms", REAL),
    Column("decode_took_ms", REAL),
    Column("inference_took_ms", REAL),
    Column("total_took_ms", REAL),
    Column("image_format", String()),
    Column("image_width", Integer),
    Column("image_height", Integer),
    Column("image_bytes", BigInteger),
    # Each list is one of these, newest first, from a place on.
    Index(None, "line", "id"),
    Index(None, "line", "station", "id"),
    Index(None, "line", "verdict", "id"),
    Index(None, "verdict", "id"),
    Index(None, "state", "id"),
    Index(None, "part_id", "id"),
    Index(None, "lot_id", "id"),
    Index(None, "lot_id", "verdict", "id"),
    Index(None, "recipe_id", "id"),
    Index(None, "station", "id"),
    Index(None, "view", "id"),
    Index(None, "top_score"),
    # A few, or none: to walk all others for them would take seconds.
    Index(
        "ix_inspections_simulated",
        "id",
        postgresql_where=text("simulated"),
        sqlite_where=text("simulated = 1"),
    ),
)

findings = Table(
    "findings",
    metadata,
    Column("inspection_id", _id(), primary_key=True),
    Column("number", SmallInteger, primary_key=True),
    # as they came: the place in the result
    Column("class", String(), nullable=False),
    Column("score", REAL, nullable=False),
    Column("threshold", REAL, nullable=False),
    Column("x1", REAL, nullable=False),
    Column("y1", REAL, nullable=False),
    Column("x2", REAL, nullable=False),
    Column("y2", REAL, nullable=False),
    # pixels of the source image, x2 and y2 exclusive
    Column("counted", Boolean, nullable=False),
    Column("why", String(), nullable=False),
    # above_threshold, same_place, in_review_band, below_threshold
    Index(
        "ix_findings_counted",
        "inspection_id",
        postgresql_where=text("counted"),
        sqlite_where=text("counted = 1"),
    ),
    # a lot's map of defects: few of the boxes count
)

class_scores = Table(
    "class_scores",
    metadata,
    Column("inspection_id", _id(), primary_key=True),
    Column("class", String(), primary_key=True),
    Column("line", String(), nullable=False),
    # the inspection's, so that one index finds a class on a line
    Column("top_score", REAL, nullable=False),
    Column("defects", SmallInteger, nullable=False),
    # findings of this class that counted
    Index(None, "class", "inspection_id"),
    Index(None, "line", "class", "inspection_id"),
)

documents = Table(
    "documents",
    metadata,
    Column("inspection_id", _id(), primary_key=True),
    Column("body", LargeBinary, nullable=False),
    # zlib of the JSON: Result of a done one, Failure of another
)

kept = Table(
    "kept",
    metadata,
    Column("inspection_id", _id(), primary_key=True),
    Column("image", String(), nullable=False),
    # its path in the store
    Column("attention", String()),
    Column("preview", String()),
    # of an image that a browser cannot show
    Column("thumbnail", String()),
    # of an image that is not light itself
    Column("bytes", BigInteger, nullable=False),
    # of all four
    Column("sampled", Boolean, nullable=False),
    # an OK one that was picked: the first to leave when there is no room
    Index(None, "sampled", "inspection_id"),
)

# --- roll-ups -----------------------------------------------------------------------------------------------

strands = Table(
    "strands",
    metadata,
    Column("strand", Integer, primary_key=True),
    Column("line", String(), nullable=False),
    Column("station", String(), nullable=False),
    Column("view", String(), nullable=False),
    Column("recipe_id", String(), nullable=False),
    Column("simulated", Boolean, nullable=False),
    UniqueConstraint("line", "station", "view", "recipe_id", "simulated", name="uq_strands"),
)


def _minutes(name: str, keys: Sequence[Column[Any]], *values: str, by: str = "minute") -> Table:
    """Minutes (or hours) since 1970 and a strand, then these keys, then what is added up."""
    minute = Column(by, Integer, primary_key=True, autoincrement=False)
    strand = Column("strand", Integer, primary_key=True, autoincrement=False)
    counts = [Column(value, Integer, nullable=False) for value in values]
    return Table(name, metadata, minute, strand, *keys, *counts)


def _key(name: str, kind: Any) -> Column[Any]:
    return Column(name, kind, primary_key=True, autoincrement=False)


minute_images = _minutes("minute_images", [_key("said", String())], "images", "late")
minute_latency = _minutes("minute_latency", [_key("took_ms", Integer)], "images")
hour_latency = _minutes("hour_latency", [_key("took_ms", Integer)], "images", by="hour")
minute_classes = _minutes("minute_classes", [_key("class", String())], "defects", "images")
minute_places = _minutes("minute_places", [_key("row", Integer), _key("column", Integer)], "defects")
minute_parts = _minutes("minute_parts", [_key("good", Boolean), _key("others", String())], "parts")
