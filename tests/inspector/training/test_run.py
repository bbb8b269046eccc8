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
from inspector.training.journal import Journal
from inspector.training.loop import LOOK_SHARE, LOOKS, STEP_COST, Progress, Run, Stopped
from inspector.training.watch import Figures

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


def test_looking_at_the_validation_part_changes_no_weight(data: Dataset, tmp_path: Path) -> None:
    alone = Run(CONFIG, data, tmp_path / "alone")
    watched = Run(CONFIG, data, tmp_path / "watched", validation=data)
    for run in (alone, watched):
        run.train(quiet)
    first, second = (weights(run) for run in (alone, watched))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_watched_run_that_is_stopped_goes_on_to_the_same_weights_and_figures(
    data: Dataset, tmp_path: Path
) -> None:
    def run(name: str) -> Run:
        run = Run(CONFIG, data, tmp_path / name, validation=data)
        run._interval = 1  # the share of the work that looks may take would allow none in six steps
        return run

    whole = run("whole")
    kept = whole.train(quiet, every=1).state_dict()
    stopped = run("stopped")
    with pytest.raises(Stopped):
        stopped.train(quiet, every=1, stop=lambda: stopped.step == 3)
    # A kill later than the checkpoint: the journal knows more than the run that goes on.
    stopped.journal.add({"step": 4, "losses": {}, "learning_rate": 0.0})
    resumed = run("stopped")
    resumed.resume()
    again = resumed.train(quiet, every=1).state_dict()

    assert all(torch.equal(kept[name], again[name]) for name in kept)
    rows = [Journal(tmp_path / name).rows() for name in ("whole", "stopped")]
    timeless = [[{k: v for k, v in row.items() if k != "seconds"} for row in each] for each in rows]
    assert timeless[0] == timeless[1]
    assert [row["step"] for row in rows[0] if "losses" in row] == [1, 2, 3, 4, 5, 6]
    assert [row["step"] for row in rows[0] if "validation" in row] == [0, 1, 2, 3, 4, 5, 6]


def test_the_best_weights_are_kept_and_a_run_that_gets_no_better_ends(
    data: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = CONFIG.model_copy(update={"epochs": 20, "patience": 0.25})  # 40 steps
    run = Run(config, data, tmp_path, validation=data)
    run._interval = 2
    assert run.watch is not None
    wanted: dict[str, torch.Tensor] = {}

    def look(network: torch.nn.Module) -> Figures:
        # Best at step 6, then ever worse; the random weights of step 0 do not count.
        if run.step == 6:
            wanted.update({name: tensor.clone() for name, tensor in network.state_dict().items()})
        return Figures(None, 1.0 if run.step == 0 else 1 / (1 + abs(run.step - 6)), None, None)

    monkeypatch.setattr(run.watch, "look", look)
    kept = run.train(quiet).state_dict()
    assert run.best is not None
    assert run.best[0] == 6
    assert run.step == 16  # a quarter of the run later
    assert all(torch.equal(kept[name], wanted[name]) for name in wanted)

    # It has ended: going on trains no more and keeps the same.
    again = Run(config, data, tmp_path, validation=data)
    again.resume()
    kept = again.train(quiet).state_dict()
    assert again.step == 16
    assert all(torch.equal(kept[name], wanted[name]) for name in wanted)


def test_looks_take_a_bounded_share_of_the_work(data: Dataset, tmp_path: Path) -> None:
    config = CONFIG.model_copy(update={"epochs": 1000, "batch": 1, "final_size": 256})
    run = Run(config, data, tmp_path, validation=data)
    run.loader.close()
    assert run.watch is not None
    looked, learnt = run.watch.pixels(), run._interval * STEP_COST * config.size**2
    assert looked <= LOOK_SHARE * learnt
    assert run._interval > 8000 / LOOKS  # the share asked for fewer looks than there would have been


def test_it_can_be_killed_before_its_first_step(data: Dataset, tmp_path: Path) -> None:
    class Killed(Exception):
        pass

    def kill(progress: Progress) -> None:
        raise Killed

    run = Run(CONFIG, data, tmp_path, validation=data)
    with pytest.raises(Killed):
        run.train(kill)
    resumed = Run(CONFIG, data, tmp_path, validation=data)
    resumed.resume()
    resumed.train(quiet)
    assert resumed.step == 6


def test_a_longer_way_may_be_given_to_a_run_that_has_ended(data: Dataset, tmp_path: Path) -> None:
    Run(CONFIG, data, tmp_path).train(quiet)
    longer = Run(CONFIG.model_copy(update={"epochs": 4}), data, tmp_path)
    longer.resume()
    longer.train(quiet)
    assert longer.step == 8


def test_the_learning_rate_goes_on_where_time_left_it(data: Dataset, tmp_path: Path) -> None:
    config = CONFIG.model_copy(update={"epochs": None, "minutes": 10.0, "warmup_steps": 0})
    run = Run(config, data, tmp_path)
    run._used = 300.0
    run.save()
    resumed = Run(config, data, tmp_path)
    resumed.resume()
    assert resumed.done == pytest.approx(0.5, abs=0.01)
    assert resumed._learning_rate() == pytest.approx(config.learning_rate * 0.505, rel=0.05)
    for each in (run, resumed):
        each.loader.close()


def test_resume_refuses_other_classes(data: Dataset, tmp_path: Path) -> None:
    Run(CONFIG, data, tmp_path).save()
    other = Run(CONFIG, Dataset(("round",), data.samples), tmp_path)
    with pytest.raises(DataError, match="a run on square; the data has round"):
        other.resume()


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
