from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from inspector.decision.verdict import Detection
from inspector.engines.conclude import conclude, outcome
from inspector.engines.postprocess import Inspection
from inspector.messages.result import AttentionFacts, Classification, ModelRef, Result, State, Timings
from tests.support.images import grey_png, job_of

MODEL = ModelRef(name="m", version="1", sha256="ab")
TIMINGS = Timings(queued=1, decode=2, inference=3, total=6)
IMAGE = grey_png(32, 32)
RECEIVED = datetime(2026, 1, 1, tzinfo=UTC)
LATER = RECEIVED + timedelta(milliseconds=100)


def seen(*detections: Detection) -> Inspection:
    return Inspection(
        detections=list(detections),
        classification=Classification(defective=0.1, classes={"spur": 0.1}),
        attention=np.zeros((4, 4), np.uint8),
        facts=AttentionFacts(source="gate", width=4, height=4, min=0, max=0),
    )


SPUR = Detection("spur", 0.9, (1, 2, 3, 4))


@pytest.mark.parametrize(
    ("inspection", "deadline_ms", "verdict", "missed", "accept"),
    [
        (seen(), None, "OK", False, True),
        (seen(), 100, "OK", False, True),
        (seen(), 99, "OK", True, False),
        (seen(SPUR), None, "NG", False, False),
        (seen(SPUR), 50, "NG", True, False),
    ],
)
def test_only_ok_and_in_time_is_accepted(
    inspection: Inspection, deadline_ms: int | None, verdict: str, missed: bool, accept: bool
) -> None:
    job = job_of(IMAGE, received_at=RECEIVED, deadline_ms=deadline_ms)

    result = conclude(job, inspection, MODEL, TIMINGS, LATER)
    final = outcome(job.id, result)

    assert (result.verdict, result.deadline_missed) == (verdict, missed)
    assert (final.state, final.accept, final.error) == (State.DONE, accept, None)


def test_the_result_carries_what_the_job_said() -> None:
    job = job_of(IMAGE, part_id="P 1", lot_id="L/2", station="S", view="top", simulated=True)

    result = conclude(job, seen(SPUR), MODEL, TIMINGS, LATER)

    assert (result.part_id, result.lot_id, result.station, result.view) == ("P 1", "L/2", "S", "top")
    assert (result.line, result.image, result.recipe) == (job.line, job.image, job.recipe.ref())
    assert result.simulated


def test_the_bytes_of_an_outcome_are_a_result_as_the_api_shows_it() -> None:
    job = job_of(IMAGE)
    result = conclude(job, seen(SPUR), MODEL, TIMINGS, LATER)

    text = outcome(job.id, result).result

    assert text is not None
    assert Result.model_validate_json(text) == result
    assert json.loads(text)["findings"][0]["class"] == "spur"
