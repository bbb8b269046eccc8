"""Exact chances of a count: of defective parts among n (binomial), of defects on n parts (Poisson).

The normal curve is no guide where few are expected: at 5 expected its upper limit is broken by chance four
to five times as often as it says, and its lower one is below 0. There these sums stand in for it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from statistics import NormalDist

SIGMAS = 3.0
"""Limits stand where the normal curve's stand at so many standard deviations: 0.135 % on either side."""

FARTHEST = 8.0
"""A score beyond it says no more: the chance is below 10^-15."""

_NORMAL = NormalDist()
OUTSIDE = _NORMAL.cdf(-SIGMAS)

_SPREADS = 10
"""Standard deviations above the mean up to which a table reaches, and a few counts more."""


@dataclass(frozen=True, slots=True)
class Tails:
    """Chances of the counts 0, 1, 2, ...; a count behind the last one does not happen."""

    at_most: Sequence[float]
    at_least: Sequence[float]

    def score(self, count: int) -> float:
        """The count as standard deviations of the normal curve that has the same tail: below 0 when it is
        low. 0 when it is so common that it is neither, as no defect at all is where few are expected."""
        at_least = self.at_least[count] if count < len(self.at_least) else 0.0
        if at_least < 0.5:
            return _deviations(at_least)
        at_most = self.at_most[count] if count < len(self.at_most) else 1.0
        return -_deviations(at_most) if at_most < 0.5 else 0.0

    @property
    def highest(self) -> int:
        """The largest count that chance still explains."""
        return max(count for count, chance in enumerate(self.at_least) if chance >= OUTSIDE)

    @property
    def lowest(self) -> int:
        """The smallest such count; 0 when nothing is too little."""
        return next(count for count, chance in enumerate(self.at_most) if chance >= OUTSIDE)


def binomial(n: int, p: float) -> Tails:
    """Of `n` parts, each defective with the chance `p`. Meant for few expected: the table begins at 0."""
    mean = n * p
    last = min(n, _reach(mean, mean * (1 - p)))
    chances = [_exp(_log_choose(n, k) + _times_log(k, p) + _times_log(n - k, 1 - p)) for k in range(last + 1)]
    return _tails(chances)


def poisson(mean: float) -> Tails:
    """Of defects, of which `mean` are expected."""
    chances = [_exp(_times_log(k, mean) - mean - math.lgamma(k + 1)) for k in range(_reach(mean, mean) + 1)]
    return _tails(chances)


def _tails(chances: Sequence[float]) -> Tails:
    # Each sum begins at its small end, where a difference from 1 would have no digits left.
    at_least = list(accumulate(reversed(chances)))[::-1]
    return Tails(list(accumulate(chances)), at_least)


def _reach(mean: float, variance: float) -> int:
    return math.ceil(mean + _SPREADS * math.sqrt(variance)) + 20


def _deviations(tail: float) -> float:
    return min(FARTHEST, -_NORMAL.inv_cdf(tail)) if tail > 0 else FARTHEST


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def _times_log(times: int, value: float) -> float:
    """0 x log 0 is 0 here: that which cannot happen has not happened."""
    if times == 0:
        return 0.0
    return times * math.log(value) if value > 0 else -math.inf


def _exp(value: float) -> float:
    return math.exp(value) if value > -700 else 0.0
