"""p chart (share of defective parts) and u chart (defects a part), over subgroups of any size.

centre line   all that counted in the baseline / all that was inspected in it
limits        three sigma: centre +- 3 sqrt(centre (1 - centre) / n), or +- 3 sqrt(centre / n) for u; a
              subgroup that expects fewer than 55 (or leaves fewer than 55 good) has exact ones instead
score         how far out a point lies, in standard deviations; run rules read it
dispersion    how much more the baseline's subgroups vary than chance makes them (Laney's sigma z)

Montgomery, Introduction to Statistical Quality Control, chapter 7; D. B. Laney, Improved control charts for
attributes, Quality Engineering 14(4), 2002.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from inspector.quality.run_rules import DEFAULT, broken_rules
from inspector.quality.tails import SIGMAS, Tails, binomial, poisson

ENOUGH = 55
"""Expected on either side: from here on chance breaks a three-sigma limit at most twice as often as it says,
whatever the size and the share (1.97 times at worst; 53 would just do). At 25 it is up to 2.6 times, at 5,
which is often taken, up to 5.2: it depends on how far above the limit the next whole count lies."""

SOUND = 20
"""Subgroups of a baseline; with fewer its limits are provisional, as every textbook has it."""

_WORTH_A_SCORE = 5
"""Expected on average in a baseline's subgroup: with fewer, how far they vary says nothing."""

_D2 = 1.128
"""Mean range of two normal values, in standard deviations."""


class Kind(StrEnum):
    P = "p"
    U = "u"


@dataclass(frozen=True, slots=True)
class Subgroup:
    inspected: int
    """At least 1."""
    count: int
    """Of defective parts (p), at most `inspected`; of defects (u)."""


@dataclass(frozen=True, slots=True)
class Point:
    value: float
    lower: float | None
    """A value below it is out; None where none can be."""
    upper: float | None
    """A value above it is out."""
    exact: bool
    """From the binomial or Poisson law itself: too few are expected for the normal curve."""
    score: float
    broken: tuple[int, ...]
    """Run rules whose pattern ends here."""


@dataclass(frozen=True, slots=True)
class Chart:
    kind: Kind
    centre: float | None
    """None: nothing was inspected in the baseline, so there are no limits either."""
    dispersion: float | None
    """1 is what chance makes; None where the baseline is too small to tell."""
    widened: float
    """By how much the limits were for it; 1: not at all."""
    points: Sequence[Point]


def control_chart(
    kind: Kind,
    subgroups: Sequence[Subgroup],
    baseline: Sequence[Subgroup],
    *,
    rules: Collection[int] = DEFAULT,
    laney: bool = False,
) -> Chart:
    """`laney`: limits as wide as the baseline varies (p' and u'), never narrower than chance makes them."""
    inspected, count = sum(one.inspected for one in baseline), sum(one.count for one in baseline)
    if not inspected:
        bare = [Point(_value(one), None, None, exact=False, score=0.0, broken=()) for one in subgroups]
        return Chart(kind, None, None, 1.0, bare)
    chance = _assumed(kind, count, inspected)
    dispersion = _dispersion(kind, chance, baseline)
    widened = max(1.0, dispersion or 1.0) if laney else 1.0
    judged = [_judged(kind, chance, one, widened) for one in subgroups]
    broken = broken_rules([one.score for one in judged], [one.exact for one in judged], rules)
    points = [
        Point(_value(group), one.lower, one.upper, one.exact, one.score, found)
        for group, one, found in zip(subgroups, judged, broken, strict=True)
    ]
    return Chart(kind, count / inspected, dispersion, widened, points)


def _value(subgroup: Subgroup) -> float:
    return subgroup.count / subgroup.inspected


def _assumed(kind: Kind, count: int, inspected: int) -> float:
    """The chance that limits are made from: the centre line. Nothing seen in a hundred parts is not nothing
    at all, so there (and where all were defective) it is Jeffreys' estimate, half a part from the end."""
    if count == 0 or (kind is Kind.P and count == inspected):
        return (count + 0.5) / (inspected + 1)
    return count / inspected


@dataclass(frozen=True, slots=True)
class _Judged:
    lower: float | None
    upper: float | None
    score: float
    exact: bool


def _judged(kind: Kind, chance: float, one: Subgroup, widened: float) -> _Judged:
    normal = _by_normal(kind, chance, one, widened)
    left = one.inspected * (1 - chance) if kind is Kind.P else math.inf
    if min(one.inspected * chance, left) >= ENOUGH:
        return normal
    exact = _by_law(kind, chance, one)
    if widened == 1:
        return exact
    # The law knows of no dispersion beyond its own: the wider of the two limits, the smaller of the scores.
    lower = None if exact.lower is None or normal.lower is None else min(exact.lower, normal.lower)
    upper = None if exact.upper is None or normal.upper is None else max(exact.upper, normal.upper)
    return _Judged(lower, upper, min(exact.score, normal.score, key=abs), exact=True)


def _by_normal(kind: Kind, chance: float, one: Subgroup, widened: float) -> _Judged:
    sigma = _sigma(kind, chance, one.inspected) * widened
    lower, upper = chance - SIGMAS * sigma, chance + SIGMAS * sigma
    most = 1.0 if kind is Kind.P else math.inf
    score = (_value(one) - chance) / sigma
    return _Judged(lower if lower > 0 else None, upper if upper < most else None, score, exact=False)


def _by_law(kind: Kind, chance: float, one: Subgroup) -> _Judged:
    n, mostly = one.inspected, kind is Kind.P and chance > 0.5
    # Where nearly all are defective, the good ones are the few.
    few = n - one.count if mostly else one.count
    tails = _tails(kind, n, 1 - chance if mostly else chance)
    low, high = (tails.lowest or None), (tails.highest if kind is Kind.U or tails.highest < n else None)
    if mostly:
        low, high = (None if high is None else n - high), (None if low is None else n - low)
    score = tails.score(few)
    return _Judged(
        None if low is None else low / n,
        None if high is None else high / n,
        -score if mostly else score,
        exact=True,
    )


def _tails(kind: Kind, n: int, chance: float) -> Tails:
    return binomial(n, chance) if kind is Kind.P else poisson(n * chance)


def _sigma(kind: Kind, chance: float, n: int) -> float:
    return math.sqrt((chance * (1 - chance) if kind is Kind.P else chance) / n)


def _dispersion(kind: Kind, chance: float, baseline: Sequence[Subgroup]) -> float | None:
    """Laney's sigma z, from the moving range of the scores: a level that shifts once hardly counts."""
    inspected = sum(one.inspected for one in baseline)
    rarer = min(chance, 1 - chance) if kind is Kind.P else chance
    if len(baseline) < SOUND or inspected * rarer < _WORTH_A_SCORE * len(baseline):
        return None
    scores = [(_value(one) - chance) / _sigma(kind, chance, one.inspected) for one in baseline]
    ranges = [abs(later - earlier) for earlier, later in pairwise(scores)]
    return sum(ranges) / len(ranges) / _D2
