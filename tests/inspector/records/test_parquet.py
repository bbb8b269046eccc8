"""Parquet, read back as any other program reads it; on both databases."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from inspector.records import parquet
from inspector.records.export import CSV_COLUMNS, csv_of
from inspector.records.parquet import write_parquet
from inspector.records.search import Wanted
from inspector.records.write import write
from tests.inspector.records.conftest import Database
from tests.support.records import DOUBT, NOON, SPUR, entry, failure

NOTHING = Wanted()


def told(_: int) -> None: ...


def test_of_nothing_it_has_the_columns(database: Database, tmp_path: Path) -> None:
    file = tmp_path / "none.parquet"
    assert write_parquet(database.reader, NOTHING, file, told) == 0
    read = pq.read_table(file)
    assert (read.num_rows, tuple(read.column_names)) == (0, CSV_COLUMNS)


def test_it_has_the_rows_of_the_csv_with_types(database: Database, tmp_path: Path) -> None:
    moment = datetime(2026, 3, 2, 12, 0, 0, 250_000, tzinfo=UTC)
    made = [
        entry([SPUR], moment, part_id="=1+1", lot_id="批次", captured_at=moment - timedelta(seconds=1)),
        entry(error=failure(), line="L2"),
        entry([DOUBT], simulated=True),
    ]
    write(database.writer, made)
    file = tmp_path / "all.parquet"

    assert write_parquet(database.reader, NOTHING, file, told) == 3

    rows = {row["id"]: row for row in pq.read_table(file).to_pylist()}
    first = rows[made[0].id]
    assert (first["received_at"], first["captured_at"]) == (moment, moment - timedelta(seconds=1))
    assert (first["part_id"], first["lot_id"]) == ("=1+1", "批次"), "as they are, no ' before a formula"
    assert (first["verdict"], first["accept"], first["defects"]) == ("NG", False, 1)
    assert first["top_score"] == pytest.approx(0.9)
    failed = rows[made[1].id]
    assert (failed["state"], failed["verdict"], failed["top_score"]) == ("failed", None, None)
    assert rows[made[2].id]["simulated"] is True
    text = b"".join(csv_of(database.reader, NOTHING)).decode()
    assert [row["id"] for row in csv.DictReader(io.StringIO(text))] == list(rows), "in the same order"


def test_many_are_written_group_by_group(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inspector.records.export.ROWS_AT_ONCE", 3)
    monkeypatch.setattr(parquet, "ROWS_IN_A_GROUP", 6)
    made = [entry(moment=NOON + timedelta(seconds=n)) for n in range(14)]
    write(database.writer, made)
    counts: list[int] = []
    file = tmp_path / "many.parquet"

    assert write_parquet(database.reader, NOTHING, file, counts.append) == 14

    with pq.ParquetFile(file) as read:
        sizes = [read.metadata.row_group(n).num_rows for n in range(read.metadata.num_row_groups)]
        ids = read.read(["id"])["id"].to_pylist()
    assert sizes == [6, 6, 2]
    assert counts == [6, 12, 14]
    assert ids == [one.id for one in reversed(made)]


def test_a_filter_holds(database: Database, tmp_path: Path) -> None:
    ng = entry([SPUR], NOON + timedelta(hours=1))
    write(database.writer, [ng, entry([SPUR]), entry(moment=NOON + timedelta(hours=1))])
    wanted = Wanted(verdict="NG", since=NOON + timedelta(minutes=1))
    file = tmp_path / "ng.parquet"
    write_parquet(database.reader, wanted, file, told)
    assert pq.read_table(file)["id"].to_pylist() == [ng.id]
