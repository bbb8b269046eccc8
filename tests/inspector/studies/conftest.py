from __future__ import annotations

from pathlib import Path

import cv2
import pytest

from inspector.data.dataset import Dataset, Sample
from inspector.data.synthetic import CLASSES, board
from inspector.engines.choose import choose
from inspector.engines.pipeline import Pipeline
from inspector.models.bundle import Bundle
from tests.support.tiny_bundle import make


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return make(tmp_path_factory.mktemp("studies") / "tiny")


@pytest.fixture(scope="session")
def pipeline(bundle: Bundle) -> Pipeline:
    return Pipeline(bundle, choose(bundle, "openvino", "cpu"))


@pytest.fixture(scope="session")
def boards(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Three defective boards and a good one, 128 x 160 pixels."""
    folder = tmp_path_factory.mktemp("boards")
    return Dataset(CLASSES, tuple(_sample(folder, seed) for seed in range(4)))


def _sample(folder: Path, seed: int) -> Sample:
    made = board(seed, defects=0 if seed == 3 else 3, size=(128, 160))
    path = folder / f"{seed}.png"
    cv2.imwrite(str(path), made.image)
    return Sample(str(seed), path, made.boxes, made.labels, group=f"group{seed // 2}")
