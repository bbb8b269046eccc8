"""Plant: what the settings file says. Every field has a default, so that no file is a plant too."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from inspector.messages.names import Name

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

WEEK: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""As datetime.weekday counts them."""

KeptState = Literal["NG", "REVIEW", "failed", "expired"]


def _minute(value: object) -> object:
    """A string as "06:00", and TOML's own 06:00:00; not 6, which pydantic would read as seconds."""
    if isinstance(value, str | time):
        return value
    raise ValueError('must be a time of day, as "06:00"')


TimeOfDay = Annotated[time, BeforeValidator(_minute)]


class Said(BaseModel):
    """Frozen, and without words that are not known: a misspelt one would be a rule that does not hold."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Line(Said):
    takt_s: Annotated[float, Field(gt=0)] | None = None
    """Seconds a part: the pace that demand asks for."""
    stations: Mapping[Name, tuple[Name, ...]] = {}
    """Station -> its views, in the order that people know them in."""


class Shift(Said):
    """Hours of the plant's clock. One that ends before it starts goes over midnight."""

    name: Name
    start: TimeOfDay
    end: TimeOfDay
    days: tuple[Day, ...] = WEEK
    """On which it starts."""

    @model_validator(mode="after")
    def _lasts(self) -> Self:
        if self.start == self.end:
            raise ValueError("start and end are the same")
        if any(at.second or at.microsecond for at in (self.start, self.end)):
            raise ValueError("start and end are whole minutes")
        if self.start.tzinfo or self.end.tzinfo:
            raise ValueError("start and end are by the plant's time_zone: leave theirs out")
        return self

    def bounds(self, day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """From when (inclusive) to when, of the one that starts on `day`."""
        last = day if self.end > self.start else day + timedelta(days=1)
        return datetime.combine(day, self.start, zone), datetime.combine(last, self.end, zone)


class Retention(Said):
    """Which images and maps are copied out of the queue, and for how long."""

    keep: tuple[KeptState, ...] = ("NG", "REVIEW", "failed")
    """All of these."""
    ok_one_in: Annotated[int, Field(ge=0)] = 100
    """Of the OK ones, one in so many, picked by id; 1 is all, 0 is none."""
    days: Annotated[float, Field(gt=0)] = 365.0
    disk_share: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Of the disk that the folder lies on, for the images. Beyond it the oldest OK ones leave first, then the
    oldest of all. Does not hold for S3."""
    max_gb: Annotated[float, Field(gt=0)] | None = None
    """The same as a number of gigabytes (10^9); the smaller of the two counts."""


class Plant(Said):
    time_zone: str = "UTC"
    """A name of the IANA database, as "Asia/Shanghai"."""
    lines: Mapping[Name, Line] = {}
    shifts: tuple[Shift, ...] = ()
    retention: Retention = Retention()

    @model_validator(mode="after")
    def _zone_is_known(self) -> Self:
        try:
            ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(
                f'time_zone {self.time_zone!r} is not known: write one as "Europe/Berlin"'
            ) from None
        return self

    @model_validator(mode="after")
    def _each_shift_once(self) -> Self:
        names = [shift.name for shift in self.shifts]
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise ValueError(f"two shifts have the name {min(twice)!r}")
        return self

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)
