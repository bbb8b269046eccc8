"""A data set and a real, untrained model: every figure is there, and it is the pipeline's word."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import pytest

from inspector.data.dataset import Dataset, Sample
from inspector.data.synthetic import CLASSES, board
from inspector.decision.recipes import RecipeBook
from inspector.engines.choose import choose
from inspector.engines.pipeline import Pipeline
from inspector.errors import DataError
from inspector.evaluation.evaluate import evaluate, evaluate_answers, predict
from tests.support.tiny_bundle import make

RECIPE = RecipeBook.read().resolve("default")


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    bundle = make(tmp_path_factory.mktemp("bundle") / "tiny")
    return Pipeline(bundle, choose(bundle, "openvino", "cpu"))


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = tmp_path_factory.mktemp("boards")
    return Dataset(CLASSES, tuple(sample(folder, seed) for seed in range(4)))


def sample(folder: Path, seed: int) -> Sample:
    """Boards 0, 1, 2 have defects and 3 is good; 0 and 1 are of one group."""
    made = board(seed, defects=0 if seed == 3 else 3, size=(160, 192))
    image, template = folder / f"{seed}_test.png", folder / f"{seed}_temp.png"
    cv2.imwrite(str(image), made.image)
    cv2.imwrite(str(template), made.template)
    return Sample(str(seed), image, made.boxes, made.labels, f"group{seed // 2}", template)


def test_every_figure_is_there(pipeline: Pipeline, dataset: Dataset) -> None:
    done: list[int] = []
    report = evaluate(pipeline, dataset, RECIPE, unseen=frozenset({"group1"}), progress=done.append)
    assert (report.images, report.defects) == (4, sum(len(one.boxes) for one in dataset.samples))
    assert report.boards == {"defective": 3, "single": 3, "good": 4}
    assert sum(done) == 4 + 9
    assert set(report.groups) == {"group0", "group1"}
    assert report.unseen is not None
    assert report.unseen.images == 2
    assert report.image is not None
    assert report.image.overkill_rate is not None
    assert report.image.overkill_rate.of == 4
    assert report.attention is not None
    assert (report.model.name, report.model.engine) == ("tiny", "openvino")


def test_the_json_holds_the_promised_keys(pipeline: Pipeline, dataset: Dataset) -> None:
    figures = json.loads(json.dumps(evaluate(pipeline, dataset, RECIPE).model_dump()))
    assert {"map50", "map50_95", "per_class", "deeppcb", "image", "attention", "groups"} <= set(figures)
    assert {"model", "images", "seconds"} <= set(figures)
    assert {"ap_micro", "ap_class_mean", "f", "precision", "recall"} <= set(figures["deeppcb"])
    assert {"auroc", "ap", "escape_rate", "overkill_rate"} <= set(figures["image"])
    assert set(figures["image"]["escape_rate"]) == {"value", "low", "high", "count", "of"}
    keys = {"energy", "enrichment", "pointing", "peak_recall", "aupro", "std", "quiet_max"}
    assert keys <= set(figures["attention"])
    assert {"name", "version", "parameters", "gflops"} <= set(figures["model"])


def test_answers_give_the_same_figures_as_the_model(
    pipeline: Pipeline, dataset: Dataset, tmp_path: Path
) -> None:
    file = tmp_path / "answers.jsonl"
    file.write_text("".join(line(pipeline, one) for one in dataset.samples))
    offline = evaluate(pipeline, dataset, RECIPE)
    online = evaluate_answers(file, dataset, RECIPE, unseen=frozenset())
    assert online.map50_95 == pytest.approx(offline.map50_95, abs=1e-6)
    assert online.deeppcb == offline.deeppcb
    assert online.escape_per_defect == offline.escape_per_defect
    assert online.image is None
    assert online.attention is None


def line(pipeline: Pipeline, one: Sample) -> str:
    """An answer as the gateway gives it, as far as it is read."""
    (seen,) = predict(pipeline, [one.image.read_bytes()])
    findings = [{"class": d.defect_class, "score": d.score, "box": d.box} for d in seen.detections]
    result = {
        "findings": findings,
        "classification": seen.classification.model_dump(),
        "image": {"width": seen.size[1], "height": seen.size[0]},
    }
    return json.dumps({"state": "done", "result": result, "source": one.image.name}) + "\n"


def test_a_class_that_the_model_does_not_know_is_refused(pipeline: Pipeline, dataset: Dataset) -> None:
    with pytest.raises(DataError, match="rust"):
        evaluate(pipeline, Dataset((*CLASSES, "rust"), dataset.samples), RECIPE)
