"""A part of a data set set aside, by group: a board seen in training says nothing when it is seen again."""

from __future__ import annotations

import numpy as np

from inspector.data.dataset import Dataset, Sample
from inspector.errors import DataError


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
