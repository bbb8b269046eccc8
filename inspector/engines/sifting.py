"""What the network says -> what findings can come of: only scores that a recipe could ever count.

sifted           one input of a RawOutput, on the host; torch_sift.py does the same on the device
candidates       the same of its boxes and scores alone
boxed            which classes have boxes at all

Numbers that cannot be true are an error, never OK: they are looked for in all that the network said, also in
what is left out.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inspector.engines.base import FloatArray, RawOutput, Sifted
from inspector.errors import InspectionFailed
from inspector.models.bundle import Manifest

_TOLERANCE = 1e-3
"""How far rounding in a reduced precision may push a probability out of 0-1."""

Candidates = tuple[FloatArray, FloatArray, NDArray[np.intp]]
"""Boxes (n, 4), scores (n,), labels (n,)."""


def sifted(raw: RawOutput, row: int, manifest: Manifest) -> Sifted:
    """Raises InspectionFailed when boxes or scores make no sense."""
    boxes, scores = raw.boxes[row], raw.scores[row]
    check_boxes(bool(np.isfinite(boxes).all()))
    if scores.size:
        check_probabilities("scores", float(scores.min()), float(scores.max()))
    return Sifted(*candidates(boxes, scores, manifest), raw.classes[row], raw.attention[row])


def candidates(boxes: FloatArray, scores: FloatArray, manifest: Manifest) -> Candidates:
    """Of boxes (A, 4) and scores (A, K)."""
    reaches = scores >= manifest.postprocess["min_score"]
    if manifest.image_level:
        reaches &= boxed(manifest)
    points, labels = np.nonzero(reaches)
    return boxes[points], scores[points, labels], labels


def boxed(manifest: Manifest) -> NDArray[np.bool_]:
    """(K,) not the classes known from image labels alone: nothing taught the network what to say there."""
    return np.array([name not in manifest.image_level for name in manifest.classes], np.bool_)


def check_boxes(finite: bool) -> None:
    """Raises InspectionFailed."""
    if not finite:
        raise InspectionFailed("the network gave boxes that are not numbers")


def check_probabilities(what: str, lowest: float, highest: float) -> None:
    """Raises InspectionFailed."""
    # Written so that NaN fails it: it is the least and the greatest then, and every comparison with it is
    # false.
    if not (lowest >= -_TOLERANCE and highest <= 1 + _TOLERANCE):
        raise InspectionFailed(f"the network gave {what} that are not within 0-1")
