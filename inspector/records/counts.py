"""What statistics are put together from: counted by the database, out of roll-ups or out of rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Counts:
    """Each as rows, in no order; a slot is a number of equal spans of time since 1970."""

    verdicts: Iterable[tuple[Any, ...]]
    """Line, slot, verdict (or state without one), images, those that were late."""
    parts: Iterable[tuple[Any, ...]]
    """Line, slot of the first look, parts, those that were good at first."""
    classes: Iterable[tuple[Any, ...]]
    """Class, defects, images with one."""
    places: Iterable[tuple[Any, ...]]
    """Row, column, defects."""
    latency: Iterable[tuple[Any, ...]]
    """Whole milliseconds from receipt to verdict, images."""
