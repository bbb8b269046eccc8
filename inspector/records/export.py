"""The same rows as a list's, as CSV and as COCO, in pieces: what is asked for may not fit into memory."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, select

from inspector.records.database import asking
from inspector.records.search import Wanted, chosen
from inspector.records.tables import findings, inspections

ROWS_AT_ONCE = 500
"""Of one question: a short one each, so that an export of millions holds nobody up."""

IN_MEMORY = 8 << 20
"""Bytes of COCO's annotations that wait in memory; beyond it they wait in a file."""

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A cell that begins like this is run by spreadsheets: it gets a ' before it."""

_PLAIN = (
    "id",
    "line",
    "station",
    "view",
    "part_id",
    "lot_id",
    "recipe_id",
    "recipe_version",
    "model_name",
    "model_version",
    "state",
    "verdict",
    "accept",
    "deadline_missed",
    "simulated",
    "first_look",
    "defects",
    "top_score",
    "error_code",
    "queued_took_ms",
    "decode_took_ms",
    "inference_took_ms",
    "total_took_ms",
    "image_width",
    "image_height",
    "image_format",
)

TIMES = {"received_at": "received_ms", "finished_at": "finished_ms", "captured_at": "captured_ms"}

CSV_COLUMNS = ("id", *TIMES, *_PLAIN[1:])


def csv_of(engine: Engine, wanted: Wanted) -> Iterator[bytes]:
    """A head, then a row an inspection, newest first. UTF-8, times in UTC. Raises RecordsUnavailable."""
    yield _csv([CSV_COLUMNS])
    for rows in batches(engine, wanted):
        yield _csv([_cells(row) for row in rows])


def coco_of(engine: Engine, wanted: Wanted) -> Iterator[bytes]:
    """A COCO document: each done image, with the findings that counted, and their scores. Boxes are
    [x, y, width, height] in pixels. Raises RecordsUnavailable."""
    yield b'{"info":{"description":"inspections"},"images":['
    classes: dict[str, int] = {}
    images, boxes = 0, 0
    with tempfile.SpooledTemporaryFile(IN_MEMORY) as annotations:
        for rows in batches(engine, wanted):
            found = _defects(engine, [row["id"] for row in rows])
            for row in rows:
                if row["state"] != "done":
                    continue
                images += 1
                yield (b"," if images > 1 else b"") + _json(_coco_image(images, row))
                for finding in found.get(row["id"], ()):
                    boxes += 1
                    number = classes.setdefault(finding["class"], len(classes) + 1)
                    annotation = _json(_coco_annotation(boxes, images, number, finding))
                    annotations.write((b"," if boxes > 1 else b"") + annotation)
        yield b'],"annotations":['
        annotations.seek(0)
        while piece := annotations.read(1 << 16):
            yield piece
    categories = [{"id": number, "name": name, "supercategory": "defect"} for name, number in classes.items()]
    yield b'],"categories":' + _json(categories) + b"}"


def batches(engine: Engine, wanted: Wanted) -> Iterator[Sequence[Mapping[str, Any]]]:
    after: str | None = None
    columns = [inspections.c[name] for name in (*_PLAIN, *TIMES.values())]
    while True:
        with asking(engine) as connection:
            asked = chosen(wanted, *columns, after=after).limit(ROWS_AT_ONCE)
            rows = [dict(row) for row in connection.execute(asked).mappings()]
        if rows:
            yield rows
        if len(rows) < ROWS_AT_ONCE:
            return
        after = rows[-1]["id"]


def _defects(engine: Engine, ids: Sequence[str]) -> Mapping[str, Sequence[Mapping[str, Any]]]:
    """Of these inspections, the findings that counted, as they came."""
    counted = findings.c.counted.is_(True)
    asked = select(findings).where(findings.c.inspection_id.in_(ids), counted)
    grouped: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
    with asking(engine) as connection:
        ordered = asked.order_by(findings.c.inspection_id, findings.c.number)
        for row in connection.execute(ordered).mappings():
            grouped[row["inspection_id"]].append(dict(row))
    return grouped


def _coco_image(number: int, row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": number,
        "file_name": f"{row['id']}.{row['image_format']}",
        "width": row["image_width"],
        "height": row["image_height"],
        "date_captured": _iso(row["captured_ms"] or row["received_ms"]),
        "inspection": row["id"],
        "line": row["line"],
        "part_id": row["part_id"],
        "verdict": row["verdict"],
    }


def _coco_annotation(number: int, image: int, category: int, finding: Mapping[str, Any]) -> dict[str, Any]:
    width, height = finding["x2"] - finding["x1"], finding["y2"] - finding["y1"]
    return {
        "id": number,
        "image_id": image,
        "category_id": category,
        "bbox": [round(value, 2) for value in (finding["x1"], finding["y1"], width, height)],
        "area": round(width * height, 2),
        "iscrowd": 0,
        "score": round(finding["score"], 5),
    }


def _cells(row: Mapping[str, Any]) -> list[str]:
    times = {name: _iso(row[column]) for name, column in TIMES.items()}
    return [_cell(times[name] if name in times else row[name]) for name in CSV_COLUMNS]


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.6g}"
    text = str(value)
    return f"'{text}" if text.startswith(FORMULA) else text


def _iso(milliseconds: int | None) -> str | None:
    if milliseconds is None:
        return None
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _csv(rows: Sequence[Sequence[str]]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows(rows)  # CRLF, as RFC 4180 has it
    return out.getvalue().encode()


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
