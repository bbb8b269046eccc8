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
from inspector.evaluation.bootstrap import Intervals
from inspector.evaluation.class_metrics import ClassificationScores
from inspector.evaluation.coco_metrics import ClassScores
from inspector.evaluation.deeppcb_protocol import DeepPcbScores
from inspector.evaluation.image_metrics import ImageScores
from inspector.evaluation.intervals import intervals
from inspector.evaluation.metrics import Rate
from inspector.evaluation.predictions import Case, located


class Scores(BaseModel):
    """Of all images, or of one group of them."""

    model_config = ConfigDict(frozen=True)

    images: int
    """As they are in the data set: what the boxes are measured on."""
    defects: int
    """True boxes."""
    labelled: int = 0
    """Images of a defect's class without a box: defective, and where is not known."""
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
    intervals: Intervals | None = None
    """95 %, by bootstrap; None for a single group."""


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
    """Of the evaluation boards, and of the draws behind the intervals."""
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


def score(material: Material, *, seed: int | None = None) -> Scores:
    """With `seed`, of the draws, also the intervals."""
    posted, boards = material.posted, material.boards
    # Where a defect lies on the others is not known, so no box on them is right or wrong.
    known = located(posted)
    coco = coco_metrics.evaluate(known, material.classes)
    return Scores(
        images=len(posted),
        defects=sum(len(case.truth_boxes) for case in posted),
        labelled=len(posted) - len(known),
        map50=None if coco is None else coco.scores.map50,
        map50_95=None if coco is None else coco.scores.map50_95,
        per_class={} if coco is None else coco.scores.per_class,
        deeppcb=deeppcb_protocol.score(known, material.classes) if coco is not None else None,
        escape_per_defect=image_metrics.escape_per_defect(posted),
        image=_image(boards),
        attention=attention_metrics.score(posted, boards.get("good", ())),
        classes=class_metrics.score(posted, material.classes),
        intervals=None if seed is None else intervals(posted, boards, material.classes, coco, seed=seed),
    )


def _image(boards: dict[str, tuple[Case, ...]]) -> ImageScores | None:
    if not any(boards.values()):
        return None
    return image_metrics.score(*(boards.get(kind, ()) for kind in ("defective", "single", "good")))


def _within(cases: Sequence[Case], groups: set[str]) -> tuple[Case, ...]:
    return tuple(case for case in cases if case.group in groups)
