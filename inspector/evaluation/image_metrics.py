"""What the errors cost, at a recipe's thresholds.

An image is accepted only when its verdict is OK, so that is where bad parts escape and what good parts are
owed: `escape_rate` is bad parts judged OK, `overkill_rate` good parts not judged OK. Whoever treats REVIEW
otherwise finds the same figures for NG alone beside them.

Three sets of boards, binarised and encoded alike, of the same images (data/healed.py): defective as they
are; single, with one defect left; good, with none. A real DeepPCB test image holds 2-13 defects, so an escape
is far less likely there than on a line: single is the harder and the truer figure.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict

from inspector.evaluation.deeppcb_protocol import IOU
from inspector.evaluation.metrics import Rate, auroc, average_precision, iou, rate, share_of
from inspector.evaluation.predictions import Case
from inspector.messages.result import Verdict


class ImageScores(BaseModel):
    model_config = ConfigDict(frozen=True)

    auroc: float | None
    """Of the image-level score, defective against good boards."""
    ap: float | None
    auroc_findings: float | None
    """The same by the highest finding's score: what the verdict rests on."""
    escape_rate: Rate | None
    """Defective boards judged OK."""
    escape_rate_ng: Rate | None
    """Defective boards not judged NG."""
    escape_rate_single: Rate | None
    escape_rate_single_ng: Rate | None
    overkill_rate: Rate | None
    """Good boards not judged OK."""
    overkill_rate_ng: Rate | None
    """Good boards judged NG."""


def score(defective: Sequence[Case], single: Sequence[Case], good: Sequence[Case]) -> ImageScores:
    bad_scores, good_scores = ([defective_score(case) for case in cases] for cases in (defective, good))
    return ImageScores(
        auroc=auroc(bad_scores, good_scores),
        ap=average_precision(bad_scores, good_scores),
        auroc_findings=auroc([_highest(case) for case in defective], [_highest(case) for case in good]),
        escape_rate=share_of([_is(case, Verdict.OK) for case in defective]),
        escape_rate_ng=share_of([not _is(case, Verdict.NG) for case in defective]),
        escape_rate_single=share_of([_is(case, Verdict.OK) for case in single]),
        escape_rate_single_ng=share_of([not _is(case, Verdict.NG) for case in single]),
        overkill_rate=share_of([not _is(case, Verdict.OK) for case in good]),
        overkill_rate_ng=share_of([_is(case, Verdict.NG) for case in good]),
    )


def escape_per_defect(cases: Sequence[Case]) -> Rate | None:
    """Defects that no finding above its threshold, of whatever class, meets with an IoU above 0.33."""
    return rate(sum(_missed(case) for case in cases), sum(len(case.truth_boxes) for case in cases))


def _missed(case: Case) -> int:
    reached = [finding.box for finding in case.judgement.findings if finding.reached]
    overlaps = iou(case.truth_boxes, np.array(reached, np.float64))
    return int((~(overlaps > IOU).any(axis=1)).sum())


def _is(case: Case, verdict: Verdict) -> bool:
    return case.judgement.verdict is verdict


def defective_score(case: Case) -> float:
    return case.prediction.classification.defective


def _highest(case: Case) -> float:
    return max((detection.score for detection in case.prediction.detections), default=0.0)
