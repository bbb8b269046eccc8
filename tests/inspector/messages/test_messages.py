"""What crosses a process boundary: the shapes of names, and JSON that both sides read alike."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import TypeAdapter, ValidationError

from inspector.errors import BrokenImage, DeadlineExpired
from inspector.messages.job import ImageFacts, Job
from inspector.messages.names import Label, Name
from inspector.messages.recipe import Recipe
from inspector.messages.result import Finding, State, failed

NAME: TypeAdapter[str] = TypeAdapter(Name)
LABEL: TypeAdapter[str] = TypeAdapter(Label)
T0 = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def job(**fields: object) -> Job:
    facts = ImageFacts(width=4, height=3, format="png", bytes=10, sha256="0" * 64)
    given = {"id": "i", "image": facts, "recipe": Recipe(id="default", version=1), "received_at": T0}
    return Job.model_validate({**given, **fields})


@pytest.mark.parametrize("name", ["L1", "a", "9", "a.b-c_d", "A" * 64])
def test_names_that_are_allowed(name: str) -> None:
    assert NAME.validate_python(name) == name


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../../x", "-a", "_a", "a b", "a\n", "<b>", "ä", "A" * 65, "a/b", "a\x00"]
)
def test_names_that_are_not(name: str) -> None:
    with pytest.raises(ValidationError):
        NAME.validate_python(name)


@pytest.mark.parametrize("label", ["SN-1", "ü 4/7", "<img src=x>", "x" * 128])
def test_labels_are_whatever_is_printed_on_the_part(label: str) -> None:
    assert LABEL.validate_python(label) == label


@pytest.mark.parametrize("label", ["", "x" * 129, "a\n", "a\x00", "\x1b[31m", "a\u2028b", "a\u202eb"])
def test_labels_hold_no_control_characters(label: str) -> None:
    with pytest.raises(ValidationError):
        LABEL.validate_python(label)


def test_a_job_survives_its_journey_and_ignores_what_a_newer_gateway_adds() -> None:
    sent = job(line="L1", part_id="ü", deadline_ms=50)
    newer = {**json.loads(sent.model_dump_json()), "colour_of_the_bike_shed": "green"}
    assert Job.model_validate_json(json.dumps(newer)) == sent


def test_the_deadline_counts_from_receipt() -> None:
    assert not job().missed(T0 + timedelta(days=1))
    timed = job(deadline_ms=50)
    assert not timed.missed(T0 + timedelta(milliseconds=50))
    assert timed.missed(T0 + timedelta(milliseconds=51))


def test_a_finding_says_class_in_json() -> None:
    finding = Finding(defect_class="spur", score=0.5, box=(1, 2, 3, 4), counted=True, threshold=0.5)
    assert json.loads(finding.model_dump_json())["class"] == "spur"
    assert Finding.model_validate_json(finding.model_dump_json()) == finding


def test_a_failed_or_expired_image_never_accepts_and_says_what_to_do() -> None:
    outcome = failed("i", "L1", BrokenImage("cut short"))
    assert (outcome.state, outcome.accept, outcome.result) == (State.FAILED, False, None)
    error = json.loads(outcome.error or b"")
    assert error["code"] == "broken-image"
    assert (error["title"], error["advice"]) == (BrokenImage.title, BrokenImage.advice)
    assert error["detail"] == "cut short"
    assert error["part"]["line"] == "L1"
    assert failed("i", "L1", DeadlineExpired("late")).state is State.EXPIRED


def test_a_part_without_a_result_can_still_be_found_on_the_line() -> None:
    lost = job(line="L1", station="S2", part_id="SN-7", lot_id="B")
    error = json.loads(failed("i", "L1", BrokenImage("cut short"), lost).error or b"")
    assert error["part"] == {
        "line": "L1",
        "station": "S2",
        "view": None,
        "part_id": "SN-7",
        "lot_id": "B",
        "captured_at": None,
        "received_at": "2026-01-02T03:04:05Z",
    }
