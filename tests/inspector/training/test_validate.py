"""Validation with and without templates: which images are the good ones, and what if there are none."""

from __future__ import annotations

from pathlib import Path

import pytest

from inspector.data import sources
from inspector.data.dataset import Dataset
from inspector.engines.choose import choose
from inspector.engines.pipeline import Pipeline
from inspector.models.bundle import Bundle
from inspector.training.validate import validate
from tests.support import datasets, deeppcb_folder


@pytest.fixture
def pipeline(tiny_bundle: Bundle) -> Pipeline:
    return Pipeline(tiny_bundle, choose(tiny_bundle, "openvino", "cpu"))


def parts(folder: Path, *, defective: int, good: int) -> Dataset:
    return sources.load(f"coco:{datasets.coco(folder, defective=defective, good=good)}").data


def test_real_good_images_are_weighed_against_defective_ones_as_they_are(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    done: list[int] = []
    data = parts(tmp_path, defective=6, good=5)
    found = validate(pipeline, data, done.append)
    assert found is not None
    assert set(found.thresholds.classes) == {"dent", "scratch"}
    image = found.figures["image"]
    assert isinstance(image, dict)
    assert (image["overkill_rate"]["of"], image["escape_rate"]["of"]) == (5, 6)
    assert sum(done) == 11


def test_boards_with_a_template_are_healed(pipeline: Pipeline, tmp_path: Path) -> None:
    deeppcb_folder.make(tmp_path, groups=2, boards=1, side=160)
    found = validate(pipeline, sources.load(f"deeppcb:{tmp_path}").data, lambda done: None)
    assert found is not None
    image = found.figures["image"]
    assert isinstance(image, dict)
    assert (image["overkill_rate"]["of"], image["escape_rate"]["of"]) == (2, 2)


@pytest.mark.parametrize("counts", [{"defective": 4, "good": 0}, {"defective": 0, "good": 4}])
def test_good_or_defective_images_alone_choose_nothing(
    pipeline: Pipeline, tmp_path: Path, counts: dict[str, int]
) -> None:
    assert validate(pipeline, parts(tmp_path, **counts), lambda done: None) is None
