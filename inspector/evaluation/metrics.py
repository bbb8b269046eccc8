"""Pure figures: numbers in, numbers out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

Z95 = 1.959964
"""Standard normal quantile of a two-sided 95 % interval."""


class Rate(BaseModel):
    """`count` of `of`, with its Wilson 95 % interval; fractions 0-1."""

    model_config = ConfigDict(frozen=True)

    value: float
    low: float
    high: float
    count: int
    of: int


def rate(count: int, of: int) -> Rate | None:
    """None when there was nothing to count. Wilson score interval (Wilson 1927)."""
    if of == 0:
        return None
    share, z2 = count / of, Z95**2
    middle = (share + z2 / (2 * of)) / (1 + z2 / of)
    half = Z95 * math.sqrt(share * (1 - share) / of + z2 / (4 * of**2)) / (1 + z2 / of)
    # At 0 and at `of` the bound equals the share exactly; rounding must not push it past.
    low, high = min(middle - half, share), max(middle + half, share)
    return Rate(value=share, low=max(0.0, low), high=min(1.0, high), count=count, of=of)


def share_of(flags: Sequence[bool]) -> Rate | None:
    return rate(sum(flags), len(flags))


def auroc(bad: Sequence[float], good: Sequence[float]) -> float | None:
    """The chance that a bad part scores above a good one, ties half. None when either side is empty."""
    if not bad or not good:
        return None
    ordered = np.sort(np.asarray(good, np.float64))
    below = np.searchsorted(ordered, bad, "left")
    up_to = np.searchsorted(ordered, bad, "right")
    return float((below + up_to).mean() / (2 * len(good)))


def average_precision(bad: Sequence[float], good: Sequence[float]) -> float | None:
    """Area under precision against recall in steps, equal scores as one step. None without a bad part."""
    if not bad:
        return None
    levels = np.unique(np.asarray([*bad], np.float64))[::-1]
    caught = _at_least(bad, levels)
    precision = caught / (caught + _at_least(good, levels))
    return float((precision * np.diff(caught, prepend=0)).sum() / len(bad))


def _at_least(scores: Sequence[float], levels: NDArray[np.float64]) -> NDArray[np.int64]:
    ordered = np.sort(np.asarray(scores, np.float64))
    counts: NDArray[np.int64] = len(scores) - np.searchsorted(ordered, levels, "left")
    return counts


def iou(a: NDArray[np.floating[Any]], b: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """(n, 4) and (m, 4) boxes, x2 and y2 exclusive -> (n, m) intersection over union, 0-1."""
    a, b = np.asarray(a, np.float64).reshape(-1, 4), np.asarray(b, np.float64).reshape(-1, 4)
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    inside = np.clip(high - low, 0, None).prod(axis=2)
    union = _areas(a)[:, None] + _areas(b)[None, :] - inside
    result: NDArray[np.float64] = inside / np.maximum(union, 1e-9)
    return result


def _areas(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    areas: NDArray[np.float64] = (boxes[:, 2:] - boxes[:, :2]).clip(0).prod(axis=1)
    return areas
