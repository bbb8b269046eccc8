"""Whether an image's class was told, where the truth is a class and no box.

What was said of an image is the class of its highest finding that counts at the recipe's thresholds, or
`good`, as its verdict would have it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from inspector.evaluation.metrics import Rate, share_of
from inspector.evaluation.predictions import Case

GOOD = "good"


class ClassificationScores(BaseModel):
    model_config = ConfigDict(frozen=True)

    accuracy: Rate | None
    per_class: dict[str, Rate]
    """Of the images of a class, those that were told to be of it; `good` among them."""
    confusion: dict[str, dict[str, int]]
    """True class -> class that was told -> images; only what occurred."""


def score(cases: Sequence[Case], classes: Sequence[str]) -> ClassificationScores | None:
    """None when no case has a class without a box. Of several true classes each that was told is right."""
    if not any(case.labels_only for case in cases):
        return None
    told = [(_true(case), _told(case)) for case in cases if case.good or case.labels_only]
    right: defaultdict[str, list[bool]] = defaultdict(list)
    confusion: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for names, said in told:
        # An image of several classes stands in the row of the one that was told, if that is one of them.
        row = said if said in names else names[0]
        right[row].append(said in names)
        confusion[row][said] += 1
    order = [name for name in (GOOD, *classes) if name in right]
    return ClassificationScores(
        accuracy=share_of([hit for hits in right.values() for hit in hits]),
        per_class={name: rate for name in order if (rate := share_of(right[name]))},
        confusion={name: dict(confusion[name]) for name in order},
    )


def _true(case: Case) -> tuple[str, ...]:
    return case.truth_classes or (GOOD,)


def _told(case: Case) -> str:
    counted = [finding for finding in case.judgement.findings if finding.counted]
    return max(counted, key=lambda finding: finding.score).defect_class if counted else GOOD
