"""Charts beside figures that were worked out another way: by textbook, by scipy, by counting out."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from inspector.quality import control_charts
from inspector.quality.control_charts import ENOUGH, Chart, Kind, Subgroup, control_chart

# Montgomery, Introduction to Statistical Quality Control, table 7.1: 30 samples of 50 cans of orange juice.
ORANGE_JUICE = [12, 15, 8, 10, 4, 7, 16, 9, 14, 10, 5, 6, 17, 12, 22]
ORANGE_JUICE += [8, 10, 5, 13, 11, 20, 18, 24, 15, 9, 12, 7, 13, 9, 6]


def of_size(n: int, counts: list[int]) -> list[Subgroup]:
    return [Subgroup(n, count) for count in counts]


def chart(
    kind: Kind, groups: list[Subgroup], baseline: list[Subgroup] | None = None, *, laney: bool = False
) -> Chart:
    return control_chart(kind, groups, groups if baseline is None else baseline, laney=laney)


def test_without_subgroups_there_is_no_centre_line() -> None:
    empty = chart(Kind.P, [])
    assert (empty.centre, empty.points, empty.dispersion) == (None, [], None)


def test_without_a_baseline_there_are_points_and_no_limits() -> None:
    bare = chart(Kind.U, of_size(50, [3]), [])
    assert [(one.value, one.lower, one.upper, one.broken) for one in bare.points] == [(0.06, None, None, ())]


def test_a_textbooks_p_chart() -> None:
    """Centre 0.2313; samples 15 and 23 are above the upper limit (0.4102 there, by the normal curve). Eleven
    or twelve of 50 are expected, so here the limits are exact: 20 of 50 is the most that chance explains."""
    made = chart(Kind.P, of_size(50, ORANGE_JUICE))
    assert made.centre == pytest.approx(347 / 1500)
    assert [at + 1 for at, one in enumerate(made.points) if 1 in one.broken] == [15, 23]
    assert {one.exact for one in made.points} == {True}
    p = 347 / 1500
    most = next(k for k in range(51) if stats.binom.sf(k, 50, p) < stats.norm.sf(3))
    least = next(k for k in range(51) if stats.binom.cdf(k, 50, p) >= stats.norm.sf(3))
    assert {(one.lower, one.upper) for one in made.points} == {(least / 50, most / 50)}


@pytest.mark.parametrize("n", [220, 1000, 50_000])
def test_where_enough_is_expected_the_limits_are_the_textbooks(n: int) -> None:
    baseline = [Subgroup(1000, 250)]
    (point,) = chart(Kind.P, [Subgroup(n, n // 4)], baseline).points
    reach = 3 * math.sqrt(0.25 * 0.75 / n)
    assert not point.exact
    assert (point.lower, point.upper) == pytest.approx((0.25 - reach, 0.25 + reach))
    (point,) = chart(Kind.U, [Subgroup(n, n // 4)], baseline).points
    reach = 3 * math.sqrt(0.25 / n)
    assert (point.lower, point.upper) == pytest.approx((0.25 - reach, 0.25 + reach))


def worst_shares(n: int, least: float) -> Iterator[float]:
    """For subgroups of n: shares at which chance breaks a normal limit more often than at any share near by.

    The chance of k or more grows with the share until the upper limit reaches k, then falls at once to that
    of k + 1: so they lie a hair below where it does. The lower limit is the upper one of the good parts."""
    for k in range(math.ceil(least), n):
        share = (2 * k + 9 - math.sqrt((2 * k + 9) ** 2 - 4 * k * k * (1 + 9 / n))) / (2 * (n + 9))
        share *= 1 - 1e-7
        if n * share > min(3 * least, n - least):  # farther on it only gets better
            return
        if n * share >= least:
            yield share
            yield 1 - share


def outside(kind: Kind, n: int, share: float) -> tuple[float, float]:
    """The chance (below, above) the limits, summed by scipy over all counts; 1 is what a limit says."""
    of = 10**12
    (point,) = chart(kind, [Subgroup(n, 0)], [Subgroup(of, round(share * of))]).points
    law = stats.binom(n, share) if kind is Kind.P else stats.poisson(n * share)
    above = law.sf(math.floor(point.upper * n + 1e-9)) if point.upper is not None else 0.0
    below = law.cdf(math.ceil(point.lower * n - 1e-9) - 1) if point.lower is not None else 0.0
    return below / stats.norm.sf(3), above / stats.norm.sf(3)


@pytest.mark.parametrize("n", [120, 150, 220, 500, 1408, 6000, 100_000, 10_000_000])
def test_chance_breaks_a_normal_limit_at_most_twice_as_often_as_it_says(n: int) -> None:
    assert max(max(outside(Kind.P, n, share)) for share in worst_shares(n, ENOUGH)) < 2


def test_nor_one_of_defects() -> None:
    """The Poisson law is the binomial's end: many parts, of which few are defective."""
    upper = [((math.sqrt(9 + 4 * k) - 3) / 2) ** 2 * (1 - 1e-7) for k in range(78, 300)]
    lower = [((math.sqrt(9 + 4 * k) + 3) / 2) ** 2 * (1 + 1e-7) for k in range(34, 300)]
    assert min(*upper, *lower) > ENOUGH
    found = [max(outside(Kind.U, 1000, expected / 1000)) for expected in (ENOUGH, *upper, *lower)]
    assert 1.9 < max(found) < 2


def test_with_fewer_expected_it_would_not_be_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control_charts, "ENOUGH", 0)
    worst = {
        least: max(max(outside(Kind.P, 100_000, p)) for p in worst_shares(100_000, least))
        for least in (5, 25)
    }
    assert worst == pytest.approx({5: 5.2, 25: 2.5}, abs=0.06)


def test_limits_widen_as_subgroups_shrink() -> None:
    made = chart(Kind.P, [Subgroup(n, n // 10) for n in (10_000, 1000, 100, 20)], [Subgroup(1000, 100)])
    uppers = [one.upper for one in made.points if one.upper is not None]
    assert len(uppers) == 4
    assert uppers == sorted(uppers)


def test_a_few_parts_have_no_lower_limit_and_may_have_no_upper_one() -> None:
    (point,) = chart(Kind.P, [Subgroup(2, 2)], [Subgroup(1000, 300)]).points
    assert (point.lower, point.upper, point.broken) == (None, None, ())


def test_a_baseline_without_a_defect_still_tells_many_from_one() -> None:
    made = chart(Kind.P, of_size(50, [0, 1, 2, 5]), [Subgroup(2000, 0)])
    assert made.centre == 0.0
    assert [1 in one.broken for one in made.points] == [False, False, True, True]


def test_a_line_where_all_is_defective_has_its_limits_on_the_other_side() -> None:
    bad, good = of_size(50, [49, 44]), of_size(50, [1, 6])
    worst = chart(Kind.P, bad, [Subgroup(1000, 980)]).points
    best = chart(Kind.P, good, [Subgroup(1000, 20)]).points
    for one, other in zip(worst, best, strict=True):
        assert one.score == pytest.approx(-other.score)
        assert one.lower == pytest.approx(1 - (other.upper or 0))
        assert one.upper is None


def test_dispersion_is_one_where_chance_alone_varies_and_more_where_the_process_does() -> None:
    calm = stats.binom.rvs(400, 0.1, size=200, random_state=1).tolist()
    restless = [round(count * (0.6 if at % 2 else 1.4)) for at, count in enumerate(calm)]
    assert chart(Kind.P, of_size(400, calm)).dispersion == pytest.approx(1.0, abs=0.15)
    assert (chart(Kind.P, of_size(400, restless)).dispersion or 0) > 2
    assert chart(Kind.P, of_size(400, calm[:19])).dispersion is None, "too few subgroups"
    assert chart(Kind.P, of_size(400, [1] * 50)).dispersion is None, "too few defects"


def test_laneys_limits_are_wider_by_the_dispersion_and_never_narrower() -> None:
    calm = stats.binom.rvs(1000, 0.1, size=40, random_state=2).tolist()
    restless = of_size(1000, [round(count * (0.6 if at % 2 else 1.4)) for at, count in enumerate(calm)])
    plain, wide = chart(Kind.P, restless), chart(Kind.P, restless, laney=True)
    assert plain.widened == 1.0
    assert wide.widened == plain.dispersion
    for one, other in zip(plain.points, wide.points, strict=True):
        assert one.upper is not None
        assert other.upper is not None
        reach = one.upper - (plain.centre or 0)
        assert other.upper - (plain.centre or 0) == pytest.approx(reach * wide.widened)
    even = of_size(1000, [100] * 30)
    assert chart(Kind.P, even).dispersion == 0
    assert chart(Kind.P, even, laney=True).widened == 1.0


GROUPS = st.lists(st.integers(1, 3000).flatmap(lambda n: st.builds(Subgroup, st.just(n), st.integers(0, n))))


@given(kind=st.sampled_from(Kind), groups=GROUPS, baseline=GROUPS, laney=st.booleans())
def test_a_point_is_out_exactly_where_it_lies_outside_its_limits(
    kind: Kind, groups: list[Subgroup], baseline: list[Subgroup], laney: bool
) -> None:
    made = control_chart(kind, groups, baseline, laney=laney)
    for one in made.points:
        below = one.lower is not None and one.value < one.lower - 1e-12
        above = one.upper is not None and one.value > one.upper + 1e-12
        assert (1 in one.broken) == (below or above)
        if made.centre is not None and made.centre not in {0.0, 1.0}:
            assert (one.lower or 0.0) <= made.centre + 1e-12
            assert one.upper is None or one.upper >= made.centre - 1e-12


@given(n=st.integers(1, 20_000), share=st.floats(0.0005, 0.9995))
def test_chance_alone_breaks_a_limit_as_seldom_as_it_says(n: int, share: float) -> None:
    """At the centre that was assumed: exact limits keep their word, normal ones within twice."""
    count = round(share * 1e6)
    (point,) = chart(Kind.P, [Subgroup(n, 0)], [Subgroup(1_000_000, count)]).points
    assert max(outside(Kind.P, n, count / 1e6)) <= (1 + 1e-9 if point.exact else 2)
