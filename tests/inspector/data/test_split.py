"""A split keeps a group on one side."""

from __future__ import annotations

from pathlib import Path

import pytest

from inspector.data.dataset import Dataset, Sample, as_boxes, as_labels
from inspector.data.split import by_group
from inspector.errors import DataError


def dataset(*groups: str) -> Dataset:
    samples = [
        Sample(f"{number}", Path(f"{number}.png"), as_boxes([]), as_labels([]), group)
        for number, group in enumerate(groups)
    ]
    return Dataset(("open",), tuple(samples))


def groups_of(part: Dataset) -> set[str]:
    return {sample.group for sample in part.samples}


@pytest.mark.parametrize("groups", [(), ("a",), ("a", "a", "a")])
def test_one_group_cannot_be_split(groups: tuple[str, ...]) -> None:
    with pytest.raises(DataError, match="two groups"):
        by_group(dataset(*groups), 0.2, seed=0)


@pytest.mark.parametrize("seed", range(5))
def test_every_sample_once_and_every_group_on_one_side(seed: int) -> None:
    whole = dataset(*"aaaaabbbbbcccccdddddeeeee")
    train, val = by_group(whole, 0.2, seed)
    assert len(train) + len(val) == len(whole)
    assert not groups_of(train) & groups_of(val)
    assert len(val) == 5


def test_the_seed_decides_and_nothing_else() -> None:
    whole = dataset(*"abcdefghijklmnop")
    splits = [groups_of(by_group(whole, 0.25, seed)[1]) for seed in (1, 1, 2, 3)]
    assert splits[0] == splits[1]
    assert len({frozenset(split) for split in splits}) > 1


@pytest.mark.parametrize("share", [0.0, 0.001, 0.999, 1.0])
def test_both_sides_get_something(share: float) -> None:
    train, val = by_group(dataset(*"aabbccdd"), share, seed=0)
    assert len(train)
    assert len(val)


def test_samples_without_a_group_stand_alone() -> None:
    train, val = by_group(dataset(*[""] * 10), 0.3, seed=0)
    assert (len(train), len(val)) == (7, 3)
