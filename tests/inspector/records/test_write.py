"""Each inspection once, whole, whatever comes twice and in whatever order."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, func, select

from inspector.errors import InspectionNotFound
from inspector.messages.result import State
from inspector.records.rows import Entry, Kept, entry_of
from inspector.records.search import look_up
from inspector.records.tables import class_scores, documents, findings, inspections, kept
from inspector.records.write import write
from tests.inspector.records.conftest import Database
from tests.support.records import DOUBT, FAINT, NOON, SPUR, done, entry, failure, job_at


def rows(engine: Engine, table: Any = inspections) -> list[dict[str, Any]]:
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(select(table)).mappings()]


def count(engine: Engine, table: Any) -> int:
    with engine.connect() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def first_looks(engine: Engine) -> set[str]:
    return {row["id"] for row in rows(engine) if row["first_look"]}


def test_nothing_to_write(engine: Engine) -> None:
    assert write(engine, []) == 0
    assert rows(engine) == []


def test_all_that_is_known_of_a_rejected_part(engine: Engine) -> None:
    at = NOON - timedelta(seconds=1)
    one = entry(
        [SPUR, DOUBT, FAINT],
        station="AOI-2",
        view="top",
        part_id="SN-1 é",
        lot_id="LOT 7",
        captured_at=at,
    )
    assert write(engine, [one]) == 1

    [row] = rows(engine)
    told = {
        "line": "L1",
        "station": "AOI-2",
        "view": "top",
        "part_id": "SN-1 é",
        "lot_id": "LOT 7",
        "recipe_id": "board-a",
        "recipe_version": 3,
        "model_name": "pcb",
        "model_version": "2026.11.22",
        "state": "done",
        "verdict": "NG",
        "accept": False,
        "defects": 1,
        "captured_ms": int(at.timestamp() * 1000),
        "received_ms": int(NOON.timestamp() * 1000),
        "finished_ms": int(NOON.timestamp() * 1000) + 30,
        "total_took_ms": 30.0,
        "image_width": 4,
        "image_height": 3,
        "image_format": "jpeg",
        "error_code": None,
    }
    assert {name: row[name] for name in told} == told
    found = sorted(rows(engine, findings), key=lambda row: row["number"])
    assert [(row["class"], row["counted"], row["why"]) for row in found] == [
        ("spur", True, "above_threshold"),
        ("open", False, "below_threshold"),  # an NG part has no review band: its reasons are the defects
        ("open", False, "below_threshold"),
    ]
    assert (found[0]["x1"], found[0]["y2"], round(found[2]["score"], 4)) == (10.0, 40.0, 0.06)
    by_class = {
        row["class"]: (round(row["top_score"], 4), row["defects"]) for row in rows(engine, class_scores)
    }
    assert by_class == {"spur": (0.9, 1), "open": (0.45, 0)}


def test_why_a_part_is_for_a_person_to_decide(engine: Engine) -> None:
    write(engine, [entry([DOUBT, FAINT])])
    [row] = rows(engine)
    assert row["verdict"] == "REVIEW"
    assert {one["why"] for one in rows(engine, findings)} == {"in_review_band", "below_threshold"}


def test_a_second_name_for_one_place_is_told_as_such(engine: Engine) -> None:
    write(engine, [entry([SPUR, SPUR._replace(defect_class="open", score=0.8)])])
    found = sorted(rows(engine, findings), key=lambda row: row["number"])
    assert [(row["class"], row["counted"], row["why"]) for row in found] == [
        ("spur", True, "above_threshold"),
        ("open", False, "same_place"),
    ]
    assert rows(engine)[0]["defects"] == 1


def test_the_result_comes_back_byte_for_byte(database: Database) -> None:
    job = job_at()
    outcome = done(job, [SPUR])
    write(database.writer, [entry_of(outcome, 1, NOON)])
    known = look_up(database.reader, job.id)
    assert known.outcome == outcome
    assert (known.line, known.place) == ("L1", None)
    with pytest.raises(InspectionNotFound):
        look_up(database.reader, "0" * 32)


def test_a_failed_image_says_whose_it_was_and_by_which_recipe(database: Database) -> None:
    one = entry(error=failure(), part_id="SN-2", station="AOI-1")
    write(database.writer, [one])
    [row] = rows(database.writer)
    said = {name: row[name] for name in ("state", "verdict", "error_code", "part_id", "station", "recipe_id")}
    assert said == {
        "state": "failed",
        "verdict": None,
        "error_code": "inspection-failed",
        "part_id": "SN-2",
        "station": "AOI-1",
        "recipe_id": "board-a",
    }
    known = look_up(database.reader, one.id)
    assert known.outcome.state is State.FAILED
    assert known.outcome.result is None
    assert b"the device hangs" in (known.outcome.error or b"")


def test_the_same_again_changes_nothing(engine: Engine) -> None:
    batch = [entry([SPUR, FAINT]), entry()]
    assert write(engine, batch) == 2
    before = [rows(engine, table) for table in (inspections, findings, class_scores, documents)]
    assert write(engine, [batch[1], entry([SPUR]), batch[0]]) == 1
    write(engine, batch)
    after = [rows(engine, table) for table in (inspections, findings, class_scores, documents)]
    assert [len(some) for some in after] == [len(some) + 1 for some in before[:1]] + [
        len(before[1]) + 1,
        len(before[2]) + 1,
        len(before[3]) + 1,
    ]


def test_one_id_twice_in_a_batch_is_its_later_outcome(engine: Engine) -> None:
    job = job_at()
    early = entry_of(done(job), 1, NOON)
    late = entry_of(done(job, [SPUR]), 2, NOON)
    assert write(engine, [late, early]) == 1
    assert [row["verdict"] for row in rows(engine)] == ["NG"]


@pytest.mark.parametrize("in_order", [True, False])
def test_a_later_outcome_takes_the_place_of_an_earlier_one(engine: Engine, in_order: bool) -> None:
    job = job_at()
    buried = replace(entry(error=failure()), kept=Kept("L1/a.jpg", bytes=5, sampled=False))
    buried.inspection["id"] = job.id
    early, late = buried, entry_of(done(job, [SPUR]), early_order(buried) + 1, NOON)
    for one in (early, late) if in_order else (late, early):
        write(engine, [one])
    [row] = rows(engine)
    assert (row["state"], row["verdict"]) == ("done", "NG")
    assert count(engine, documents) == count(engine, findings) == 1
    assert [row["image"] for row in rows(engine, kept)] == (["L1/a.jpg"] if in_order else [])


def early_order(one: Entry) -> int:
    return one.announced


def test_a_result_that_this_version_cannot_read_is_recorded_all_the_same(database: Database) -> None:
    job = job_at()
    outcome = replace(done(job), result=b'{"verdict": "MAYBE"}')
    write(database.writer, [entry_of(outcome, 1, NOON)])
    [row] = rows(database.writer)
    assert (row["id"], row["line"], row["state"], row["verdict"]) == (job.id, "L1", "done", None)
    assert look_up(database.reader, job.id).outcome.result == b'{"verdict": "MAYBE"}'


def test_what_a_database_does_not_take_is_written_bare(engine: Engine) -> None:
    one = entry([SPUR], part_id="SN-1")
    one.inspection["image_width"] = "not a number of pixels" if engine.dialect.name == "postgresql" else None
    write(engine, [one.bare()])
    [row] = rows(engine)
    assert (row["id"], row["state"], row["part_id"]) == (one.id, "done", None)
    assert count(engine, documents) == 1


# --- the first verdict of a part ----------------------------------------------------------------------------


def test_only_the_first_verdict_of_a_part_is_a_first_look(engine: Engine) -> None:
    first, second, other = entry([SPUR], part_id="A"), entry(part_id="A"), entry(part_id="B")
    without, without_too = entry(), entry()
    write(engine, [first, second, other, without, without_too])
    third = entry(part_id="A")
    write(engine, [third])
    assert first_looks(engine) == {first.id, other.id, without.id, without_too.id}


def test_each_view_and_station_has_its_first_look(engine: Engine) -> None:
    looks = [
        entry(part_id="A", station="S1", view="top"),
        entry(part_id="A", station="S1", view="bottom"),
        entry(part_id="A", station="S2", view="top"),
        entry(part_id="A", lot_id="next lot"),
    ]
    write(engine, looks)
    assert first_looks(engine) == {one.id for one in looks}


def test_what_is_recorded_late_is_first_all_the_same(engine: Engine) -> None:
    first, second = entry([SPUR], part_id="A"), entry(part_id="A")
    write(engine, [second])
    assert first_looks(engine) == {second.id}
    write(engine, [first])
    assert first_looks(engine) == {first.id}


def test_an_image_without_a_verdict_was_no_look(engine: Engine) -> None:
    broken, second = entry(error=failure(), part_id="A"), entry(part_id="A")
    write(engine, [broken, second])
    assert first_looks(engine) == {second.id}
