"""Intervals by resampling: what other figures the same model might have got on other parts of this kind.

A replicate draws as many units as there are, with replacement (Efron 1979); an interval is the middle 95 % of
the replicates' figures. A unit is a whole group (board, tile, lot) where there are at least `FEWEST_GROUPS`,
as images of one board are alike; with fewer the groups' own chance would drown in theirs, and images are
drawn instead. All that comes from one image, its evaluation boards too, is drawn together.

Nothing is matched again: a replicate is a weight for each image, and every figure here is made from per-image
matches and weights. tests/ hold each against its own protocol on images that are really repeated.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict

from inspector.evaluation.coco_metrics import Matched

FloatArray = NDArray[np.float64]
Weights = NDArray[np.int64]  # (R, n) how often each of n cases was drawn, in each replicate

REPLICATES = 1000
FEWEST_GROUPS = 10
COVERS = (2.5, 97.5)
"""Percentiles."""

RECALLS = np.linspace(0.0, 1.0, 101)
"""Where COCO reads a precision-recall curve."""

_CELLS = 4_000_000
"""Numbers in one array at a time: replicates are done in blocks, so that a large data set fits."""

Unit = Literal["group", "image"]


class Interval(BaseModel):
    """95 %, fractions 0-1."""

    model_config = ConfigDict(frozen=True)

    low: float
    high: float


class Intervals(BaseModel):
    """For the figures of the same names in `Scores`; one that cannot be had is left out."""

    model_config = ConfigDict(frozen=True)

    method: str = "percentile bootstrap"
    replicates: int = REPLICATES
    unit: Unit
    """What was drawn."""
    units: int
    map50: Interval | None = None
    map50_95: Interval | None = None
    deeppcb: dict[str, Interval] = {}
    image: dict[str, Interval] = {}
    attention: dict[str, Interval] = {}


@dataclass(frozen=True)
class Draws:
    """The replicates' draws, the same for all figures."""

    unit: Unit
    units: tuple[str, ...]
    weights: NDArray[np.int64]  # (R, len(units))

    @classmethod
    def of(cls, samples: Mapping[str, str], *, seed: int = 0, replicates: int = REPLICATES) -> Draws:
        """`samples`: sample name -> group, or nothing."""
        groups = sorted(set(samples.values()))
        whole = len(groups) >= FEWEST_GROUPS and "" not in groups
        units = tuple(groups) if whole else tuple(samples)
        rng = np.random.default_rng(seed)
        weights = rng.multinomial(len(units), np.full(len(units), 1 / len(units)), size=replicates)
        return cls("group" if whole else "image", units, weights)

    def weigh(self, cases: Sequence[tuple[str, str]]) -> Weights:
        """(R, n) for cases given as (sample, group)."""
        place = {name: index for index, name in enumerate(self.units)}
        own = [place[group if self.unit == "group" else sample] for sample, group in cases]
        return self.weights[:, own]


def interval(values: FloatArray) -> Interval | None:
    """(R,) -> the middle 95 %. Replicates without a figure (NaN: no defect was drawn) are left out."""
    known = values[~np.isnan(values)]
    if not len(known):
        return None
    low, high = np.percentile(known, COVERS)
    return Interval(low=float(low), high=float(high))


def mean_ap(matched: Mapping[str, Matched], weights: Weights) -> tuple[FloatArray, FloatArray]:
    """(R,) mAP50 and (R,) mAP50-95. A class that a replicate holds no truth of is left out of its mean."""
    each = np.stack([_coco_ap(one, weights) for one in matched.values()])  # (K, R, 10)
    return _nanmean(each[:, :, 0]), _nanmean(each.mean(axis=2))


def _coco_ap(found: Matched, weights: Weights) -> FloatArray:
    """(R, 10). NaN where no truth was drawn.

    Only right detections are looked at: between two of them precision falls and recall stands still, so that
    the curve that COCO reads, the highest precision at this recall or above, changes nowhere else.
    """
    return np.concatenate([_ap_block(found, block) for block in _blocks(weights, len(found.score))])


def _ap_block(found: Matched, weights: Weights) -> FloatArray:
    drawn = weights[:, found.image]
    listed = np.cumsum(drawn, axis=1)
    truths: NDArray[np.int64] = (weights @ found.truths)[:, None]
    result = np.empty((len(weights), len(found.right)))
    for index, right in enumerate(found.right):
        hits = np.cumsum(drawn[:, right], axis=1)
        precision = hits / np.maximum(listed[:, right], 1)
        best = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
        # How many of the 101 recalls each right detection is the first to reach.
        reached = np.searchsorted(RECALLS, hits / np.maximum(truths, 1), side="right")
        result[:, index] = (best * np.diff(reached, axis=1, prepend=0)).sum(axis=1) / len(RECALLS)
    result[truths[:, 0] == 0] = np.nan
    return result


@dataclass(frozen=True, slots=True)
class Ranked:
    """Detections of one class by falling score, right or wrong by DeepPCB's protocol."""

    image: NDArray[np.intp]  # (D,) index of its case
    right: NDArray[np.bool_]  # (D,)
    truths: NDArray[np.int64]  # (n,) of the class in each case


def mean_plain_ap(ranked: Sequence[Ranked], weights: Weights) -> FloatArray:
    """(R,) class mean of the AP of deeppcb_protocol.py."""
    return _nanmean(np.stack([_plain_ap(one, weights) for one in ranked]))


def _plain_ap(found: Ranked, weights: Weights) -> FloatArray:
    return np.concatenate([_plain_block(found, block) for block in _blocks(weights, len(found.right))])


def _plain_block(found: Ranked, weights: Weights) -> FloatArray:
    drawn: Weights = weights[:, found.image]
    own = drawn[:, found.right]
    # Before the first copy of each right detection: right ones, and all.
    hits = np.cumsum(own, axis=1) - own
    listed = np.cumsum(drawn, axis=1)[:, found.right] - own
    total = np.zeros(len(weights))
    # The copies of an image follow one another in the list, each at a rank of its own.
    for copy in range(1, int(own.max(initial=0)) + 1):
        total += ((own >= copy) * (hits + copy) / (listed + copy)).sum(axis=1)
    truths: NDArray[np.int64] = weights @ found.truths
    return _ratio(total, truths)


def ratio(counts: ArrayLike, of: ArrayLike, weights: Weights) -> FloatArray:
    """(R,) sum of `counts` / sum of `of`, each (n,) by case."""
    return _ratio(weights @ np.asarray(counts, np.float64), weights @ np.asarray(of, np.float64))


def f_score(
    right: Sequence[int], counted: Sequence[int], truths: Sequence[int], weights: Weights
) -> FloatArray:
    """(R,) F = 2PR / (P + R), which is twice the right ones by all counted ones and all truths."""
    return ratio(2 * np.asarray(right), np.asarray(counted) + np.asarray(truths), weights)


def auroc(bad: FloatArray, good: FloatArray, bad_weights: Weights, good_weights: Weights) -> FloatArray:
    """(R,) the chance that a bad part scores above a good one, ties half."""
    if not len(bad) or not len(good):
        return np.full(len(bad_weights), np.nan)
    order = np.argsort(good, kind="stable")
    below = np.pad(np.cumsum(good_weights[:, order], axis=1), ((0, 0), (1, 0)))
    low, high = (np.searchsorted(good[order], bad, side) for side in ("left", "right"))
    won = (bad_weights * (below[:, low] + below[:, high])).sum(axis=1) / 2
    return _ratio(won, bad_weights.sum(axis=1) * good_weights.sum(axis=1))


def _blocks(weights: Weights, width: int) -> Iterator[Weights]:
    step = max(1, _CELLS // max(1, width))
    for start in range(0, len(weights), step):
        yield weights[start : start + step]


def _ratio(count: FloatArray | NDArray[np.int64], of: FloatArray | NDArray[np.int64]) -> FloatArray:
    shares: FloatArray = np.divide(count, of, out=np.full(len(count), np.nan), where=of > 0)
    return shares


def _nanmean(values: FloatArray) -> FloatArray:
    """Over the first axis; NaN where there is nothing but NaN."""
    known = ~np.isnan(values)
    return _ratio(np.where(known, values, 0.0).sum(axis=0), known.sum(axis=0))
