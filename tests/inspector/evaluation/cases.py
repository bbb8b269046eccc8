"""Cases made by hand: a true box here, a detection there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from inspector.data.dataset import as_boxes, as_labels
from inspector.decision.verdict import Detection
from inspector.evaluation.predictions import Case, Prediction, case
from inspector.messages.recipe import Recipe, Thresholds
from inspector.messages.result import Classification

CLASSES = ("open", "short")
RECIPE = Recipe(id="default", version=1, thresholds=Thresholds(default=0.5))

Box = tuple[float, float, float, float]


def made(
    truth: Sequence[tuple[str, Box]] = (),
    found: Sequence[tuple[str, float, Box]] = (),
    *,
    defective: float = 0.0,
    attention: NDArray[np.uint8] | None = None,
    name: str = "image",
    group: str = "",
    recipe: Recipe = RECIPE,
) -> Case:
    """One image of 80 x 80 pixels."""
    prediction = Prediction(
        detections=tuple(Detection(*row) for row in found),
        classification=Classification(defective=defective, classes={}),
        size=(80, 80),
        attention=attention,
    )
    boxes = as_boxes([box for _, box in truth])
    labels = as_labels([CLASSES.index(kind) for kind, _ in truth])
    return case(name, group, (boxes, labels), CLASSES, prediction, recipe)
