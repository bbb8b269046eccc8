"""How much to take and what makes a batch. Pure: no clock, no threads."""

from __future__ import annotations

from collections.abc import Sequence

BATCHES_WAITING = 1
"""Behind those under way: it is decoded meanwhile. More would only make images wait here that another worker,
idle, could have begun."""


def room(batch_size: int, held: int, under_way: int = 1) -> int:
    """How many more images a worker may take that holds `held` unfinished ones and runs that many batches."""
    return max(0, (under_way + BATCHES_WAITING) * batch_size - held)


def next_batch(models: Sequence[str], inputs: Sequence[int], batch_size: int) -> list[int]:
    """Indices of the images to run together, of those that are ready (their models, oldest first; how many
    inputs of the network each takes: 1, or its tiles).

    The oldest decides the model. Together they take no more than `batch_size` inputs, so that no small image
    waits for the many tiles of a large one that came after it; one that takes more runs alone. Nothing is
    waited for: a batch that is not full starts now, and under load the next one fills while it runs.
    """
    picked: list[int] = []
    room_left = batch_size
    for index, (model, count) in enumerate(zip(models, inputs, strict=True)):
        if model == models[0] and (count <= room_left or not picked):
            picked.append(index)
            room_left -= count
    return picked
