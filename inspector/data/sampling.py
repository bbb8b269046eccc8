"""How often each image is shown in training: images of rare classes more often, good ones at a fair share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from inspector.data.dataset import Sample

MOST_OFTEN = 5.0
"""Times that an image of a rare class may be shown for one of the commonest: more is learning by heart."""


def images_of_class(samples: Sequence[Sample], classes: int) -> NDArray[np.int64]:
    """(classes,) images that hold each class."""
    counts = np.zeros(classes, np.int64)
    for sample in samples:
        counts[np.unique(sample.labels)] += 1
    return counts


def class_factors(counts: NDArray[np.int64], balance: float) -> NDArray[np.float64]:
    """(classes,) how much more often than the commonest class: (most / count)^balance, at most MOST_OFTEN.

    `balance` 0 shows every image alike, 1/2 is the usual square root, 1 makes all classes as frequent. A
    class without images has the factor 1.
    """
    most = max(int(counts.max(initial=0)), 1)
    factors: NDArray[np.float64] = (most / np.where(counts > 0, counts, most)) ** balance
    return np.minimum(factors, MOST_OFTEN)


def shares(
    samples: Sequence[Sample], classes: int, *, balance: float, good_share: float | None
) -> NDArray[np.float64] | None:
    """(n,) probability of each sample, summing to 1. None: all alike.

    An image of several classes counts for its rarest. `good_share` is that of all good images
    together; None leaves it as the data has it.
    """
    if balance == 0 and good_share is None:
        return None
    factors = class_factors(images_of_class(samples, classes), balance)
    weights = np.array([factors[sample.labels].max(initial=0.0) or 1.0 for sample in samples])
    good = np.array([not len(sample.labels) for sample in samples])
    wanted = good.mean() if good_share is None else good_share
    if good.any() and not good.all():
        weights[good] *= wanted / weights[good].sum()
        weights[~good] *= (1 - wanted) / weights[~good].sum()
    result: NDArray[np.float64] = weights / weights.sum()
    return result
