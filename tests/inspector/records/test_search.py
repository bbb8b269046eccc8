"""Filters, pages and exports, on both databases."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from inspector.errors import RecordsUnavailable, SettingsError
from inspector.records.database import asking, reader, sqlite_url, url_of
from inspector.records.export import coco_of, csv_of
from inspector.records.rows import Entry, Kept
from inspector.records.search import Wanted, page
from inspector.records.write import write
from tests.inspector.records.conftest import Database
from tests.support.records import DOUBT, FAINT, NOON, SPUR, entry, failure

LATER = NOON + timedelta(hours=1)


def ids(database: Database, limit: int = 50, **wanted: Any) -> list[str]:
    return [one.outcome.id for one in page(database.reader, Wanted(**wanted), limit).found]


def test_an_empty_database_has_an_empty_page(database: Database) -> None:
    assert page(database.reader, Wanted(), 5) == page(database.reader, Wanted(lines=["L1"]), 1)
    assert page(database.reader, Wanted(), 5).next is None
    assert ids(database, defect_class="spur") == []


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, "hgfedcba"),
        ({"lines": ["L1"]}, "gfedcba"),
        ({"lines": ["L2"]}, "h"),
        ({"lines": ["L1", "L2"]}, "hgfedcba"),
        ({"lines": ["nobody"]}, ""),
        ({"station": "S1"}, "b"),
        ({"view": "top"}, "b"),
        ({"part_id": "SN-1"}, "b"),
        ({"lot_id": "LOT"}, "cb"),
        ({"recipe": "board-a"}, "hgfedcba"),
        ({"recipe": "other"}, ""),
        ({"verdict": "NG"}, "hcb"),
        ({"verdict": "REVIEW"}, "d"),
        ({"verdict": "NG", "lines": ["L1"]}, "cb"),
        ({"state": "failed"}, "f"),
        ({"simulated": True}, "g"),
        ({"simulated": False}, "hfedcba"),
        ({"defect_class": "spur"}, "hcb"),
        ({"defect_class": "open"}, ""),  # none counted
        ({"defect_class": "open", "min_score": 0.05}, "edb"),
        ({"defect_class": "open", "min_score": 0.4}, "db"),
        ({"defect_class": "open", "max_score": 0.4}, "e"),
        ({"defect_class": "spur", "lines": ["L1"], "verdict": "NG"}, "cb"),
        ({"min_score": 0.5}, "hcb"),
        ({"max_score": 0.5}, "ed"),
        ({"since": LATER}, "hgfe"),
        ({"until": LATER}, "dcba"),
        ({"since": NOON, "until": LATER, "defect_class": "spur"}, "cb"),
    ],
)
def test_each_filter(database: Database, wanted: dict[str, Any], found: str) -> None:
    made: dict[str, Entry] = {
        "a": entry(),
        "b": entry([SPUR, DOUBT], part_id="SN-1", lot_id="LOT", station="S1", view="top"),
        "c": entry([SPUR], lot_id="LOT"),
        "d": entry([DOUBT]),
        "e": entry([FAINT], LATER),
        "f": entry(moment=LATER, error=failure()),
        "g": entry(moment=LATER, simulated=True),
        "h": entry([SPUR], LATER, line="L2"),
    }
    write(database.writer, list(made.values()))
    names = {one.id: name for name, one in made.items()}
    assert "".join(names[one] for one in ids(database, **wanted)) == found


@pytest.mark.parametrize("defect_class", [None, "spur"])
def test_pages_stay_right_while_parts_arrive(database: Database, defect_class: str | None) -> None:
    there = [entry([SPUR], NOON + timedelta(seconds=n)) for n in range(7)]
    write(database.writer, there)
    wanted = Wanted(defect_class=defect_class)

    seen, after = [], None
    for number in range(10):
        now = page(database.reader, wanted, 3, after)
        seen += [one.outcome.id for one in now.found]
        write(database.writer, [entry([SPUR], LATER + timedelta(seconds=number))])
        after = now.next
        if after is None:
            break

    assert seen == [one.id for one in reversed(there)]


def test_what_is_kept_is_told(database: Database) -> None:
    with_map, without = entry([SPUR]), entry([SPUR])
    write(
        database.writer,
        [
            replace(with_map, kept=Kept("a.jpg", "a.png", bytes=5, sampled=False)),
            replace(without, kept=Kept("b.jpg", bytes=5, sampled=False)),
            entry(),
        ],
    )
    found = page(database.reader, Wanted(), 5).found
    assert [(one.has_image, one.has_attention) for one in found] == [
        (False, False),
        (True, False),
        (True, True),
    ]


# --- exports ------------------------------------------------------------------------------------------------


def rows_of(database: Database, **wanted: Any) -> list[dict[str, str]]:
    content = b"".join(csv_of(database.reader, Wanted(**wanted))).decode()
    return list(csv.DictReader(io.StringIO(content)))


def test_a_csv_of_nothing_has_its_head(database: Database) -> None:
    assert b"".join(csv_of(database.reader, Wanted())).startswith(
        b"id,received_at,finished_at,captured_at,line,"
    )
    assert rows_of(database) == []


def test_a_csv_has_every_row_once(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inspector.records.export.ROWS_AT_ONCE", 3)
    made = [entry([SPUR], part_id='SN, 1 "2"') for _ in range(9)]
    write(database.writer, [*made, entry(line="L2")])
    rows = rows_of(database, lines=["L1"])
    assert [row["id"] for row in rows] == [one.id for one in reversed(made)]
    first = rows[0]
    told = (first["received_at"], first["verdict"], first["accept"], first["part_id"], first["total_took_ms"])
    assert told == ("2026-03-02T12:00:00.000Z", "NG", "false", 'SN, 1 "2"', "30")
    assert first["lot_id"] == ""


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)"])
def test_no_spreadsheet_runs_what_stands_on_a_part(database: Database, text: str) -> None:
    write(database.writer, [entry(part_id=text)])
    assert rows_of(database)[0]["part_id"] == f"'{text}"


def test_a_coco_of_nothing(database: Database) -> None:
    document = json.loads(b"".join(coco_of(database.reader, Wanted())))
    assert (document["images"], document["annotations"], document["categories"]) == ([], [], [])


def test_a_coco_has_the_findings_that_counted(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inspector.records.export.ROWS_AT_ONCE", 2)
    made = [entry(), entry([SPUR, FAINT]), entry([SPUR, SPUR], part_id="é"), entry(error=failure())]
    write(database.writer, made)
    document = json.loads(b"".join(coco_of(database.reader, Wanted())))
    assert [image["inspection"] for image in document["images"]] == [made[2].id, made[1].id, made[0].id]
    assert document["images"][0]["part_id"] == "é"
    assert document["images"][0]["file_name"] == f"{made[2].id}.jpeg"
    assert [(one["image_id"], one["category_id"]) for one in document["annotations"]] == [
        (1, 1),
        (1, 1),
        (2, 1),
    ]
    assert document["annotations"][0]["bbox"] == [10.0, 20.0, 20.0, 20.0]
    assert document["categories"] == [{"id": 1, "name": "spur", "supercategory": "defect"}]


# --- a database that is not as it should be -----------------------------------------------------------------


def test_a_database_that_is_not_there_is_not_made_by_asking(tmp_path: Any) -> None:
    engine = reader(sqlite_url(tmp_path / "records.db"))
    with pytest.raises(RecordsUnavailable):
        page(engine, Wanted(), 1)
    assert list(tmp_path.iterdir()) == []
    engine.dispose()


def test_a_database_without_tables_is_unavailable(empty_url: str, tmp_path: Any) -> None:
    if empty_url.startswith("sqlite"):
        (tmp_path / "records.db").touch()
    engine = reader(empty_url)
    with pytest.raises(RecordsUnavailable, match=r"no such table|does not exist"):
        page(engine, Wanted(), 1)
    engine.dispose()


def test_a_question_has_a_limit_of_time(database: Database) -> None:
    numbers = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1e9) SELECT max(i) FROM n"
    )
    engine = reader(database.url, timedelta(milliseconds=200))

    def ask() -> Callable[[], object]:
        with asking(engine, timedelta(milliseconds=200)) as connection:
            return connection.execute(text(numbers)).scalar_one  # its first row is fetched here

    with pytest.raises(RecordsUnavailable):
        ask()
    engine.dispose()


def test_a_reader_cannot_write(database: Database) -> None:
    with pytest.raises(Exception, match=r"readonly|read-only"):
        write(database.reader, [entry()])


@pytest.mark.parametrize(
    "url", ["", "x", "mysql://h/d", "sqlite://", "postgresql://u:secret@h", "sqlite:/x/y"]
)
def test_a_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(SettingsError) as refused:
        url_of(url)
    assert "secret" not in str(refused.value)
