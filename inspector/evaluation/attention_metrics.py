"""Whether the attention map M points at the defects.

G is the union of the true boxes, or the defects' pixels where the data has masks; A its share of the area.

energy       sum of M inside G / sum of M
enrichment   energy / A; a uniform map has 1
pointing     share of defective images whose highest cell lies in G
peak recall  share of defects that hold one of the k highest peaks of their image, k its number of defects
aupro        the mean over defects of the share of each that M covers, against the share of good pixels that
             it covers too, as the area under that curve up to 0.3, divided by 0.3 (MVTec AD, Bergmann et al.
             2021); only of images with masks, and good ones
std          mean standard deviation of M: 0 is a map that says nothing
outside      mean share of M outside [0.02, 0.98]: near 1 is a map that has saturated
quiet        mean over good images of their maximum and mean: it should stay low

M is scored at the image's resolution (looks.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from inspector.evaluation.looks import LEVELS, Look, Pixels
from inspector.evaluation.predictions import Case

AUPRO_LIMIT = 0.3
"""Share of the good pixels up to which the curve is measured: beyond, a map would light up the whole part."""

Truth = Literal["boxes", "masks", "boxes and masks"]


class AttentionScores(BaseModel):
    model_config = ConfigDict(frozen=True)

    energy: float
    enrichment: float
    pointing: float
    peak_recall: float
    aupro: float | None = None
    """Needs pixel masks."""
    std: float
    outside: float
    quiet_max: float | None = None
    quiet_mean: float | None = None
    truth: Truth = "boxes"
    """What G was made of. Masks are the harder truth: a map that fills a box around a thin crack has little
    of its energy on the crack."""


def score(defective: Sequence[Case], good: Sequence[Case] = ()) -> AttentionScores | None:
    """None when no defective image with a map is there. Images without a map are left out."""
    looks = looks_of(defective)
    if not looks:
        return None
    quiet = [case.look for case in good if case.look is not None]
    energy = _mean([look.energy for look in looks])
    return AttentionScores(
        energy=energy,
        enrichment=energy / _mean([look.area for look in looks]),
        pointing=_mean([look.pointed for look in looks]),
        peak_recall=sum(look.peaks_found for look in looks) / sum(look.defects for look in looks),
        aupro=aupro([*defective, *good]),
        std=_mean([look.std for look in looks]),
        outside=_mean([look.outside for look in looks]),
        quiet_max=_mean([look.highest for look in quiet]) if quiet else None,
        quiet_mean=_mean([look.mean for look in quiet]) if quiet else None,
        truth=_truth(looks),
    )


def looks_of(cases: Sequence[Case]) -> list[Look]:
    """Of the defective images that have a map."""
    return [case.look for case in cases if len(case.truth_boxes) and case.look is not None]


def aupro(cases: Sequence[Case]) -> float | None:
    """0-1; None without any mask. Defective images without one are left out, with their pixels."""
    if not any(case.mask for case in cases):
        return None
    seen = {case.name: case for case in cases if case.mask or case.good}
    return aupro_of([pixels for case in seen.values() if (pixels := case.pixels) is not None])


def aupro_of(images: Sequence[Pixels]) -> float | None:
    """None without a defect or without a good pixel."""
    good = np.sum([image.good for image in images], axis=0) if images else np.zeros(LEVELS)
    defects = np.concatenate([image.defects for image in images]) if images else np.zeros((0, LEVELS))
    if not len(defects) or not good.sum():
        return None
    covered = _from_the_top(defects.T).T / defects.sum(axis=1, keepdims=True)
    return _area(_from_the_top(good) / good.sum(), covered.mean(axis=0), AUPRO_LIMIT)


def _from_the_top(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """(LEVELS, ...): how many have at least each level, from the highest level down; first none at all."""
    above = np.cumsum(counts[::-1], axis=0)
    return np.concatenate([np.zeros_like(above[:1]), above])


def _area(x: NDArray[np.float64], y: NDArray[np.float64], limit: float) -> float:
    """Under a curve that rises from (0, 0) to (1, 1), up to x = `limit`, as a share of what it could be."""
    inside = x <= limit
    x, y = np.append(x[inside], limit), np.append(y[inside], np.interp(limit, x, y))
    return float(np.trapezoid(y, x) / limit)


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))


def _truth(looks: Sequence[Look]) -> Truth:
    kinds = {look.by_mask for look in looks}
    return "boxes and masks" if len(kinds) == 2 else "masks" if True in kinds else "boxes"
