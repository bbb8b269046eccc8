"""How the averaged weights do on the validation part while the run goes on: cheap, and nothing is chosen by
it but which weights are kept and when a run may stop.

The network is asked by torch, without an export, through the workers' own pipeline: the same tiles, padding
and suppression. No random state is touched, so a run with a watch gives the weights of one without.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import numpy as np
import torch

from inspector.data.augment import Augmentation, Picture, augment
from inspector.data.dataset import Boxes, Dataset, Labels, Sample
from inspector.data.geometry import padded_side
from inspector.data.healed import encode, healed_boards
from inspector.data.survey import header_of
from inspector.engines.base import FloatArray, RawOutput
from inspector.engines.pipeline import Pipeline
from inspector.evaluation import coco_metrics
from inspector.evaluation.evaluate import predict
from inspector.evaluation.metrics import auroc
from inspector.evaluation.predictions import Case, case, located
from inspector.imaging.files import read_bytes
from inspector.messages.recipe import Recipe
from inspector.models.bundle import AttentionSpec, Bundle, InputSpec, Manifest
from inspector.models.detector import Detector
from inspector.models.neck import MAP_SOURCE, MAP_STRIDE
from inspector.training import weak
from inspector.training.config import TrainConfig
from inspector.training.loader import collate, read_scaled, scaled
from inspector.training.precision import half_precision
from inspector.training.whole import Whole, whole

MOST_IMAGES = 200
"""Of the validation part, evenly spread: enough to see a curve; the figures to quote come after the run."""

FEWEST_DEFECTS = 10
"""True boxes, or images that are only labelled: with fewer, a figure jumps with each of them, and the loss is
the better judge."""

BATCH = 4
"""Images in one run of the network."""

CROPS = 4
"""Of each image that is larger than one, for the loss: always the same ones."""

PLAIN = Augmentation(good=0, partly_good=0, symmetries="none", contrast=0, brightness=0, binarise=0, noise=0)

UNJUDGED = Recipe(id="default", version=1)
"""Cases need a recipe; no figure here depends on it."""


@dataclass(frozen=True, slots=True)
class Figures:
    """None where there is nothing to measure: no box, no good image, or (loss) nothing asked for."""

    map50: float | None
    map50_95: float | None
    auroc: float | None
    """Image-level score, defective against good images; of boards with templates, healed ones."""
    loss: float | None

    @property
    def worth(self) -> float:
        """What decides which weights are kept; larger is better. The loss where it was measured, which is
        when defects are too few to count; else mAP50-95, and the AUROC added where there are good images."""
        if self.loss is not None:
            return -self.loss
        return (self.map50_95 or 0.0) + (self.auroc or 0.0)

    def known(self) -> dict[str, float]:
        return {name: round(value, 5) for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True, slots=True)
class _Question:
    name: str
    boxes: Boxes
    labels: Labels
    image: Path | bytes
    """A file is read again each time: what it costs is little, and what it would hold is much."""


class Watch:
    """`data`: the validation part, one image at least."""

    def __init__(self, data: Dataset, config: TrainConfig) -> None:
        self._classes = data.classes
        self._config = config
        self._samples = _spread(data.samples)
        self._boards = tuple(_healed(Dataset(data.classes, self._samples)))
        self._whole = Whole(data.samples)
        self._good = bool(self._boards) or any(sample.good for sample in self._samples)
        self.by_loss = self._defects() < FEWEST_DEFECTS or not (self._whole.detects or self._good)
        """Whether weights are judged by their loss."""

    @property
    def criterion(self) -> str:
        """For people."""
        if self.by_loss:
            if self._defects() < FEWEST_DEFECTS:
                return f"loss (there are fewer than {FEWEST_DEFECTS} defects to count)"
            return "loss (there are neither boxes nor good images)"
        if not self._whole.detects:
            return "image AUROC"
        return "mAP50-95 + image AUROC" if self._good else "mAP50-95"

    def _defects(self) -> int:
        """True boxes; where there is none at all, images that are known to be defective."""
        boxes = sum(len(sample.boxes) for sample in self._samples)
        return boxes if self._whole.detects else sum(sample.labels_only for sample in self._samples)

    def pixels(self) -> int:
        """That the network looks at in one `look`: its cost."""
        shapes = [header_of(sample) for sample in self._samples]
        scale, side = self._config.scale, self._config.final_size
        seen = [padded_side(shape.width * scale) * padded_side(shape.height * scale) for shape in shapes]
        healed = len(self._boards) * float(np.mean(seen))
        crops = (
            [
                self._crops(sample, max(shape.width, shape.height))
                for sample, shape in zip(self._samples, shapes, strict=True)
            ]
            if self.by_loss
            else []
        )
        return int(sum(seen) + healed + sum(crops) * side**2)

    def look(self, network: Detector) -> Figures:
        """`network` in evaluation mode, on its device."""
        pipeline = Pipeline(_as_bundle(self._classes, self._config), _Live(network))
        posted = list(_asked(pipeline, [_posted(sample) for sample in self._samples], self._classes))
        scores = coco_metrics.score(located(posted), self._classes)
        boards = list(_asked(pipeline, self._boards, self._classes)) or posted
        bad, good = ([_defective(c) for c in boards if c.good is kind] for kind in (False, True))
        return Figures(
            map50=None if scores is None else scores.map50,
            map50_95=None if scores is None else scores.map50_95,
            auroc=auroc(bad, good),
            loss=self._loss(network) if self.by_loss else None,
        )

    @torch.no_grad()
    def _loss(self, network: Detector) -> float:
        """Mean over fixed crops of all images."""
        rng = np.random.default_rng(0)
        device = next(network.parameters()).device
        total = 0.0
        for sample in self._samples:
            own = scaled(sample, self._config.scale)
            picture = Picture(read_scaled(sample.image, self._config), own.boxes, own.labels)
            count = self._crops(sample, max(picture.image.shape[:2]) / self._config.scale)
            if self._taken_whole(sample):
                picture = whole(picture, self._config.final_size)
            crops = [
                augment(picture, self._config.final_size, PLAIN, rng, white=self._config.white)
                for _ in range(count)
            ]
            batch = collate(crops, detects=self._whole.detects).to(device)
            parts = weak.losses(network.raw(batch.images), batch)
            # Without the gate's: on small defects it is ten times the others, and finds nothing by itself.
            total += float(parts.total - parts.gate)
        return total / len(self._samples)

    def _crops(self, sample: Sample, longest: float) -> int:
        """`longest`: side of the image, pixels."""
        fits = longest * self._config.scale <= self._config.final_size
        return 1 if fits or self._taken_whole(sample) else CROPS

    def _taken_whole(self, sample: Sample) -> bool:
        return sample.labels_only or not self._whole.detects


class _Live:
    """An Engine: the network as it is now."""

    name = "torch"

    def __init__(self, network: Detector) -> None:
        self._network = network
        self._device = next(network.parameters()).device
        self.device = str(self._device)
        self._precision = half_precision(self._device)

    def infer(self, batch: FloatArray) -> RawOutput:
        # As in training: half precision is twice as fast, and no figure that is published comes from here.
        with torch.inference_mode(), torch.autocast(self._device.type, self._precision):
            outputs = self._network(torch.from_numpy(np.ascontiguousarray(batch)).to(self._device))
        return RawOutput(*(output.float().cpu().numpy() for output in outputs))


def _as_bundle(classes: tuple[str, ...], config: TrainConfig) -> Bundle:
    """What export will seal, without any file: what the pipeline must know of a model."""
    manifest = Manifest(
        name=config.name,
        version="",
        created_at=datetime.now(UTC),
        classes=list(classes),
        input=InputSpec(channels=config.in_channels, **config.input_rules()),
        attention=AttentionSpec(source=MAP_SOURCE, stride=MAP_STRIDE),
        architecture={},
        files={},
    )
    return Bundle(Path(), manifest, "")


def _asked(pipeline: Pipeline, questions: Sequence[_Question], classes: tuple[str, ...]) -> Iterator[Case]:
    rest = iter(questions)
    while batch := list(islice(rest, BATCH)):
        images = [q.image if isinstance(q.image, bytes) else read_bytes(q.image) for q in batch]
        for question, seen in zip(batch, predict(pipeline, images), strict=True):
            yield case(question.name, "", (question.boxes, question.labels), classes, seen, UNJUDGED)


def _posted(sample: Sample) -> _Question:
    return _Question(sample.name, sample.boxes, sample.labels, sample.image)


def _healed(data: Dataset) -> Iterator[_Question]:
    """Of samples with a template, a defective and a good board, made alike."""
    for board in healed_boards(data.where(lambda sample: len(sample.boxes) > 0)):
        if board.kind != "single":
            yield _Question(board.name, board.boxes, board.labels, encode(board.image))


def _defective(judged: Case) -> float:
    return judged.prediction.classification.defective


def _spread(samples: Sequence[Sample]) -> tuple[Sample, ...]:
    count = min(len(samples), MOST_IMAGES)
    return tuple(samples[index * len(samples) // count] for index in range(count))
