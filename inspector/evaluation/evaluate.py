"""A data set and a model -> Evaluation: the figures, and what they were made from.

Boxes and map are measured on the images as they are, byte for byte as a camera would post them; verdicts on
evaluation boards (data/healed.py), where good parts exist. Every image goes through the workers' own
pipeline.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from inspector.data.dataset import Boxes, Dataset, Labels, Sample
from inspector.data.healed import encode, healed_boards
from inspector.engines.pipeline import Pipeline
from inspector.errors import DataError
from inspector.evaluation.pixels import Pixels
from inspector.evaluation.predictions import Case, Prediction, case, read_answers
from inspector.evaluation.report import Material, ModelFacts, Report, Scores, score
from inspector.imaging.files import facts_of, read_bytes
from inspector.imaging.preprocess import Prepared
from inspector.messages.recipe import Recipe

BATCH = 8
"""Images in one run of the network: enough for a GPU, and 8 x 640 x 640 floats are 13 MB."""

Progress = Callable[[int], None]
"""Called with the number of images done since the last call."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    report: Report
    material: Material
    recipe: Recipe
    pixels: Pixels


def evaluate(
    pipeline: Pipeline,
    dataset: Dataset,
    recipe: Recipe,
    *,
    seed: int = 0,
    unseen: frozenset[str] = frozenset(),
    progress: Progress = lambda done: None,
) -> Report:
    """The figures alone. As `measure`."""
    return measure(pipeline, dataset, recipe, seed=seed, unseen=unseen, progress=progress).report


def measure(
    pipeline: Pipeline,
    dataset: Dataset,
    recipe: Recipe,
    *,
    seed: int = 0,
    unseen: frozenset[str] = frozenset(),
    progress: Progress = lambda done: None,
) -> Evaluation:
    """Everything that can be said of a model on `dataset`. `unseen` are the groups training never shows.

    Raises DataError: an unreadable image, classes that the model does not know.
    """
    started = time.monotonic()
    material = ask(pipeline, dataset, recipe, seed=seed, progress=progress)
    report = _report(material, model_facts(pipeline), recipe, seed, unseen, started)
    return Evaluation(report, material, recipe, Pixels(dataset, seed))


def ask(
    pipeline: Pipeline,
    dataset: Dataset,
    recipe: Recipe,
    *,
    seed: int = 0,
    progress: Progress = lambda done: None,
) -> Material:
    """What the model says about every image, and about the evaluation boards made from them.

    Boards are made of samples with a template, and samples without any label are good ones as they are; so
    are defective ones, where no sample has a template or nothing but their class is known. Raises as
    `measure` does.
    """
    _check_classes(pipeline, dataset)
    asked = _Asked(pipeline, recipe, dataset.classes, progress)
    posted = tuple(judged for _, judged in asked.cases(_as_posted(dataset.samples)))
    boards: dict[str, list[Case]] = {"defective": [], "single": [], "good": []}
    for kind, judged in asked.cases(_boards(dataset, seed)):
        boards[kind].append(judged)
    boards["good"] += [judged for judged in posted if judged.good]
    healable = any(sample.template for sample in dataset.samples)
    boards["defective"] += [one for one in posted if one.labels_only or not (one.good or healable)]
    return Material(
        classes=dataset.classes,
        posted=posted,
        boards={kind: tuple(cases) for kind, cases in boards.items()},
    )


def evaluate_answers(path: Path, dataset: Dataset, recipe: Recipe, *, unseen: frozenset[str]) -> Report:
    """The figures alone. As `measure_answers`."""
    return measure_answers(path, dataset, recipe, unseen=unseen).report


def measure_answers(path: Path, dataset: Dataset, recipe: Recipe, *, unseen: frozenset[str]) -> Evaluation:
    """The same figures for boxes from the answers of a running service; maps and boards are not in them."""
    started = time.monotonic()
    answers = read_answers(path, dataset.samples)
    posted = tuple(
        case(
            sample.name,
            sample.group,
            (sample.boxes, sample.labels),
            dataset.classes,
            answers[sample.name],
            recipe,
        )
        for sample in dataset.samples
    )
    material = Material(classes=dataset.classes, posted=posted, boards={})
    facts = ModelFacts(name=f"answers of {path.name}", version="")
    report = _report(material, facts, recipe, 0, unseen, started)
    return Evaluation(report, material, recipe, Pixels(dataset, 0))


def model_facts(pipeline: Pipeline) -> ModelFacts:
    training = pipeline.bundle.manifest.training
    return ModelFacts(
        **pipeline.model.model_dump(),
        parameters=training.get("parameters"),
        gflops=training.get("gflops"),
        engine=pipeline.engine.name,
        device=pipeline.engine.device,
    )


@dataclass(frozen=True, slots=True)
class _Question:
    """One image to ask about. `kind` is the board's; nothing for an image as it is."""

    name: str
    kind: str
    image: bytes
    truth: tuple[Boxes, Labels]
    sample: Sample


class _Asked:
    """Images -> judged cases, a batch at a time."""

    def __init__(
        self, pipeline: Pipeline, recipe: Recipe, classes: tuple[str, ...], progress: Progress
    ) -> None:
        self._pipeline = pipeline
        self._recipe = recipe
        self._classes = classes
        self._progress = progress

    def cases(self, questions: Iterable[_Question]) -> Iterator[tuple[str, Case]]:
        """Kind and case."""
        iterator = iter(questions)
        while batch := list(islice(iterator, BATCH)):
            predictions = predict(self._pipeline, [question.image for question in batch])
            for question, prediction in zip(batch, predictions, strict=True):
                yield question.kind, self._judged(question, prediction)
            self._progress(len(batch))

    def _judged(self, question: _Question, prediction: Prediction) -> Case:
        sample = question.sample
        return case(
            question.name,
            sample.group,
            question.truth,
            self._classes,
            prediction,
            self._recipe,
            sample=sample.name,
            # Of a board only the boxes are known.
            mask=() if question.kind else sample.mask,
        )


def predict(pipeline: Pipeline, images: Sequence[bytes]) -> list[Prediction]:
    """Image files -> predictions, in order. Raises what the pipeline raises."""
    prepared = [pipeline.decode(image, facts_of(image)) for image in images]
    return [
        Prediction(
            detections=tuple(seen.detections),
            classification=seen.classification,
            size=_size(one),
            attention=seen.attention,
        )
        for one, seen in zip(prepared, pipeline.infer(prepared), strict=True)
    ]


def _size(prepared: Prepared) -> tuple[int, int]:
    return prepared.height, prepared.width


def _as_posted(samples: Iterable[Sample]) -> Iterator[_Question]:
    for sample in samples:
        yield _Question(sample.name, "", read_bytes(sample.image), (sample.boxes, sample.labels), sample)


def _boards(dataset: Dataset, seed: int) -> Iterator[_Question]:
    samples = {sample.name: sample for sample in dataset.samples}
    for board in healed_boards(dataset.where(lambda sample: len(sample.boxes) > 0), seed=seed):
        truth = (board.boxes, board.labels)
        yield _Question(board.name, board.kind, encode(board.image), truth, samples[board.sample])


def _check_classes(pipeline: Pipeline, dataset: Dataset) -> None:
    known = pipeline.bundle.manifest.classes
    strange = [name for name in dataset.classes if name not in known]
    if strange:
        raise DataError(f"the model knows {', '.join(known)}; the data set has also {', '.join(strange)}")


def _report(
    material: Material,
    model: ModelFacts,
    recipe: Recipe,
    seed: int,
    unseen: frozenset[str],
    started: float,
) -> Report:
    groups = set(material.groups)
    return Report(
        **dict(score(material, seed=seed)),
        groups={group: score(material.of({group})) for group in sorted(groups)},
        unseen=_part(material, groups & unseen, seed),
        seen=_part(material, groups - unseen, seed) if unseen else None,
        model=model,
        recipe=f"{recipe.id} v{recipe.version}",
        boards={kind: len(cases) for kind, cases in material.boards.items()},
        seed=seed,
        # Last, so that the time of the figures themselves is in it.
        seconds=round(time.monotonic() - started, 3),
    )


def _part(material: Material, groups: set[str], seed: int) -> Scores | None:
    return score(material.of(groups), seed=seed) if groups else None
