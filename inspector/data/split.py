"""A part of a data set set aside, by group: a board seen in training says nothing when it is seen again.

Where the data names no groups, by class: each class, and the good images, give the same share.
"""

from __future__ import annotations

import numpy as np

from inspector.data.dataset import Dataset, Sample
from inspector.errors import DataError

FEWEST_TO_SHARE = 3
"""Images of a class from which on the set-aside part gets at least one of them."""


def held_out(dataset: Dataset, share: float, seed: int) -> tuple[Dataset, Dataset]:
    """(train, val): by group if the data has two or more, else by class. Raises DataError: one image."""
    groups = {sample.group for sample in dataset.samples if sample.group}
    return (by_group if len(groups) > 1 else by_class)(dataset, share, seed)


def by_class(dataset: Dataset, share: float, seed: int) -> tuple[Dataset, Dataset]:
    """(train, val): of the images of each class the same share. An image of several counts for its rarest.

    Both sides get at least one image. Raises DataError when there is only one.
    """
    if len(dataset) < 2:
        raise DataError(f"a split needs two images, the data set has {len(dataset)}")
    rng = np.random.default_rng(seed)
    held_out: set[str] = set()
    for names in _strata(dataset):
        count = round(share * len(names)) or int(len(names) >= FEWEST_TO_SHARE)
        held_out.update(rng.permutation(names)[:count].tolist())
    held_out = held_out or {dataset.samples[int(rng.integers(len(dataset)))].name}
    return (
        dataset.where(lambda sample: sample.name not in held_out),
        dataset.where(lambda sample: sample.name in held_out),
    )


def _strata(dataset: Dataset) -> list[list[str]]:
    """Sample names by the rarest class of each; the good ones first."""
    images = np.zeros(len(dataset.classes), np.int64)
    for sample in dataset.samples:
        images[np.unique(sample.labels)] += 1
    strata: dict[int, list[str]] = {}
    for sample in dataset.samples:
        rarest = min(sample.labels.tolist(), key=lambda label: (images[label], label), default=-1)
        strata.setdefault(rarest, []).append(sample.name)
    return [strata[key] for key in sorted(strata)]


def by_group(dataset: Dataset, share: float, seed: int) -> tuple[Dataset, Dataset]:
    """(train, val): whole groups, drawn by `seed`, until val holds about `share` (0-1) of the samples.

    A sample without a group is a group of its own. Both sides get at least one group, so `share` is met as
    nearly as the groups allow. Raises DataError when there are fewer than two groups.
    """
    groups = sorted({_group(sample) for sample in dataset.samples})
    if len(groups) < 2:
        raise DataError(f"a split by group needs two groups, the data set has {len(groups)}")
    sizes = dict.fromkeys(groups, 0)
    for sample in dataset.samples:
        sizes[_group(sample)] += 1
    held_out = _draw(groups, sizes, share * len(dataset), seed)
    return (
        dataset.where(lambda sample: _group(sample) not in held_out),
        dataset.where(lambda sample: _group(sample) in held_out),
    )


def _draw(groups: list[str], sizes: dict[str, int], wanted: float, seed: int) -> set[str]:
    """Groups in random order, each taken if that brings the total nearer to `wanted`."""
    order = [groups[index] for index in np.random.default_rng(seed).permutation(len(groups))]
    taken: set[str] = set()
    total = 0
    for name in order[: len(order) - 1]:
        if abs(total + sizes[name] - wanted) < abs(total - wanted):
            taken.add(name)
            total += sizes[name]
    return taken or {min(order, key=lambda name: sizes[name])}


def _group(sample: Sample) -> str:
    return sample.group or sample.name
