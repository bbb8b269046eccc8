"""Thresholds for a wanted overkill or a wanted escape rate, one a class where the data is enough for it.

one for all   the threshold that costs least of those that keep to the wanted rate
by class      from quiet to keen: every class starts at the highest threshold, and again and again the step is
              taken that finds most for the good boards it newly rejects, within what is wanted (the greedy
              way of budgeted maximum coverage: Khuller, Moss and Naor 1999). Then each threshold is moved
              to the middle of the range in which it changes nothing, farthest from harm either way.

By class is taken only where it does better than one for all. A class with too few defects follows the one
for all; one that the data does not hold keeps what the recipe says, or it would never be found again.
A choice is kind to itself on the images it was made on: `expected` makes it on four fifths and measures it
on the rest, in turn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from inspector.errors import DataError, SettingsError
from inspector.evaluation.metrics import Rate, rate
from inspector.evaluation.operating import Bench, Cost, Flags, FloatArray, Rows

HIGHEST, STEP = 0.95, 0.01
"""A threshold above 0.95 would hang on rounding."""

FEWEST_DEFECTS = 10
"""Of a class, before it gets a threshold of its own: below, one odd defect would decide it."""

FEWEST_GOOD = 50
"""Good boards, before alarms are told apart by class."""

FOLDS = 5

Mode = Literal["overkill", "escape"]


@dataclass(frozen=True, slots=True)
class Wanted:
    mode: Mode
    rate: float
    """0-1, at most."""

    def allowed(self, bench: Bench) -> int:
        """Boards. A hair is added, or 1 % of 300 would be 2."""
        return int(self.rate * len(_limited(self, bench)) + 1e-9)


@dataclass(frozen=True, slots=True)
class Choice:
    thresholds: FloatArray  # (K,)
    by_class: Flags  # (K,) has one of its own
    kept: Flags  # (K,) as the recipe had it: the data holds no defect of the class
    why_one: str
    """Why there is one for all; nothing where some have their own."""


def choose(
    bench: Bench, wanted: Wanted, before: FloatArray, lowest: float, *, per_class: bool | None = None
) -> Choice:
    """`before` are the recipe's thresholds, `lowest` the lowest score that the model reports.

    `per_class`: None decides by the data, True insists on it, False on one for all. Raises DataError without
    good or without bad boards, SettingsError, with the nearest that can be had, for what cannot.
    """
    if not len(bench.good) or not len(bench.bad):
        missing = "good" if not len(bench.good) else "defective"
        raise DataError(f"the images hold no {missing} part: there is nothing to weigh against")
    search = _Search(bench, wanted, before, _candidates(lowest + bench.margin))
    common = search.one_for_all()
    free, why = _free(bench, wanted, per_class)
    own = search.by_class(common, free) if free.any() else common
    if free.any() and not search.better(own, common):
        own, free, why = common, np.zeros_like(free), "a threshold for each class finds no more"
    return Choice(own, free, search.kept, why)


def expected(
    bench: Bench, wanted: Wanted, before: FloatArray, lowest: float, by_class: Flags, *, seed: int = 0
) -> Cost | None:
    """What the same way of choosing does on parts it has not seen; None when there are too few for it.

    By folds of whole samples; `by_class` as chosen on all of them. Where nothing can be chosen for a fold, it
    counts with the recipe's thresholds.
    """
    samples = np.random.default_rng(seed).permutation(bench.samples)
    folds = [set(samples[start::FOLDS].tolist()) for start in range(FOLDS)]
    if len(samples) < 2 * FOLDS:
        return None
    counts = np.zeros((3, 2), np.int64)
    for fold in folds:
        rest = bench.only({*samples.tolist()} - fold)
        try:
            search = _Search(rest, wanted, before, _candidates(lowest + bench.margin))
            common = search.one_for_all()
            thresholds = search.by_class(common, by_class) if by_class.any() else common
        except SettingsError:
            thresholds = before
        cost = bench.only(fold).cost(thresholds)
        counts += [_counted(one) for one in (cost.escape_per_defect, cost.escape, cost.overkill)]
    return Cost(*(rate(int(count), int(of)) for count, of in counts))


def _counted(one: Rate | None) -> tuple[int, int]:
    return (one.count, one.of) if one else (0, 0)


def _candidates(lowest: float) -> FloatArray:
    # Rounded up: a threshold below what the model reports would be refused.
    first = np.ceil(round(lowest / STEP, 6)) * STEP
    values = np.round(np.arange(first, HIGHEST + STEP / 2, STEP), 2).astype(np.float64)
    if not len(values):
        raise SettingsError(f"the recipe's review band leaves no threshold between {lowest:g} and {HIGHEST}")
    return values


def _limited(wanted: Wanted, bench: Bench) -> Rows:
    return bench.good if wanted.mode == "overkill" else bench.bad


def _free(bench: Bench, wanted: Wanted, per_class: bool | None) -> tuple[Flags, str]:
    """Which classes get a threshold of their own, and why none does."""
    none: Flags = np.zeros(len(bench.classes), np.bool_)
    defects = np.bincount(bench.kinds, minlength=len(bench.classes))
    enough = np.asarray(defects >= (1 if per_class else FEWEST_DEFECTS), np.bool_)
    if per_class is False:
        return none, "as asked"
    if per_class:
        return enough, ""
    if len(bench.good) < FEWEST_GOOD:
        return (
            none,
            f"{len(bench.good)} good boards are too few to tell alarms apart by class ({FEWEST_GOOD})",
        )
    budget = wanted.allowed(bench)
    if wanted.mode == "overkill" and budget < enough.sum():
        text = (
            f"{budget} good boards that may be rejected are too few to share out among {enough.sum()} classes"
        )
        return none, text
    return enough, "" if enough.any() else f"no class has {FEWEST_DEFECTS} defects"


class _Search:
    """The bench, unfolded: what each class at each candidate would fire on."""

    def __init__(self, bench: Bench, wanted: Wanted, before: FloatArray, candidates: FloatArray) -> None:
        self._bench = bench
        self._wanted = wanted
        self._allowed = wanted.allowed(bench)
        self._candidates = candidates
        self._before = before
        self.kept: Flags = np.bincount(bench.kinds, minlength=len(bench.classes)) == 0
        # What is to be caught. A defect needs a finding that counts; a board is caught by REVIEW too.
        caught = [(bench.bad, bench.margin)]
        if wanted.mode == "overkill":
            caught.append((bench.defects, 0.0))
        self._targets = np.concatenate([rows.scores for rows, _ in caught])
        self._doubted = np.concatenate([rows.doubted for rows, _ in caught])
        self._margins = np.concatenate([np.full((len(rows), 1), margin) for rows, margin in caught])

    def better(self, a: FloatArray, b: FloatArray) -> bool:
        return self._harm(a) < self._harm(b)

    def one_for_all(self) -> FloatArray:
        rows = [np.where(self.kept, self._before, value) for value in self._candidates]
        harms = [self._harm(row) for row in rows]
        best = min(harms)
        if best[0]:
            self._refuse(rows[harms.index(best)])
        alike = [index for index, harm in enumerate(harms) if harm == best]
        return rows[alike[len(alike) // 2]]

    def by_class(self, common: FloatArray, free: Flags) -> FloatArray:
        thresholds = np.where(free, self._candidates[-1], common)
        while (step := self._next(thresholds, free)) is not None:
            column, value = step
            thresholds[column] = value
        if self._wanted.mode == "escape":
            self._quieten(thresholds, free)
        for column in np.flatnonzero(free).tolist():
            self._centre(thresholds, column)
        return thresholds

    def _harm(self, thresholds: FloatArray) -> tuple[int, int, int, int]:
        """To be as low as it can: boards beyond the wanted rate, then what is weighed against it.

        Against overkill, defects and bad boards alike: on a board with one defect it scores lower than among
        others, and a board with many is caught by any of them.
        """
        bench = self._bench
        rejected = int(bench.not_ok(bench.good, thresholds).sum())
        escaped = int((~bench.not_ok(bench.bad, thresholds)).sum())
        missed = int((~bench.found(thresholds)).sum())
        if self._wanted.mode == "overkill":
            return max(0, rejected - self._allowed), missed + escaped, rejected, missed
        return max(0, escaped - self._allowed), rejected, missed, escaped

    def _next(self, thresholds: FloatArray, free: Flags) -> tuple[int, float] | None:
        """The step that catches most for the good boards it costs; None when there is none to take."""
        bench, best = self._bench, (0.0, 0, 0.0)
        step: tuple[int, float] | None = None
        caught, rejected = self._caught(thresholds), bench.not_ok(bench.good, thresholds)
        if self._wanted.mode == "escape" and (~caught).sum() <= self._allowed:
            return None
        for column in np.flatnonzero(free).tolist():
            lower = self._candidates[self._candidates < thresholds[column]]
            gains = _reached(self._targets[~caught, column], lower - self._margins[~caught])
            costs = _reached(bench.good.scores[~rejected, column], lower - bench.margin)
            for value, gain, cost in zip(lower.tolist(), gains.tolist(), costs.tolist(), strict=True):
                if self._wanted.mode == "overkill" and rejected.sum() + cost > self._allowed:
                    continue
                # What costs nothing comes first, and the most of it.
                worth = (gain / cost if cost else float("inf"), gain, value)
                if gain and worth > best:
                    best, step = worth, (column, value)
        return step

    def _caught(self, thresholds: FloatArray) -> Flags:
        reached = (self._targets >= thresholds - self._margins).any(axis=1)
        return np.asarray(reached | self._doubted, np.bool_)

    def _quieten(self, thresholds: FloatArray, free: Flags) -> None:
        """Raise what can be raised: a step may have caught more than was wanted."""
        for column in np.flatnonzero(free).tolist():
            tries = [self._with(thresholds, column, value) for value in self._candidates]
            thresholds[:] = min([thresholds.copy(), *tries], key=self._harm)

    def _centre(self, thresholds: FloatArray, column: int) -> None:
        """The middle of the values around this one that do exactly the same."""
        here = self._harm(thresholds)
        alike = [self._harm(self._with(thresholds, column, value)) == here for value in self._candidates]
        at = int(np.searchsorted(self._candidates, thresholds[column] - STEP / 2))
        low, high = at, at
        while low > 0 and alike[low - 1]:
            low -= 1
        while high < len(alike) - 1 and alike[high + 1]:
            high += 1
        thresholds[column] = self._candidates[(low + high) // 2]

    def _with(self, thresholds: FloatArray, column: int, value: float) -> FloatArray:
        changed = thresholds.copy()
        changed[column] = value
        return changed

    def _refuse(self, nearest: FloatArray) -> None:
        cost = self._bench.cost(nearest)
        one = cost.overkill if self._wanted.mode == "overkill" else cost.escape
        assert one is not None  # noqa: S101 - both kinds of board are there
        at = float(nearest[~self.kept][0]) if (~self.kept).any() else float(nearest[0])
        raise SettingsError(
            f"--{self._wanted.mode} {self._wanted.rate * 100:g}%: cannot be had with this model on these"
            f" images; the nearest is {one.value:.2%} ({one.count} of {one.of}), with every threshold at"
            f" {at:.2f}"
        )


def _reached(scores: FloatArray, limits: FloatArray) -> NDArray[np.int64]:
    """(n,) scores against (C,) or (n, C) limits -> (C,) how many reach each."""
    return np.asarray((scores[:, None] >= limits).sum(axis=0), np.int64)


def doubts(bench: Bench, wanted: Wanted, hoped: Cost | None) -> Sequence[str]:
    """What the images are too few to show, and whether new parts will keep to what is wanted."""
    lines = [] if hoped else ["too few images to say what to expect on new parts"]
    likely = hoped and (hoped.overkill if wanted.mode == "overkill" else hoped.escape)
    if likely and likely.value > wanted.rate:
        lines.append(
            f"on new parts expect {wanted.mode} of {likely.value:.2%}, more than the wanted"
            f" {wanted.rate * 100:g}%: ask for less, or bring more images"
        )
    rows = len(_limited(wanted, bench))
    what = "good" if wanted.mode == "overkill" else "bad"
    if not rows or wanted.rate >= 1 / rows:
        return lines
    none = rate(0, rows)
    assert none is not None  # noqa: S101 - there are rows
    lines.append(
        f"with {rows} {what} boards a rate below {1 / rows:.2%} cannot be verified: none of {rows} still"
        f" allows for up to {none.high:.2%}"
    )
    return lines
