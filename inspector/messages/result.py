"""Result: what a worker says about one image, and Outcome: the terminal state an image reached.

The worker serialises a Result once. Those bytes are what Redis holds and what the gateway splices,
unparsed, into its answer: nothing downstream needs this module to pass a result on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from inspector.errors import DeadlineExpired, InspectorError
from inspector.messages.job import ImageFacts, Job
from inspector.messages.recipe import RecipeRef


class Verdict(StrEnum):
    OK = "OK"
    NG = "NG"
    REVIEW = "REVIEW"


class State(StrEnum):
    """queued until exactly one of the others; those are terminal."""

    QUEUED = "queued"
    DONE = "done"
    FAILED = "failed"
    EXPIRED = "expired"

    @property
    def terminal(self) -> bool:
        return self is not State.QUEUED


class Message(BaseModel):
    # by_name and alias: `class` is a Python word, so fields are `defect_class` here and `class` in JSON.
    model_config = ConfigDict(frozen=True, populate_by_name=True, serialize_by_alias=True)


DefectClass = Annotated[str, Field(alias="class")]


class Reason(Message):
    """Why the verdict is what it is; `text` is the sentence an operator reads."""

    code: Literal["above_threshold", "in_review_band", "image_defective", "unexpected_size"]
    defect_class: Annotated[str | None, Field(alias="class")] = None
    score: float | None = None
    threshold: float | None = None
    text: str


class Finding(Message):
    """One box. Pixels of the source image, x right, y down, x2 and y2 exclusive: (x1, y1, x2, y2)."""

    defect_class: DefectClass
    score: float
    box: tuple[float, float, float, float]
    counted: bool
    """It is a defect of the part: it makes it NG."""
    threshold: float
    same_place_as: str | None = None
    """Class of the stronger finding that counts at this place instead; None for all others."""

    @property
    def reached(self) -> bool:
        """Its score reaches its threshold, whether it counts or a stronger one at its place does."""
        return self.score >= self.threshold


class Classification(Message):
    """Image-level scores, 0-1; `classes` are not exclusive of each other."""

    defective: float
    classes: dict[str, float]


class AttentionFacts(Message):
    """The spatial map that stands beside the result. `source` names the gate it was read from."""

    source: str
    width: int
    height: int
    min: float
    max: float


class ModelRef(Message):
    name: str
    version: str
    sha256: str


class Timings(Message):
    """Milliseconds. queued: received to taken; total: received to finished."""

    queued: float
    decode: float
    inference: float
    total: float


class Result(Message):
    verdict: Verdict
    reasons: list[Reason]
    findings: list[Finding]
    classification: Classification
    attention: AttentionFacts
    image: ImageFacts
    line: str
    station: str | None
    view: str | None
    part_id: str | None
    lot_id: str | None
    recipe: RecipeRef
    model: ModelRef
    simulated: bool
    timings_ms: Timings
    captured_at: datetime | None
    received_at: datetime
    finished_at: datetime
    deadline_ms: int | None
    deadline_missed: bool

    @classmethod
    def of(
        cls,
        job: Job,
        *,
        verdict: Verdict,
        reasons: Sequence[Reason],
        findings: Sequence[Finding],
        classification: Classification,
        attention: AttentionFacts,
        model: ModelRef,
        timings_ms: Timings,
        finished_at: datetime,
    ) -> Result:
        """What a worker says, beside what the job says of the part. `finished_at` (UTC) ends its deadline."""
        return cls(
            verdict=verdict,
            reasons=list(reasons),
            findings=list(findings),
            classification=classification,
            attention=attention,
            image=job.image,
            line=job.line,
            station=job.station,
            view=job.view,
            part_id=job.part_id,
            lot_id=job.lot_id,
            recipe=job.recipe.ref(),
            model=model,
            simulated=job.simulated,
            timings_ms=timings_ms,
            captured_at=job.captured_at,
            received_at=job.received_at,
            finished_at=finished_at,
            deadline_ms=job.deadline_ms,
            deadline_missed=job.missed(finished_at),
        )


class PartRef(Message):
    """Whose image it was: a part without a result must still be found on the line."""

    line: str
    station: str | None = None
    view: str | None = None
    part_id: str | None = None
    lot_id: str | None = None
    captured_at: datetime | None = None
    received_at: datetime | None = None


class Failure(Message):
    """Why an image has no result: `code`, `title`, `advice` of the error class, and this case's `detail`."""

    code: str
    title: str
    detail: str
    advice: str
    part: PartRef | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The terminal state of one image, as it is stored and as it is announced.

    `result` and `error` are JSON bytes (Result, Failure); exactly one of them is there. `accept` is true only
    for done + OK + in time: it is what a reject gate may follow.
    """

    id: str
    line: str
    state: State
    accept: bool
    result: bytes | None = None
    error: bytes | None = None


def failed(inspection_id: str, line: str, error: InspectorError, job: Job | None = None) -> Outcome:
    """The outcome of an image that has no result. A missed deadline is `expired`, all else `failed`.

    `job` is None only where it cannot be read any more.
    """
    state = State.EXPIRED if isinstance(error, DeadlineExpired) else State.FAILED
    part = PartRef(line=line) if job is None else PartRef.model_validate(job, from_attributes=True)
    facts = Failure(code=error.code, title=error.title, detail=str(error), advice=error.advice, part=part)
    return Outcome(inspection_id, line, state, accept=False, error=facts.model_dump_json().encode())
