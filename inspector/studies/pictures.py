"""Pictures of what a network sees: truth, boxes, map and Grad-CAM side by side, bad parts and good ones.

Maps are drawn absolute, 0 to 1, never stretched; a Grad-CAM has no scale, so each is to its own maximum.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from inspector.data.dataset import Dataset, Image
from inspector.data.healed import encode, healed_boards
from inspector.engines.pipeline import Pipeline
from inspector.engines.torch_engine import load_network
from inspector.evaluation.predictions import Case
from inspector.imaging.decode import decode
from inspector.imaging.files import facts_of
from inspector.imaging.opencv import cv2
from inspector.imaging.overlay import draw
from inspector.messages.recipe import Recipe
from inspector.models.bundle import Bundle
from inspector.studies import maps
from inspector.studies.asking import Question, ask, of_dataset
from inspector.studies.data import spread

TRUTH = (30, 160, 60)
"""RGB of a true box."""

FADED = 0.3
"""Of an image's own darkness, under a map."""

COLUMNS = (
    "the truth",
    "boxes; red: the part is NG",
    "the map",
    "Grad-CAM before the gate",
    "Grad-CAM behind the gate",
)

LEGEND = "where the network looks (trained on defect regions); the boxes decide"


def examples(data: Dataset, bad: int, good: int) -> list[Question]:
    """Defective images evenly spread over the data, then good ones: without a box, else healed boards."""
    defective = spread(data.where(lambda sample: len(sample.boxes) > 0), bad)
    fine = spread(data.where(lambda sample: sample.good), good)
    chosen = [*of_dataset(defective), *of_dataset(fine)]
    return chosen if fine.samples else chosen + list(islice(_healed(defective), good))


def side_by_side(
    bundle: Bundle, recipe: Recipe, questions: Sequence[Question], classes: tuple[str, ...]
) -> Figure:
    """A row for each image, COLUMNS across; `questions`: at least one."""
    network = load_network(bundle)
    accounts = [
        maps.gate_map,
        maps.grad_cam(maps.box_target, maps.BEFORE_GATE),
        maps.grad_cam(maps.box_target, maps.BEHIND_GATE),
    ]
    answers = [
        ask(Pipeline(bundle, maps.MapEngine(network, account)), questions, classes, recipe=recipe)
        for account in accounts
    ]
    figure = Figure(figsize=(2.9 * len(COLUMNS), 3.05 * len(questions) + 0.4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = np.atleast_2d(figure.subplots(len(questions), len(COLUMNS)))
    for number, question in enumerate(questions):
        image = decode(question.image, facts_of(question.image), bundle.manifest.input.channels)
        for place, picture in enumerate(_row(image, question, [cases[number] for cases in answers])):
            axes[number, place].imshow(picture)
            axes[number, place].axis("off")
            if number == 0:
                axes[number, place].set_title(COLUMNS[place], fontsize=11)
        where = {"transform": axes[number, 0].transAxes, "rotation": 90, "fontsize": 9}
        axes[number, 0].text(-0.03, 0.5, _title(question), ha="right", va="center", **where)
    figure.supxlabel(f"{LEGEND}; model {bundle.manifest.name} {bundle.manifest.version}", fontsize=9)
    return figure


def save(figure: Figure, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


def _row(image: Image, question: Question, cases: Sequence[Case]) -> Iterator[Image]:
    own = cases[0]
    yield _true_boxes(image, question)
    yield draw(image, own.judgement.findings)
    for case in cases:
        yield draw(faded(image), [], case.prediction.attention)


def faded(image: Image) -> Image:
    """Light, so that the map's colours show on black as they do on white."""
    return np.asarray(255 - (255 - image.astype(np.float32)) * FADED, np.uint8)


def _true_boxes(image: Image, question: Question) -> Image:
    canvas = np.ascontiguousarray(image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2))
    line = max(1, round(max(canvas.shape[:2]) / 250))
    for x1, y1, x2, y2 in question.boxes.round().astype(int).tolist():
        cv2.rectangle(canvas, (x1, y1), (x2, y2), TRUTH, line)
    return canvas


def _title(question: Question) -> str:
    name = question.name.removesuffix(".good")
    if len(question.boxes):
        return f"{name}: {len(question.boxes)} defects"
    return f"{name}: good" if name == question.name else f"{name}: healed, good"


def _healed(defective: Dataset) -> Iterator[Question]:
    for board in healed_boards(defective):
        if board.kind == "good":
            yield Question(board.name, board.group, encode(board.image), board.boxes, board.labels)
