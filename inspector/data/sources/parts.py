"""The parts of a data set: train, val and test, and who says which image is in which.

In this order, the first that speaks:

1. `split.json` beside the data: {"train": [names], "val": [names], "test": [names]};
2. the format's own division (DeepPCB's lists, data.yaml, ImageSets, folders named train and test);
3. a draw by a fixed seed: 15 % for test and 15 % of the rest for val, whole groups where the data has
   groups, else of each class alike.

Data that has train and no val gets one drawn from train, in the same way. A test part is drawn only from data
that is not divided at all. The seed is no option, so that `train` and `evaluate` always mean the same images.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from inspector.data.dataset import Dataset, Sample, as_labels
from inspector.data.split import held_out
from inspector.errors import DataError

Part = Literal["train", "val", "test"]
Split = Literal["train", "val", "trainval", "test", "all"]
"""`trainval` is train and val together; `all` has also what is in no part."""

PARTS: tuple[Part, ...] = ("train", "val", "test")

DRAWN_SHARE = 0.15
"""Of the images: enough to choose thresholds on or to measure by, little enough to spare."""

FEWEST_TO_DRAW = 2
"""Images: each side must get one."""

SEED = 0


@dataclass(frozen=True, slots=True)
class Divided:
    """A data set and the part of each sample."""

    data: Dataset
    parts: Mapping[str, Part]
    """By sample name. A sample may be in none."""
    how: str = ""
    """Who divided it, for people to read."""
    doubts: tuple[str, ...] = ()
    """Where the data contradicts itself or leaves something open, and how it was taken."""

    def of(self, split: Split) -> Dataset:
        """Raises DataError, naming the parts there are, when this one has no image."""
        wanted = _WANTED[split]
        if wanted is None:
            return self.data
        chosen = self.data.where(lambda sample: self.parts.get(sample.name) in wanted)
        if not chosen.samples:
            present = [part for part in PARTS if self.has(part)]
            raise DataError(f"the data has no {split} part; by {self.how} there is: {', '.join(present)}")
        return chosen

    def has(self, part: Part) -> bool:
        return part in self.parts.values()


_WANTED: dict[Split, set[Part] | None] = {
    "train": {"train"},
    "val": {"val"},
    "trainval": {"train", "val"},
    "test": {"test"},
    "all": None,
}


def obey_file(divided: Divided, folder: Path) -> Divided:
    """By `split.json` in that folder, if there is one. Raises DataError with the JSON path."""
    file = folder / "split.json"
    if not file.is_file():
        return divided
    known = _aliases(divided.data.samples)
    parts: dict[str, Part] = {}
    for part, index, name in _listed(file):
        place = f"{file}: {part}[{index}]"
        if name not in known:
            raise DataError(f"{place}: {name!r} is no image of the data, or several")
        if parts.setdefault(known[name], part) != part:
            raise DataError(f"{place}: {name!r} is in {parts[known[name]]} as well")
    if not parts:
        raise DataError(f'{file}: names no image; expected {{"train": [...], "val": [...], "test": [...]}}')
    return replace(divided, parts=parts, how="split.json")


def draw_test(divided: Divided) -> Divided:
    """For data that nothing divides."""
    if divided.parts:
        return divided
    if len(divided.data) < FEWEST_TO_DRAW:
        return replace(divided, parts=_all(divided.data, "train"), how="too few images to draw from")
    rest, test = held_out(divided.data, DRAWN_SHARE, SEED)
    how = f"test drawn with seed {SEED}"
    return replace(divided, parts=_all(rest, "train") | _all(test, "test"), how=how)


def draw_val(divided: Divided) -> Divided:
    """For data with a train part and no val."""
    if divided.has("val") or not divided.has("train") or len(divided.of("train")) < FEWEST_TO_DRAW:
        return divided
    _, val = held_out(divided.of("train"), DRAWN_SHARE, SEED)
    how = f"val drawn with seed {SEED}"
    joined = f"{divided.how}, {how}" if divided.how else how
    return replace(divided, parts={**divided.parts, **_all(val, "val")}, how=joined)


def merge(several: Sequence[Divided]) -> Divided:
    """One data set of several: classes of one name are one class; a name that comes twice gets a number."""
    if len(several) == 1:
        return several[0]
    classes = tuple(dict.fromkeys(name for one in several for name in one.data.classes))
    taken = Counter(sample.name for one in several for sample in one.data.samples)
    samples: list[Sample] = []
    parts: dict[str, Part] = {}
    for number, one in enumerate(several, 1):
        relabelled = [classes.index(name) for name in one.data.classes]
        for sample in one.data.samples:
            name = sample.name if taken[sample.name] == 1 else f"{number}:{sample.name}"
            labels = as_labels([relabelled[label] for label in sample.labels])
            samples.append(replace(sample, name=name, labels=labels))
            if sample.name in one.parts:
                parts[name] = one.parts[sample.name]
    how = "; ".join(dict.fromkeys(one.how for one in several if one.how))
    doubts = tuple(doubt for one in several for doubt in one.doubts)
    return Divided(Dataset(classes, tuple(samples)), parts, how, doubts)


def _all(data: Dataset, part: Part) -> dict[str, Part]:
    return {sample.name: part for sample in data.samples}


def _aliases(samples: Iterable[Sample]) -> dict[str, str]:
    """What split.json may call a sample, where it means one alone: name or file, with or without folder."""
    names: dict[str, set[str]] = {}
    for sample in samples:
        bare, suffix = Path(sample.name).name, sample.image.suffix
        for alias in {sample.name, sample.name + suffix, bare, bare + suffix, sample.image.name}:
            names.setdefault(alias, set()).add(sample.name)
    exact = {sample.name: sample.name for sample in samples}
    return {alias: meant.pop() for alias, meant in names.items() if len(meant) == 1} | exact


def _listed(file: Path) -> Iterable[tuple[Part, int, str]]:
    try:
        # Editors on Windows put a byte order mark in front.
        content = json.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise DataError(f"{file}: cannot be read as JSON: {error}") from error
    if not isinstance(content, dict):
        raise DataError(f"{file}: expected an object with the keys train, val and test")
    for part in PARTS:
        names = content.get(part, [])
        if not isinstance(names, list):
            raise DataError(f"{file}: {part}: expected a list of names")
        for index, name in enumerate(names):
            yield part, index, _spelt(name)


def _spelt(name: object) -> str:
    """As samples are named, whoever wrote it: with `/`, and no `./` in front."""
    return str(name).replace("\\", "/").removeprefix("./")
