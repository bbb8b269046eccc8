"""Nelson's rules: patterns of points that chance alone hardly makes (L. S. Nelson, Journal of Quality
Technology 16(4), 1984). Western Electric's four are among them: 1, 5 and 6 as they are, and 8 points in a row
where rule 2 asks for 9.

A point is its score: standard deviations from the centre line, so that limits that vary with the subgroup's
size make no difference here. 0 lies on the line, on neither side of it: it ends a run.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise

from inspector.quality.tails import SIGMAS

Broken = Callable[[Sequence[float]], bool]


@dataclass(frozen=True, slots=True)
class RunRule:
    number: int
    """Nelson's."""
    name: str
    says: str
    window: int
    """Points that it looks at, the last one being the one it is about."""
    fewest: int
    """Of these at the beginning of a chart."""
    broken: Broken
    needs_normal: bool = False
    """It asks whether points keep too close to the centre, or too far: whole counts of a few do so anyway."""


def broken_rules(
    scores: Sequence[float], exact: Sequence[bool], rules: Collection[int]
) -> list[tuple[int, ...]]:
    """For each point the rules, of those asked for, whose pattern it completes. `exact`: its limits are."""
    asked = [rule for rule in RULES if rule.number in rules]
    return [
        tuple(rule.number for rule in asked if _broken(rule, scores, exact, end))
        for end in range(1, len(scores) + 1)
    ]


def _broken(rule: RunRule, scores: Sequence[float], exact: Sequence[bool], end: int) -> bool:
    start = max(0, end - rule.window)
    if end - start < rule.fewest or (rule.needs_normal and any(exact[start:end])):
        return False
    return rule.broken(scores[start:end])


def _beyond_the_limits(scores: Sequence[float]) -> bool:
    return abs(scores[-1]) > SIGMAS


def _one_side(scores: Sequence[float]) -> bool:
    return all(score > 0 for score in scores) or all(score < 0 for score in scores)


def _trend(scores: Sequence[float]) -> bool:
    steps = [later - earlier for earlier, later in pairwise(scores)]
    return all(step > 0 for step in steps) or all(step < 0 for step in steps)


def _alternating(scores: Sequence[float]) -> bool:
    steps = [later - earlier for earlier, later in pairwise(scores)]
    return all(one * other < 0 for one, other in pairwise(steps))


def _some_beyond(times: int, sigmas: float) -> Broken:
    def broken(scores: Sequence[float]) -> bool:
        side = 1 if scores[-1] > 0 else -1
        beyond = [side * score > sigmas for score in scores]
        return beyond[-1] and sum(beyond) >= times

    return broken


def _close(scores: Sequence[float]) -> bool:
    return all(abs(score) < 1 for score in scores)


def _away(scores: Sequence[float]) -> bool:
    return all(abs(score) > 1 for score in scores)


RULES = (
    RunRule(1, "beyond a limit", "one point outside the control limits", 1, 1, _beyond_the_limits),
    RunRule(2, "shift", "nine points in a row on one side of the centre line", 9, 9, _one_side),
    RunRule(3, "trend", "six points in a row, each above the one before, or each below", 6, 6, _trend),
    RunRule(4, "alternating", "fourteen points in a row, up and down in turn", 14, 14, _alternating),
    RunRule(
        5, "far out", "two of three points beyond two sigma on the same side", 3, 2, _some_beyond(2, 2.0)
    ),
    RunRule(
        6, "drifting", "four of five points beyond one sigma on the same side", 5, 4, _some_beyond(4, 1.0)
    ),
    RunRule(7, "too calm", "fifteen points in a row within one sigma", 15, 15, _close, needs_normal=True),
    RunRule(
        8,
        "two processes",
        "eight points in a row beyond one sigma, on both sides",
        8,
        8,
        _away,
        needs_normal=True,
    ),
)

DEFAULT = (1, 2, 5)
"""A jump, a small shift that stays, a middling one within a few points. Each further rule finds little more
and cries wolf more often (docs/adr/0021-control-charts.md has how often)."""
