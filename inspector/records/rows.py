"""An outcome as rows. What this version cannot read of it is left out, never the inspection itself."""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from inspector.messages.job import ImageFacts, Job
from inspector.messages.result import Failure, Finding, Outcome, PartRef, Reason, Result, Timings

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Kept:
    """Where an image, its map and its smaller pictures lie in the store."""

    image: str
    attention: str | None = None
    preview: str | None = None
    """Of an image that a browser cannot show."""
    thumbnail: str | None = None
    """Of an image that is not light itself."""
    bytes: int = field(kw_only=True)
    """Of all of these."""
    sampled: bool = field(kw_only=True)
    """An OK one that was picked, not one that the policy asks for by its verdict."""


@dataclass(frozen=True, slots=True)
class Entry:
    """All rows of one inspection."""

    inspection: Row
    findings: Sequence[Row]
    class_scores: Sequence[Row]
    document: bytes
    kept: Kept | None = None

    @property
    def id(self) -> str:
        return str(self.inspection["id"])

    @property
    def announced(self) -> int:
        return int(self.inspection["announced"])

    def bare(self) -> Entry:
        """Without what is only drawn from the document, for a database that does not take that."""
        told = {"id", "announced", "line", "state", "accept", "received_ms", "finished_ms"}
        drawn = {name: value if name in told else _BLANK[name] for name, value in self.inspection.items()}
        return replace(self, inspection=drawn, findings=(), class_scores=())


def entry_of(outcome: Outcome, order: int, at: datetime, job: Job | None = None) -> Entry:
    """`order` tells two outcomes of one id apart, the later is greater; `at` (UTC) is when it was announced.
    `job` says of an image without a result what its error does not."""
    result = _read(Result, outcome.result)
    row = _blank(outcome, order, at)
    if result is not None:
        row |= _of_result(result)
        numbered = list(enumerate(result.findings))
        found = [_finding(outcome.id, number, one, result.reasons) for number, one in numbered]
        return Entry(row, found, _by_class(outcome, result.findings), _packed(outcome))
    row |= _of_failure(_read(Failure, outcome.error), job)
    return Entry(row, (), (), _packed(outcome))


def document_of(packed: bytes) -> bytes:
    """The JSON as the worker wrote it."""
    return zlib.decompress(packed)


def received_ms(inspection_id: str) -> int:
    """What the gateway wrote into the id: its first 48 bits."""
    return int(inspection_id[:12], 16)


def milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


_BLANK: Row = {
    "station": None,
    "view": None,
    "part_id": None,
    "lot_id": None,
    "recipe_id": None,
    "recipe_version": None,
    "model_name": None,
    "model_version": None,
    "verdict": None,
    "deadline_missed": False,
    "simulated": False,
    "first_look": False,
    "error_code": None,
    "defects": 0,
    "top_score": None,
    "captured_ms": None,
    "queued_took_ms": None,
    "decode_took_ms": None,
    "inference_took_ms": None,
    "total_took_ms": None,
    "image_format": None,
    "image_width": None,
    "image_height": None,
    "image_bytes": None,
}


def _blank(outcome: Outcome, order: int, at: datetime) -> Row:
    return {
        **_BLANK,
        "id": outcome.id,
        "announced": order,
        "line": outcome.line,
        "state": outcome.state.value,
        "accept": outcome.accept,
        "received_ms": received_ms(outcome.id),
        "finished_ms": milliseconds(at),
    }


def _of_result(result: Result) -> Row:
    return {
        **_of_part(result),
        **_of_image(result.image),
        **_took(result.timings_ms),
        "recipe_id": result.recipe.id,
        "recipe_version": result.recipe.version,
        "model_name": result.model.name,
        "model_version": result.model.version,
        "verdict": result.verdict.value,
        "deadline_missed": result.deadline_missed,
        "simulated": result.simulated,
        "defects": sum(finding.counted for finding in result.findings),
        "top_score": max((finding.score for finding in result.findings), default=None),
        "finished_ms": milliseconds(result.finished_at),
    }


def _of_failure(failure: Failure | None, job: Job | None) -> Row:
    row: Row = {"error_code": failure.code if failure is not None else None}
    part = failure.part if failure is not None else None
    if part is not None:
        row |= _of_part(part)
    if job is not None:
        row |= _of_part(job) | _of_image(job.image) | {"simulated": job.simulated}
        row |= {"recipe_id": job.recipe.id, "recipe_version": job.recipe.version}
    return row


def _of_part(part: Result | PartRef | Job) -> Row:
    row: Row = {name: getattr(part, name) for name in ("station", "view", "part_id", "lot_id")}
    row["captured_ms"] = milliseconds(part.captured_at) if part.captured_at is not None else None
    return row | ({"received_ms": milliseconds(part.received_at)} if part.received_at is not None else {})


def _of_image(image: ImageFacts) -> Row:
    return {
        "image_format": image.format,
        "image_width": image.width,
        "image_height": image.height,
        "image_bytes": image.bytes,
    }


def _took(timings: Timings) -> Row:
    return {f"{name}_took_ms": getattr(timings, name) for name in ("queued", "decode", "inference", "total")}


def _finding(inspection_id: str, number: int, finding: Finding, reasons: Sequence[Reason]) -> Row:
    x1, y1, x2, y2 = finding.box
    return {
        "inspection_id": inspection_id,
        "number": number,
        "class": finding.defect_class,
        "score": finding.score,
        "threshold": finding.threshold,
        **{"x1": x1, "y1": y1, "x2": x2, "y2": y2},
        "counted": finding.counted,
        "why": _why(finding, reasons),
    }


def _why(finding: Finding, reasons: Sequence[Reason]) -> str:
    if finding.counted:
        return "above_threshold"
    if finding.same_place_as is not None:
        return "same_place"
    doubts = {(one.defect_class, one.score) for one in reasons if one.code == "in_review_band"}
    return "in_review_band" if (finding.defect_class, finding.score) in doubts else "below_threshold"


def _by_class(outcome: Outcome, findings: Sequence[Finding]) -> list[Row]:
    grouped: defaultdict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        grouped[finding.defect_class].append(finding)
    return [
        {
            "inspection_id": outcome.id,
            "class": name,
            "line": outcome.line,
            "top_score": max(one.score for one in some),
            "defects": sum(one.counted for one in some),
        }
        for name, some in grouped.items()
    ]


def _packed(outcome: Outcome) -> bytes:
    return zlib.compress(outcome.result or outcome.error or b"{}", level=6)


def _read(model: type[Any], text: bytes | None) -> Any:
    """None for what is not there, or was written by a version whose words are not known here."""
    if not text:
        return None
    try:
        return model.model_validate_json(text)
    except ValidationError:
        return None
