"""A whole training run, small: it learns, repeats to the bit, goes on where it was killed, seals a bundle."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from inspector.data.dataset import Dataset, Sample, as_boxes, as_labels
from inspector.engines.choose import choose
from inspector.engines.pipeline import Pipeline
from inspector.errors import BundleError, DataError
from inspector.imaging.files import facts_of
from inspector.models.bundle import OPENVINO_XML
from inspector.training.config import TrainConfig
from inspector.training.export import check_parity, export
from inspector.training.loop import Progress, Run

CONFIG = TrainConfig(
    size=64,
    final_size=64,
    batch=4,
    epochs=3,
    warmup_steps=2,
    learning_rate=3e-3,
    widths=(8, 8, 16, 16, 16),
    neck_channels=16,
)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """More threads on pictures this small only wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def data(tmp_path: Path) -> Dataset:
    """Eight grey pictures with one black square each."""
    rng = np.random.default_rng(0)
    samples = []
    for index in range(8):
        x, y = rng.integers(4, 44, 2)
        image = np.full((64, 64), 200, np.uint8)
        image[y : y + 16, x : x + 16] = 0
        path = tmp_path / f"{index}.png"
        cv2.imwrite(str(path), image)
        boxes = as_boxes([[x, y, x + 16, y + 16]])
        samples.append(Sample(str(index), path, boxes, as_labels([0]), group=str(index)))
    return Dataset(("square",), tuple(samples))


def quiet(progress: Progress) -> None:
    assert 0 <= progress.done <= 1


def weights(run: Run) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in run.averaged().state_dict().items()}


def test_the_same_seed_gives_the_same_weights(data: Dataset, tmp_path: Path) -> None:
    runs = [Run(CONFIG, data, tmp_path / name) for name in ("a", "b")]
    for run in runs:
        run.train(quiet)
    first, second = (weights(run) for run in runs)
    assert runs[0].step == 6
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_killed_run_goes_on_to_the_same_weights(data: Dataset, tmp_path: Path) -> None:
    whole = Run(CONFIG, data, tmp_path / "whole")
    whole.train(quiet)

    class Killed(Exception):
        pass

    def kill(progress: Progress) -> None:
        if progress.step == 4:
            killed.save()
            raise Killed

    killed = Run(CONFIG, data, tmp_path / "killed")
    with pytest.raises(Killed):
        killed.train(kill, every=1)
    resumed = Run(CONFIG, data, tmp_path / "killed")
    resumed.resume()
    assert resumed.step == 4
    resumed.train(quiet)

    wanted, got = weights(whole), weights(resumed)
    assert all(torch.equal(wanted[name], got[name]) for name in wanted)


def test_resume_refuses_a_run_with_other_options(data: Dataset, tmp_path: Path) -> None:
    Run(CONFIG, data, tmp_path).save()
    with pytest.raises(DataError, match="other options"):
        Run(CONFIG.model_copy(update={"seed": 9}), data, tmp_path).resume()


def test_resume_without_a_checkpoint_says_so(data: Dataset, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no checkpoint"):
        Run(CONFIG, data, tmp_path / "nothing").resume()


def test_it_learns_to_find_a_square_and_the_bundle_finds_it_too(data: Dataset, tmp_path: Path) -> None:
    config = CONFIG.model_copy(update={"epochs": 100, "learning_rate": 1e-2})
    run = Run(config, data, tmp_path / "run")
    reports: list[Progress] = []
    network = run.train(reports.append, every=20)
    for part in ("score", "box"):
        assert reports[-1].losses[part] < reports[0].losses[part] / 2

    bundle = export(
        network,
        tmp_path / "bundle",
        architecture=run.architecture,
        classes=data.classes,
        name="squares",
        version="1",
        nominal=(64, 64),
        training={"data": "squares"},
    )
    assert bundle.manifest.training["parameters"] == sum(p.numel() for p in network.parameters())
    sample = data.samples[0]
    image = sample.image.read_bytes()
    pipeline = Pipeline(bundle, choose(bundle, "openvino", "cpu"))
    seen = pipeline.infer([pipeline.decode(image, facts_of(image))])[0]
    assert np.abs(np.array(seen.detections[0].box) - sample.boxes[0]).max() < 6
    # A network with other weights must not pass for this export.
    with pytest.raises(BundleError, match="are off by"):
        check_parity(Run(config, data, tmp_path / "other").averaged(), bundle.path(OPENVINO_XML), 1)
