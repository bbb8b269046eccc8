"""The judgement: which findings count, and what the part is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from inspector.messages.recipe import Recipe
from inspector.messages.result import Classification, Finding, Reason, Verdict


class Detection(NamedTuple):
    """One box as the model gave it, before any recipe: (x1, y1, x2, y2) in pixels of the source image."""

    defect_class: str
    score: float
    box: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Judgement:
    verdict: Verdict
    reasons: list[Reason]
    findings: list[Finding]
    """Every detection, in the order given; `counted` says whether it made the part NG."""


def judge(
    detections: Sequence[Detection],
    classification: Classification,
    recipe: Recipe,
    *,
    size: tuple[int, int],
) -> Judgement:
    """Judge one image of `size` (height, width).

    NG: a detection reaches its class's threshold. REVIEW: else, one lies in the review band, the image-level
    score reaches the recipe's, or the image has another size than the recipe expects. OK: else.
    """
    findings = [_finding(detection, recipe) for detection in detections]
    counted = [_above(finding) for finding in findings if finding.counted]
    if counted:
        return Judgement(Verdict.NG, counted, findings)
    doubts = [_in_band(finding) for finding in findings if _lies_in_band(finding, recipe)]
    doubts += _image_level(classification, recipe) + _size(size, recipe)
    return Judgement(Verdict.REVIEW if doubts else Verdict.OK, doubts, findings)


def _finding(detection: Detection, recipe: Recipe) -> Finding:
    threshold = recipe.thresholds.of(detection.defect_class)
    return Finding(
        defect_class=detection.defect_class,
        score=detection.score,
        box=detection.box,
        counted=detection.score >= threshold,
        threshold=threshold,
    )


def _lies_in_band(finding: Finding, recipe: Recipe) -> bool:
    margin = recipe.review.margin
    return margin > 0 and finding.threshold - margin <= finding.score < finding.threshold


def _above(finding: Finding) -> Reason:
    return _reason(finding, "above_threshold", ">=")


def _in_band(finding: Finding) -> Reason:
    return _reason(finding, "in_review_band", "just below")


def _reason(finding: Finding, code: str, relation: str) -> Reason:
    text = f"{finding.defect_class} {finding.score:.2f} {relation} {finding.threshold:.2f}"
    return Reason.model_validate(
        {
            "code": code,
            "class": finding.defect_class,
            "score": finding.score,
            "threshold": finding.threshold,
            "text": text,
        }
    )


def _size(size: tuple[int, int], recipe: Recipe) -> list[Reason]:
    height, width = size
    wanted = recipe.image
    if wanted is None or (wanted.height, wanted.width) == (height, width):
        return []
    text = f"the image is {width} x {height}, the recipe expects {wanted.width} x {wanted.height}"
    return [Reason(code="unexpected_size", text=text)]


def _image_level(classification: Classification, recipe: Recipe) -> list[Reason]:
    limit = recipe.review.defective
    score = classification.defective
    if limit >= 1.0 or score < limit:
        return []
    text = f"the image as a whole looks defective: {score:.2f} >= {limit:.2f}"
    return [Reason(code="image_defective", score=score, threshold=limit, text=text)]
