"""Exact chances, beside scipy's and beside whole numbers counted out."""

from __future__ import annotations

from fractions import Fraction
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from inspector.quality.tails import OUTSIDE, binomial, poisson


def counted_out(n: int, p: Fraction) -> list[Fraction]:
    return [comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)]


@pytest.mark.parametrize(("n", "p"), [(1, "1/2"), (5, "1/10"), (12, "1/3"), (30, "1/50")])
def test_a_binomial_is_what_counting_out_gives(n: int, p: str) -> None:
    chances = counted_out(n, Fraction(p))
    tails = binomial(n, float(Fraction(p)))
    kept = range(len(tails.at_least))
    assert tails.at_least == pytest.approx([float(sum(chances[k:])) for k in kept], rel=1e-9)
    assert tails.at_most == pytest.approx([float(sum(chances[: k + 1])) for k in kept], rel=1e-9)
    assert sum(chances[len(kept) :]) < Fraction(1, 10**15)


@given(n=st.integers(1, 100_000), expected=st.floats(0.001, 60), count=st.integers(0, 130))
def test_a_binomial_agrees_with_scipy(n: int, expected: float, count: int) -> None:
    p = min(expected / n, 1.0)
    tails = binomial(n, p)
    if count < len(tails.at_least):
        assert tails.at_least[count] == pytest.approx(stats.binom.sf(count - 1, n, p), rel=1e-6, abs=1e-12)
        assert tails.at_most[count] == pytest.approx(stats.binom.cdf(count, n, p), rel=1e-6, abs=1e-12)
    else:
        assert stats.binom.sf(count - 1, n, p) < 1e-9


@given(mean=st.floats(0, 60), count=st.integers(0, 130))
def test_a_poisson_agrees_with_scipy(mean: float, count: int) -> None:
    tails = poisson(mean)
    if count < len(tails.at_least):
        assert tails.at_least[count] == pytest.approx(stats.poisson.sf(count - 1, mean), rel=1e-6, abs=1e-12)


@given(mean=st.floats(0.01, 60))
def test_what_chance_explains_is_what_its_tails_say(mean: float) -> None:
    tails = poisson(mean)
    assert (
        stats.poisson.sf(tails.highest, mean) < OUTSIDE <= stats.poisson.sf(tails.highest - 1, mean) + 1e-12
    )
    assert tails.lowest == 0 or stats.poisson.cdf(tails.lowest - 1, mean) < OUTSIDE
    for count in range(130):
        assert (tails.score(count) > 3) == (count > tails.highest)
        assert (tails.score(count) < -3) == (count < tails.lowest)


def test_a_score_is_the_normal_curves_own() -> None:
    tails = poisson(0.3)
    assert tails.score(0) == 0.0, "74 % of all: neither high nor low"
    assert tails.score(1) == pytest.approx(stats.norm.isf(stats.poisson.sf(0, 0.3)))
    assert tails.score(1000) == 8.0
    assert poisson(20).score(8) == pytest.approx(stats.norm.ppf(stats.poisson.cdf(8, 20)))
