"""The parts of a data set that a study may see: what to train on, and what to measure on.

Every choice is made on val; test is opened only by who asks for it by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from inspector.data import sources
from inspector.data.dataset import Dataset
from inspector.errors import SettingsError


class Material(NamedTuple):
    training: Dataset
    measured: Dataset
    part: str
    """Which part `measured` is, for people to read: "val" or "test"."""


def material(specs: Sequence[str], groups: Sequence[str] = (), *, final: bool = False) -> Material:
    """By the data's own parts, or with these groups of trainval held back as val; `final` measures on test.

    Raises SettingsError for a group that is not there, DataError for data that is wrong or lacks the part.
    """
    divided = sources.load(specs)
    trainval = sources.without_empty_boxes(divided.of("trainval"))
    held_back = {name for name, part in divided.parts.items() if part == "val"}
    if groups:
        _check(trainval, groups)
        held_back = {sample.name for sample in trainval.samples if sample.group in groups}
    training = trainval.where(lambda sample: sample.name not in held_back)
    if final:
        return Material(training, sources.without_empty_boxes(divided.of("test")), "test")
    return Material(training, trainval.where(lambda sample: sample.name in held_back), "val")


def spread(data: Dataset, limit: int | None) -> Dataset:
    """At most `limit` images, evenly over the whole listing, which goes board by board."""
    if limit is None or limit >= len(data):
        return data
    return Dataset(data.classes, tuple(data.samples[index * len(data) // limit] for index in range(limit)))


def _check(data: Dataset, groups: Sequence[str]) -> None:
    known = sorted({sample.group for sample in data.samples} - {""})
    for group in groups:
        if group not in known:
            raise SettingsError(f"--validation {group}: the data's groups are {', '.join(known) or 'none'}")
