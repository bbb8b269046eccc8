"""Outcomes as workers write them, for tests of records: ids ordered by time, as the gateway gives them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from inspector.decision.verdict import Detection, judge
from inspector.errors import InspectionFailed, InspectorError
from inspector.messages.job import Job
from inspector.messages.recipe import Recipe, Review, Thresholds
from inspector.messages.result import (
    AttentionFacts,
    Classification,
    ModelRef,
    Outcome,
    Result,
    State,
    Timings,
    Verdict,
    failed,
)
from inspector.records.rows import Entry, entry_of
from tests.support.jobs import IMAGE, job_for

RECIPE = Recipe(id="board-a", version=3, thresholds=Thresholds(default=0.5), review=Review(margin=0.1))
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
"""A Monday."""

_numbers = itertools.count(1)

SPUR = Detection("spur", 0.9, (10.0, 20.0, 30.0, 40.0))
FAINT = Detection("open", 0.06, (1.0, 2.0, 3.0, 4.0))
DOUBT = Detection("open", 0.45, (5.0, 6.0, 7.0, 8.0))


def id_at(moment: datetime) -> str:
    """As api.gateway.new_id: the milliseconds, then a number that tells those of one apart."""
    return f"{int(moment.timestamp() * 1000):012x}7{next(_numbers):019x}"


def job_at(moment: datetime = NOON, **changes: Any) -> Job:
    fields = {"id": id_at(moment), "recipe": RECIPE, "received_at": moment}
    return job_for(IMAGE, **{**fields, **changes})


def result_of(job: Job, detections: Sequence[Detection] = (), total_ms: float = 30.0) -> Result:
    """The verdict is the recipe's."""
    seen = Classification(defective=0.1, classes={"spur": 0.1, "open": 0.1})
    judged = judge(detections, seen, job.recipe, size=(job.image.height, job.image.width))
    return Result.of(
        job,
        verdict=judged.verdict,
        reasons=judged.reasons,
        findings=judged.findings,
        classification=seen,
        attention=AttentionFacts(source="neck.p3.spatial", width=2, height=2, min=0.0, max=1.0),
        model=ModelRef(name="pcb", version="2026.11.22", sha256="ab"),
        timings_ms=Timings(queued=1.0, decode=2.0, inference=20.0, total=total_ms),
        finished_at=job.received_at + timedelta(milliseconds=total_ms),
    )


def done(job: Job, detections: Sequence[Detection] = (), total_ms: float = 30.0) -> Outcome:
    result = result_of(job, detections, total_ms)
    accept = result.verdict is Verdict.OK and not result.deadline_missed
    return Outcome(job.id, job.line, State.DONE, accept, result=result.model_dump_json().encode())


def entry(
    detections: Sequence[Detection] = (),
    moment: datetime = NOON,
    *,
    total_ms: float = 30.0,
    error: InspectorError | None = None,
    **changes: Any,
) -> Entry:
    """One image that reached its end."""
    job = job_at(moment, **changes)
    outcome = failed(job.id, job.line, error, job) if error else done(job, detections, total_ms)
    return entry_of(
        outcome, next(_numbers), moment + timedelta(milliseconds=total_ms), job if error else None
    )


def failure(detail: str = "the device hangs") -> InspectorError:
    return InspectionFailed(detail)
