"""The judgement: which findings count, and what the part is.

A finding counts when it reaches its class's threshold, unless a stronger one that counts lies at the same
place under another name: one flaw is one defect (docs/adr/0021-one-place-one-defect.md). The verdict cannot
depend on that, since the stronger one counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from inspector.messages.recipe import Recipe
from inspector.messages.result import Classification, Finding, Reason, Verdict

SAME_PLACE = 0.5
"""Intersection over union from which two boxes of different classes are one place."""

Box = tuple[float, float, float, float]


class Detection(NamedTuple):
    """One box as the model gave it, before any recipe: (x1, y1, x2, y2) in pixels of the source image."""

    defect_class: str
    score: float
    box: Box


@dataclass(frozen=True, slots=True)
class Judgement:
    verdict: Verdict
    reasons: list[Reason]
    findings: list[Finding]
    """Every detection, in the order given; `counted` says whether it is a defect of the part."""


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
    findings = _findings(detections, recipe)
    counted = [_above(finding) for finding in findings if finding.counted]
    if counted:
        return Judgement(Verdict.NG, counted, findings)
    doubts = [_in_band(finding) for finding in findings if _lies_in_band(finding, recipe)]
    doubts += _image_level(classification, recipe) + _size(size, recipe)
    return Judgement(Verdict.REVIEW if doubts else Verdict.OK, doubts, findings)


def _findings(detections: Sequence[Detection], recipe: Recipe) -> list[Finding]:
    """In the order given. Of those that reach their thresholds at one place, the strongest counts."""
    thresholds = [recipe.thresholds.of(detection.defect_class) for detection in detections]
    names: dict[int, str | None] = {}
    defects: list[Detection] = []
    for index in sorted(range(len(detections)), key=lambda index: -detections[index].score):
        detection = detections[index]
        if detection.score >= thresholds[index]:
            names[index] = _other_name(detection, defects)
            if names[index] is None:
                defects.append(detection)
    return [
        Finding(
            defect_class=detection.defect_class,
            score=detection.score,
            box=detection.box,
            counted=index in names and names[index] is None,
            threshold=threshold,
            same_place_as=names.get(index),
        )
        for index, (detection, threshold) in enumerate(zip(detections, thresholds, strict=True))
    ]


def _other_name(detection: Detection, defects: Sequence[Detection]) -> str | None:
    """The class of a stronger defect at the same place; None if there is none."""
    for defect in defects:
        if defect.defect_class != detection.defect_class and _iou(defect.box, detection.box) >= SAME_PLACE:
            return defect.defect_class
    return None


def _iou(a: Box, b: Box) -> float:
    # By hand: a handful of boxes, on the path of every image, and numpy's calls would cost more.
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared)


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
