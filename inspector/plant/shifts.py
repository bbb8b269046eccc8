"""Which shift a moment belongs to. Pure: the plant's clock comes from its time zone, summer time included."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from inspector.plant.plant import WEEK, Plant


@dataclass(frozen=True, slots=True)
class Turn:
    """One shift of one day."""

    name: str
    start: datetime
    """Inclusive, by the plant's clock."""
    end: datetime


def turns(plant: Plant, since: datetime, until: datetime) -> list[Turn]:
    """All that overlap [since, until), in their order. Shifts may overlap each other."""
    return sorted(_overlapping(plant, since, until), key=lambda turn: (turn.start, turn.name))


def turn_at(plant: Plant, moment: datetime) -> Turn | None:
    """The one that began last; None between shifts."""
    found = turns(plant, moment, moment + timedelta(microseconds=1))
    return found[-1] if found else None


def _overlapping(plant: Plant, since: datetime, until: datetime) -> Iterator[Turn]:
    zone = plant.zone
    # A day before: one that goes over midnight.
    day, last = since.astimezone(zone).date() - timedelta(days=1), until.astimezone(zone).date()
    while day <= last:
        for shift in plant.shifts:
            start, end = shift.bounds(day, zone)
            if WEEK[day.weekday()] in shift.days and start < until and end > since:
                yield Turn(shift.name, start, end)
        day += timedelta(days=1)
