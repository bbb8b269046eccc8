"""The study of one bundle: every account is scored, every gate weighed, and it repeats."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest
import torch

from inspector.data.dataset import Dataset
from inspector.engines.choose import choose
from inspector.engines.pipeline import Pipeline
from inspector.errors import DataError
from inspector.evaluation import coco_metrics
from inspector.messages.recipe import Recipe
from inspector.models.bundle import Bundle
from inspector.studies import attention
from inspector.studies.asking import ask, of_dataset
from inspector.studies.pictures import examples, save, side_by_side


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_the_study_of_a_bundle(bundle: Bundle, boards: Dataset) -> None:
    done: list[int] = []
    found = attention.study(bundle, boards, "val", advance=done.append)
    assert sum(done) == attention.passes(bundle) * len(boards)
    assert set(found.maps) == {
        attention.OWN,
        attention.UNSUPERVISED,
        attention.SHUFFLED,
        *attention.GRAD_CAMS,
    }
    assert found.maps[attention.OWN].quiet_max is not None
    assert (found.images, found.defects) == (4, sum(len(sample.boxes) for sample in boards.samples))
    assert -1 <= found.alike_when_shuffled <= 1
    assert {row.hidden for row in found.channels.values()} == {4}
    assert found == attention.study(bundle, boards, "val")

    best = max(found.maps[name].energy for name in attention.GRAD_CAMS if name.endswith("before the gate"))
    ahead = found.ahead_of_grad_cam["before the gate"]["energy"]
    assert ahead == pytest.approx(found.maps[attention.OWN].energy - best)


def test_as_it_is_means_what_the_evaluation_says(bundle: Bundle, boards: Dataset) -> None:
    rows = attention.study(bundle, boards, "val").gates
    plain = Pipeline(bundle, choose(bundle, "torch", "cpu"))
    scores = coco_metrics.score(ask(plain, of_dataset(boards), boards.classes), boards.classes)
    assert scores is not None
    assert (rows[0].what, rows[0].map50, rows[0].lost50) == ("as it is", scores.map50, 0.0)
    for row in rows[1:]:
        assert row.replaced
        assert row.lost50 == pytest.approx(scores.map50 - row.map50)


def test_data_without_a_defect_has_nothing_to_point_at(bundle: Bundle, boards: Dataset) -> None:
    with pytest.raises(DataError, match="no defect"):
        attention.study(bundle, boards.where(lambda sample: not len(sample.boxes)), "val")


def test_pictures_show_bad_parts_and_good_ones(bundle: Bundle, boards: Dataset, tmp_path: Path) -> None:
    questions = examples(boards, bad=2, good=1)
    assert [len(question.boxes) > 0 for question in questions] == [True, True, False]
    figure = side_by_side(bundle, Recipe(id="default", version=1), questions, boards.classes)
    save(figure, tmp_path / "new" / "maps.png")
    drawn = cv2.imread(str(tmp_path / "new" / "maps.png"))
    assert drawn is not None
    assert drawn.std() > 20
