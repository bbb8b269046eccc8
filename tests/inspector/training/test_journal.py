"""metrics.jsonl: what was added is read back, without a line that a kill has cut."""

from __future__ import annotations

from pathlib import Path

from inspector.training.journal import Journal


def test_no_file_is_no_row(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "run")
    assert journal.rows() == []
    journal.forget_after(5)
    assert not journal.path.exists()


def test_rows_come_back_and_a_line_that_a_kill_cut_is_left_out(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "run")
    rows = [{"step": 1, "losses": {"box": 0.5}}, {"step": 2, "validation": {"map50": 0.1}, "best": True}]
    for row in rows:
        journal.add(row)
    with journal.path.open("a") as file:
        file.write('{"step": 3, "los')
    assert journal.rows() == rows


def test_going_on_forgets_what_came_after(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    for step in (10, 20, 30):
        journal.add({"step": step})
    journal.forget_after(20)
    assert [row["step"] for row in journal.rows()] == [10, 20]
    journal.forget_after(-1)
    assert journal.rows() == []
