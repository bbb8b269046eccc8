"""One file for each annotation format, and `read`, which opens a SPEC such as `deeppcb:../data/deeppcb`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from inspector.data.dataset import Dataset
from inspector.data.sources import deeppcb
from inspector.errors import SettingsError

Split = Literal["trainval", "test"]

SOURCES: dict[str, Callable[[Path, Split], Dataset]] = {"deeppcb": deeppcb.read}


def read(spec: str, split: Split) -> Dataset:
    """The data set that a SPEC `FORMAT:PATH` names. Raises SettingsError for another SPEC, DataError."""
    kind, colon, place = spec.partition(":")
    if not colon or kind not in SOURCES:
        raise SettingsError(f"--data {spec}: expected FORMAT:PATH, with FORMAT one of: {', '.join(SOURCES)}")
    return SOURCES[kind](Path(place), split)
