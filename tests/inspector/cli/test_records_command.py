"""`inspector records export`, as an engineer runs it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from inspector.cli.app import app
from inspector.records.database import sqlite_url, writer
from inspector.records.migrate import upgrade
from inspector.records.write import write
from tests.support.records import NOON, SPUR, entry

run = CliRunner()


@pytest.fixture
def var(tmp_path: Path) -> Path:
    """The folder of a stack: four inspections of two lines, an hour apart."""
    engine = writer(sqlite_url(tmp_path / "records.db"))
    upgrade(engine)
    write(
        engine,
        [entry([SPUR], NOON + timedelta(hours=n), line=f"L{1 + n % 2}", part_id=f"SN-{n}") for n in range(4)],
    )
    engine.dispose()
    return tmp_path


def export(var: Path, *words: str) -> tuple[int, str]:
    done = run.invoke(app, ["records", "export", "--data-dir", str(var), *words])
    return done.exit_code, done.output


def test_a_span_of_a_line(var: Path) -> None:
    file = var / "shift.parquet"
    code, said = export(var, "--parquet", str(file), "--line", "L1", "--since", "2026-03-02T13:00:00Z")
    assert code == 0, said
    assert "shift.parquet: 1 rows, " in said
    assert pq.read_table(file)["part_id"].to_pylist() == ["SN-2"]
    assert not (var / "shift.parquet.part").exists()


def test_by_the_url_of_the_database(var: Path, tmp_path: Path) -> None:
    file = tmp_path / "all.parquet"
    url = sqlite_url(var / "records.db")
    code, said = export(tmp_path / "elsewhere", "--database-url", url, "--parquet", str(file))
    assert code == 0, said
    assert pq.read_table(file).num_rows == 4


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--since", "yesterday"], "--since yesterday: write a time with its zone"),
        (["--until", "2026-03-02T12:00:00"], "write a time with its zone"),
        (["--verdict", "ok"], "--verdict ok: OK, NG or REVIEW"),
        (["--database-url", "mysql://h/d"], "error: "),
    ],
)
def test_what_cannot_be_asked_is_one_line(var: Path, words: list[str], said: str) -> None:
    code, output = export(var, "--parquet", str(var / "x.parquet"), *words)
    assert code == 1
    assert said in output
    assert len(output.splitlines()) == 1
    assert list(var.glob("x.parquet*")) == []


def test_a_file_that_is_there_is_not_written_over(var: Path) -> None:
    file = var / "old.parquet"
    file.write_bytes(b"somebody's")
    code, said = export(var, "--parquet", str(file))
    assert (code, "it exists already" in said) == (1, True)
    assert file.read_bytes() == b"somebody's"


def test_a_place_that_cannot_be_written(var: Path) -> None:
    code, said = export(var, "--parquet", str(var / "no" / "x.parquet"))
    assert (code, "cannot be written" in said) == (1, True)


def test_without_records(tmp_path: Path) -> None:
    code, said = export(tmp_path, "--parquet", str(tmp_path / "x.parquet"))
    assert (code, "there is no" in said) == (1, True)
