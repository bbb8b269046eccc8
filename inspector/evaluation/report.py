"""Report: the figures of one evaluation, as they stand in the JSON file. Fractions are 0-1."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from inspector.evaluation import (
    attention_metrics,
    class_metrics,
    coco_metrics,
    deeppcb_protocol,
    image_metrics,
)
from inspector.evaluation.attention_metrics import AttentionScores
from inspector.evaluation.class_metrics import ClassificationScores
from inspector.evaluation.coco_metrics import ClassScores
from inspector.evaluation.deeppcb_protocol import DeepPcbScores
from inspector.evaluation.image_metrics import ImageScores
from inspector.evaluation.metrics import Rate
from inspector.evaluation.predictions import Case


class Scores(BaseModel):
    """Of all images, or of one group of them."""

    model_config = ConfigDict(frozen=True)

    images: int
    """As they are in the data set: what the boxes are measured on."""
    defects: int
    map50: float | None
    map50_95: float | None
    per_class: dict[str, ClassScores]
    deeppcb: DeepPcbScores | None
    escape_per_defect: Rate | None
    image: ImageScores | None
    """On evaluation boards; None where none can be made or only answers are known."""
    attention: AttentionScores | None
    classes: ClassificationScores | None = None
    """None where every defect has its box."""


class ModelFacts(BaseModel):
    model_config = ConfigDict(frozen=True)

    name: str
    version: str
    sha256: str | None = None
    parameters: int | None = None
    gflops: float | None = None
    engine: str | None = None
    device: str | None = None


class Report(Scores):
    groups: dict[str, Scores]
    """By board, tile or lot; empty where the data has none."""
    unseen: Scores | None = None
    """The groups that training never shows."""
    seen: Scores | None = None
    model: ModelFacts
    recipe: str
    """id and version, as in `default v1`: the thresholds behind every rate."""
    boards: dict[str, int]
    """Evaluation boards of each kind behind `image`."""
    seed: int
    """Of the evaluation boards."""
    seconds: float


class Material(BaseModel):
    """All that was asked of the model: images as they are, and evaluation boards by kind."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    classes: tuple[str, ...]
    posted: tuple[Case, ...]
    boards: dict[str, tuple[Case, ...]]
    """defective, single, good."""

    def of(self, groups: set[str]) -> Material:
        return Material(
            classes=self.classes,
            posted=_within(self.posted, groups),
            boards={kind: _within(cases, groups) for kind, cases in self.boards.items()},
        )

    @property
    def groups(self) -> list[str]:
        return sorted({case.group for case in self.posted if case.group})


def score(material: Material) -> Scores:
    posted, boards = material.posted, material.boards
    # Where a defect lies on the others is not known, so no box on them is right or wrong.
    located = [case for case in posted if not case.labels_only]
    coco = coco_metrics.score(located, material.classes)
    good = boards.get("good", ())
    return Scores(
        images=len(posted),
        defects=sum(len(case.truth_boxes) for case in posted),
        map50=coco and coco.map50,
        map50_95=coco and coco.map50_95,
        per_class=coco.per_class if coco else {},
        deeppcb=deeppcb_protocol.score(located, material.classes) if coco else None,
        escape_per_defect=image_metrics.escape_per_defect(posted),
        image=_image(boards),
        attention=attention_metrics.score(posted, good),
        classes=class_metrics.score(posted, material.classes),
    )


def _image(boards: dict[str, tuple[Case, ...]]) -> ImageScores | None:
    if not any(boards.values()):
        return None
    return image_metrics.score(*(boards.get(kind, ()) for kind in ("defective", "single", "good")))


def _within(cases: Sequence[Case], groups: set[str]) -> tuple[Case, ...]:
    return tuple(case for case in cases if case.group in groups)
