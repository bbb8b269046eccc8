"""p chart and u chart of each line, out of the records: subgroups, and the baseline they are held against."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection, Engine

from inspector.errors import InvalidParameter
from inspector.plant.plant import Plant
from inspector.quality.control_charts import SOUND, Chart, Kind, Subgroup, control_chart
from inspector.quality.run_rules import DEFAULT
from inspector.records.database import asking
from inspector.records.search import Wanted
from inspector.records.spans import LASTS, Bucket
from inspector.records.subgroups import ByLine, Counted, by_time, in_a_row, judged, span_of

MOST_POINTS = 1000
"""Of one chart: more is a black band on any screen."""

PRECEDING = {
    Bucket.MINUTE: timedelta(hours=8),
    Bucket.QUARTER: timedelta(days=2),
    Bucket.HOUR: timedelta(days=7),
    Bucket.SHIFT: timedelta(days=30),
    Bucket.DAY: timedelta(days=100),
}
"""How far before the span the baseline reaches: some hundred subgroups, or a month of shifts."""

PRECEDING_GROUPS, WITHIN = 100, timedelta(days=1)
"""Of so many images in a row: the last groups before the span, of the day before it."""


class Source(StrEnum):
    """Where a baseline comes from."""

    PRECEDING = "preceding"
    SPAN = "span"
    STATED = "stated"


@dataclass(frozen=True, slots=True)
class Plan:
    """How charts are drawn."""

    subgroup: Bucket | int
    """A span of time, or that many images in a row."""
    baseline: Source = Source.PRECEDING
    stated: tuple[datetime, datetime] | None = None
    """Instead: from when to when the process ran as it should."""
    rules: Collection[int] = DEFAULT
    laney: bool = False


@dataclass(frozen=True, slots=True)
class Baseline:
    source: Source
    """SPAN, too, when there was nothing where it was looked for."""
    since: datetime
    until: datetime
    subgroups: int
    inspected: int

    @property
    def provisional(self) -> bool:
        """Too few subgroups to rely on."""
        return self.subgroups < SOUND


@dataclass(frozen=True, slots=True)
class LineCharts:
    line: str
    baseline: Baseline
    subgroups: Sequence[Counted]
    """One for each point of both charts."""
    p: Chart
    """NG images of those with a verdict."""
    u: Chart
    """Defects an image with a verdict."""


def charts(engine: Engine, wanted: Wanted, plan: Plan, plant: Plant) -> list[LineCharts]:
    """Of each line that has images in the span of `wanted`. Raises RecordsUnavailable; InvalidParameter when
    there would be more points than anybody can read."""
    since, until = span_of(wanted)
    _check_points(plan.subgroup, since, until)
    with asking(engine) as connection:
        groups = _groups(connection, wanted, plan.subgroup, plant)
        sought = _sought(plan, since, until)
        baselines = groups if sought == (since, until) else _before(connection, wanted, sought, plan, plant)
    return [_line(line, some, baselines.get(line, ()), sought, plan) for line, some in groups.items()]


def _line(
    line: str, groups: Sequence[Counted], baseline: Sequence[Counted], sought: Span, plan: Plan
) -> LineCharts:
    source = plan.baseline if plan.stated is None else Source.STATED
    if not baseline:
        source, baseline, sought = Source.SPAN, groups, (groups[0].start, groups[-1].end)
    facts = Baseline(source, *sought, len(baseline), sum(one.inspected for one in baseline))
    made = {
        kind: control_chart(kind, _of(kind, groups), _of(kind, baseline), rules=plan.rules, laney=plan.laney)
        for kind in Kind
    }
    return LineCharts(line, facts, groups, made[Kind.P], made[Kind.U])


def _of(kind: Kind, groups: Sequence[Counted]) -> list[Subgroup]:
    return [Subgroup(one.inspected, one.defective if kind is Kind.P else one.defects) for one in groups]


Span = tuple[datetime, datetime]


def _sought(plan: Plan, since: datetime, until: datetime) -> Span:
    """The span that the baseline is looked for in."""
    if plan.stated is not None:
        return plan.stated
    if plan.baseline is Source.SPAN:
        return since, until
    return since - (PRECEDING[plan.subgroup] if isinstance(plan.subgroup, Bucket) else WITHIN), since


def _before(connection: Connection, wanted: Wanted, sought: Span, plan: Plan, plant: Plant) -> ByLine:
    since, until = sought
    then = replace(wanted, since=since, until=until)
    if isinstance(plan.subgroup, Bucket):
        return by_time(connection, then, plan.subgroup, plant)
    return in_a_row(connection, then, plan.subgroup, last=PRECEDING_GROUPS)


def _groups(connection: Connection, wanted: Wanted, subgroup: Bucket | int, plant: Plant) -> ByLine:
    if isinstance(subgroup, Bucket):
        return by_time(connection, wanted, subgroup, plant)
    if judged(connection, wanted) > MOST_POINTS * subgroup:
        raise InvalidParameter("parts", f"would be more than {MOST_POINTS} points: ask for larger subgroups")
    return in_a_row(connection, wanted, subgroup)


def _check_points(subgroup: Bucket | int, since: datetime, until: datetime) -> None:
    if isinstance(subgroup, Bucket) and (until - since) / LASTS[subgroup] > MOST_POINTS:
        raise InvalidParameter(
            "subgroup",
            f"would be more than {MOST_POINTS} points: ask for larger subgroups, or a shorter span",
        )
