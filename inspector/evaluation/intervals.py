"""Cases -> Intervals: which figures are resampled, and from which parts of a case each is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from inspector.evaluation import bootstrap, deeppcb_protocol
from inspector.evaluation.attention_metrics import looks_of
from inspector.evaluation.bootstrap import Draws, FloatArray, Interval, Intervals, Weights, interval
from inspector.evaluation.coco_metrics import Evaluated
from inspector.evaluation.image_metrics import defective_score
from inspector.evaluation.predictions import Case, located


def intervals(
    posted: Sequence[Case],
    boards: Mapping[str, Sequence[Case]],
    classes: Sequence[str],
    coco: Evaluated | None,
    *,
    seed: int,
) -> Intervals | None:
    """`coco` is of the posted cases that are `located`. None when there is but a single unit to draw from."""
    draws = Draws.of({case.sample: case.group for case in posted}, seed=seed)
    if len(draws.units) < 2:
        return None
    found: dict[str, Interval] = {}
    deeppcb: dict[str, Interval] = {}
    if coco is not None:
        known = located(posted)
        weights = _weigh(draws, known)
        map50, map50_95 = bootstrap.mean_ap(coco.matched, weights)
        found = _named(map50=map50, map50_95=map50_95)
        deeppcb = _named(
            ap_class_mean=bootstrap.mean_plain_ap(deeppcb_protocol.ranked(known, classes), weights),
            f=bootstrap.f_score(*deeppcb_protocol.tallies(known), weights),
        )
    return Intervals(
        unit=draws.unit,
        units=len(draws.units),
        **found,
        deeppcb=deeppcb,
        image=_named(auroc=_auroc(draws, boards.get("defective", ()), boards.get("good", ()))),
        attention=_attention(draws, posted),
    )


def _auroc(draws: Draws, bad: Sequence[Case], good: Sequence[Case]) -> FloatArray:
    scores = [np.array([defective_score(case) for case in cases], np.float64) for cases in (bad, good)]
    return bootstrap.auroc(scores[0], scores[1], _weigh(draws, bad), _weigh(draws, good))


def _attention(draws: Draws, posted: Sequence[Case]) -> dict[str, Interval]:
    seen = [case for case in posted if len(case.truth_boxes) and case.look is not None]
    if not seen:
        return {}
    looks, weights = looks_of(seen), _weigh(draws, seen)
    each = [1.0] * len(looks)
    return _named(
        energy=bootstrap.ratio([look.energy for look in looks], each, weights),
        pointing=bootstrap.ratio([look.pointed for look in looks], each, weights),
        peak_recall=bootstrap.ratio(
            [look.peaks_found for look in looks], [look.defects for look in looks], weights
        ),
    )


def _weigh(draws: Draws, cases: Sequence[Case]) -> Weights:
    return draws.weigh([(case.sample, case.group) for case in cases])


def _named(**replicates: FloatArray) -> dict[str, Interval]:
    known = {name: interval(values) for name, values in replicates.items()}
    return {name: found for name, found in known.items() if found is not None}
