"""The benchmark of the records, with a few thousand rows instead of ten million."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import records, records_report, records_rows
from inspector.errors import SettingsError
from inspector.records.database import reader
from tests.support.postgres import PostgresServer


def test_a_table_of_medians_and_the_plans_behind_it(postgres: PostgresServer) -> None:
    url = postgres.database()
    maker = records_rows.opened(url)
    assert records.rows_in(maker) == 0
    records_rows.fill(maker, 3000, lambda _: None)
    assert records.rows_in(maker) == 3000
    maker.dispose()
    engine = reader(url)
    answers = [records.ask(engine, question, runs=1) for question in records.questions(3000)]
    engine.dispose()

    lines = records_report.table(answers).splitlines()
    found = {line.split(" | ")[1]: line.split(" | ")[2] for line in lines[2:]}
    assert found["line"] == "50"
    assert found["all there is, by day"] == "2,999"
    assert "Index Scan" in records_report.plans(answers)


def test_another_database_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="give postgresql://"):
        records_rows.opened(f"sqlite:///{tmp_path}/records.db")
