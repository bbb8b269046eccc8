"""How much to take and what makes a batch. Pure: no clock, no threads."""

from __future__ import annotations

from collections.abc import Sequence

BATCHES_HELD = 2
"""One is computed while the next is decoded. More would only make images wait here that another worker,
idle, could have begun."""


def room(batch_size: int, held: int) -> int:
    """How many more images a worker may take that holds `held` unfinished ones."""
    return max(0, BATCHES_HELD * batch_size - held)


def next_batch(models: Sequence[str], batch_size: int) -> list[int]:
    """Indices of the images to run together, of those that are ready (their models, oldest first).

    The oldest decides the model. Nothing is waited for: a batch that is not full starts now, and under load
    the next one fills while it runs.
    """
    if not models:
        return []
    alike = [index for index, model in enumerate(models) if model == models[0]]
    return alike[:batch_size]
