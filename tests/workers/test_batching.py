from __future__ import annotations

import pytest

from workers.batching import next_batch, room


@pytest.mark.parametrize(
    ("models", "picked"),
    [
        ([], []),
        (["a"], [0]),
        (["a", "a"], [0, 1]),
        (["a", "b", "a"], [0, 2]),
        (["b", "a", "a", "a", "a"], [0]),
        (["a", "a", "a", "a", "a"], [0, 1, 2, 3]),
    ],
)
def test_a_batch_is_of_the_oldest_images_model_and_waits_for_nothing(
    models: list[str], picked: list[int]
) -> None:
    assert next_batch(models, [1] * len(models), 4) == picked


@pytest.mark.parametrize(
    ("inputs", "picked"),
    [([9], [0]), ([9, 1], [0]), ([1, 9, 1], [0, 2]), ([2, 1, 3, 1, 1], [0, 1, 3]), ([4, 1], [0])],
)
def test_an_image_in_many_tiles_runs_alone(inputs: list[int], picked: list[int]) -> None:
    assert next_batch(["a"] * len(inputs), inputs, 4) == picked


@pytest.mark.parametrize(("held", "free"), [(0, 8), (3, 5), (8, 0), (9, 0)])
def test_two_batches_are_held_and_no_more(held: int, free: int) -> None:
    assert room(4, held) == free


def test_with_several_batches_under_way_one_more_waits() -> None:
    assert room(4, 0, under_way=3) == 16
