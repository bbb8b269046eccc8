"""What a model said about an image, whoever asked it.

images -> predictions   `predict`, through the pipeline that the workers run too
answers -> predictions  `read_answers`, from the file that `inspector camera --json FILE` wrote
predictions -> cases    `case`, beside the truth and judged by a recipe: what all the metrics take
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inspector.data.dataset import Boxes, Labels, Sample
from inspector.data.sources import masks
from inspector.decision.verdict import Detection, Judgement, judge
from inspector.errors import DataError
from inspector.evaluation.looks import Look, Mask, Pixels, look, pixels
from inspector.messages.recipe import Recipe
from inspector.messages.result import Classification, State


@dataclass(frozen=True, slots=True)
class Prediction:
    """The model's word on one image, before any recipe."""

    detections: tuple[Detection, ...]
    classification: Classification
    size: tuple[int, int]
    """Height and width of the source image, pixels."""
    attention: NDArray[np.uint8] | None = None
    """(h, w) round(255 x M) of the whole field of view; None where only the answers are known."""


@dataclass(frozen=True)
class Case:
    """One image: the truth, the prediction, and the judgement by the recipe."""

    name: str
    group: str
    truth_boxes: Boxes
    truth_classes: tuple[str, ...]
    prediction: Prediction
    judgement: Judgement
    sample: str
    """The sample's name: an evaluation board has a name of its own."""
    mask: tuple[Path, ...] = ()

    @property
    def good(self) -> bool:
        return not self.truth_classes

    @property
    def labels_only(self) -> bool:
        """Defective, and nobody knows where: `truth_classes` are of the image as a whole."""
        return len(self.truth_classes) > 0 and not len(self.truth_boxes)

    @property
    def counted(self) -> tuple[bool, ...]:
        """For each detection: whether it counts as a defect of the part."""
        return tuple(finding.counted for finding in self.judgement.findings)

    @cached_property
    def look(self) -> Look | None:
        """The map against the truth; None without a map. Raises DataError for a mask that cannot be read."""
        seen = self.prediction
        if seen.attention is None:
            return None
        return look(seen.attention, seen.size, self.truth_boxes, self._mask())

    @cached_property
    def pixels(self) -> Pixels | None:
        """The map's levels on good and on defective pixels; None without a map."""
        seen = self.prediction
        return None if seen.attention is None else pixels(seen.attention, seen.size, self._mask())

    def _mask(self) -> Mask | None:
        return masks.read(self.mask) if self.mask else None


def case(
    name: str,
    group: str,
    truth: tuple[Boxes, Labels],
    classes: Sequence[str],
    prediction: Prediction,
    recipe: Recipe,
    *,
    sample: str = "",
    mask: tuple[Path, ...] = (),
) -> Case:
    """`sample` is its name where the image is not the sample itself; `mask` its files, for the map."""
    boxes, labels = truth
    judgement = judge(
        prediction.detections,
        prediction.classification,
        recipe,
        size=prediction.size,
    )
    names = tuple(classes[label] for label in labels)
    return Case(name, group, boxes, names, prediction, judgement, sample or name, mask)


def located(cases: Sequence[Case]) -> list[Case]:
    """Those on which a box can be right or wrong: good ones, and those whose defects have boxes."""
    return [case for case in cases if not case.labels_only]


def read_answers(path: Path, samples: Sequence[Sample]) -> dict[str, Prediction]:
    """Sample name -> prediction, from answers of `POST /v1/inspections`, one JSON object a line.

    Each has the posted file's name under `source`, besides what the gateway sent. Answers for files that are
    no sample are left out. Raises DataError, with the line: no JSON, no `source`, two answers for one image,
    an answer without a result (a lost part must not make a figure look better), samples without an answer.
    """
    by_file = {sample.image.name: sample.name for sample in samples}
    found: dict[str, Prediction] = {}
    for place, answer in _lines(path):
        name = by_file.get(_source(answer, place))
        if name is None:
            continue
        if name in found:
            raise DataError(f"{place}: a second answer for {name}")
        found[name] = _from_answer(answer, place)
    missing = [sample.name for sample in samples if sample.name not in found]
    if missing:
        raise DataError(f"{path}: no answer for {len(missing)} of {len(samples)} images, first {missing[0]}")
    return found


def _lines(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read: {error}") from error
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            answer = json.loads(line)
        except json.JSONDecodeError as error:
            raise DataError(f"{path}:{number}: not JSON: {error}") from error
        if not isinstance(answer, dict):
            raise DataError(f"{path}:{number}: expected one answer, an object")
        yield f"{path}:{number}", answer


def _source(answer: dict[str, Any], place: str) -> str:
    source = answer.get("source")
    if not isinstance(source, str):
        raise DataError(f"{place}: the answer has no `source`; write it with `inspector camera --json`")
    return Path(source).name


def _from_answer(answer: dict[str, Any], place: str) -> Prediction:
    if answer.get("state") != State.DONE:
        raise DataError(f"{place}: {answer.get('source')} is {answer.get('state')}, it has no result")
    try:
        result = answer["result"]
        return Prediction(
            detections=tuple(_detection(finding) for finding in result["findings"]),
            classification=Classification.model_validate(result["classification"]),
            size=(int(result["image"]["height"]), int(result["image"]["width"])),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{place}: the result is not one of ours: {error!r}") from error


def _detection(finding: dict[str, Any]) -> Detection:
    x1, y1, x2, y2 = (float(side) for side in finding["box"])
    return Detection(str(finding["class"]), float(finding["score"]), (x1, y1, x2, y2))
