"""Job + Inspection -> Result: the verdict by the job's recipe, and all that stands on it."""

from __future__ import annotations

from datetime import datetime

from inspector.decision.verdict import judge
from inspector.engines.postprocess import Inspection
from inspector.messages.job import Job
from inspector.messages.result import ModelRef, Outcome, Result, State, Timings, Verdict


def conclude(job: Job, seen: Inspection, model: ModelRef, timings: Timings, finished_at: datetime) -> Result:
    """`finished_at` (UTC) decides whether the job's deadline was kept."""
    size = (job.image.height, job.image.width)
    judgement = judge(seen.detections, seen.classification, job.recipe, size=size)
    return Result.of(
        job,
        verdict=judgement.verdict,
        reasons=judgement.reasons,
        findings=judgement.findings,
        classification=seen.classification,
        attention=seen.facts,
        model=model,
        timings_ms=timings,
        finished_at=finished_at,
    )


def outcome(inspection_id: str, result: Result) -> Outcome:
    """Done. Serialised here, once; accepted only when OK and in time."""
    accept = result.verdict is Verdict.OK and not result.deadline_missed
    return Outcome(
        inspection_id, result.line, State.DONE, accept=accept, result=result.model_dump_json().encode()
    )
