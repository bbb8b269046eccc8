"""A split keeps a group on one side."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from inspector.data.dataset import Dataset, Sample, as_boxes, as_labels
from inspector.data.split import by_group, held_out
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


def labelled(labels: list[list[int]]) -> Dataset:
    return Dataset(
        ("a", "b"),
        tuple(
            Sample(f"{n}", Path(f"{n}.png"), as_boxes([[0, 0, 9, 9]] * len(own)), as_labels(own))
            for n, own in enumerate(labels)
        ),
    )


@pytest.mark.parametrize(
    ("labels", "held"),
    [
        ([[0]] * 20 + [[]] * 20, {"a": 3, "good": 3}),
        ([[0]] * 20 + [[1]] * 3, {"a": 3, "b": 1}),
        # An image of both counts for the rarer one.
        ([[0]] * 20 + [[0, 1, 1]] * 3, {"a": 3, "b": 1}),
        ([[0]] * 20 + [[1]] * 2, {"a": 3}),
        ([[0], []], {"any": 1}),
    ],
)
def test_without_groups_each_class_gives_its_share(labels: list[list[int]], held: dict[str, int]) -> None:
    data = labelled(labels)
    train, val = held_out(data, 0.15, seed=3)
    assert len(train) + len(val) == len(data)
    kinds = Counter(("good", "a", "b")[max(sample.labels, default=-1) + 1] for sample in val.samples)
    assert kinds == held or (held == {"any": 1} and kinds.total() == 1)


def test_the_draw_depends_on_the_seed_alone() -> None:
    data = labelled([[0]] * 30)
    names = [{sample.name for sample in held_out(data, 0.2, seed)[1].samples} for seed in (0, 0, 1)]
    assert names[0] == names[1] != names[2]


def test_one_image_cannot_be_split() -> None:
    with pytest.raises(DataError, match="needs two images"):
        held_out(labelled([[0]]), 0.5, 0)
