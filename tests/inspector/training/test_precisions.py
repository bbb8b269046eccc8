"""The gates of precisions, with a small network that has learnt squares: what passes, what is refused."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from inspector.data.dataset import Dataset
from inspector.engines.base import Engine
from inspector.engines.choose import choose
from inspector.engines.openvino_engine import OpenVinoEngine, has_bf16
from inspector.engines.torch_engine import TorchEngine, load_network
from inspector.errors import BundleError, DataError
from inspector.messages.recipe import Recipe, Thresholds
from inspector.models.bundle import OPENVINO_INT8_XML, OPENVINO_XML, Bundle, write_manifest
from inspector.training import precisions
from inspector.training.config import TrainConfig
from inspector.training.export import export, export_again
from inspector.training.loop import Run
from inspector.training.parity import compare
from inspector.training.precisions import measure
from tests.support import squares
from tests.support.images import grey
from tests.support.late_device import LateDevice

RECIPE = Recipe(id="squares", version=1, thresholds=Thresholds(default=0.3))
CONFIG = TrainConfig(
    size=64,
    final_size=64,
    batch=4,
    epochs=100,
    warmup_steps=2,
    learning_rate=1e-2,
    widths=(8, 8, 16, 16, 16),
    neck_channels=16,
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return squares.make(tmp_path_factory.mktemp("squares"), 10, good=2)


@pytest.fixture(scope="module")
def learnt(data: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bundle]:
    """Not to be written to: see `bundle`."""
    folder = tmp_path_factory.mktemp("run")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    run = Run(CONFIG, data, folder)
    network = run.train(lambda _: None)
    yield export(
        network,
        folder / "bundle",
        architecture=run.architecture,
        classes=data.classes,
        name="squares",
        version="1",
        nominal=(64, 64),
        training={"data": "squares"},
    )
    torch.set_num_threads(threads)


@pytest.fixture(autouse=True)
def _wider_gate(monkeypatch: pytest.MonkeyPatch) -> None:
    """8 channels and squares of 16 pixels feel 8 bits more than real networks and parts do."""
    monkeypatch.setattr(precisions, "LARGEST_LOSS", 0.15)


@pytest.fixture
def bundle(learnt: Bundle, tmp_path: Path) -> Bundle:
    shutil.copytree(learnt.folder, tmp_path / "bundle")
    return Bundle.load(tmp_path / "bundle")


def test_a_good_int8_is_shipped_with_what_it_costs(bundle: Bundle, data: Dataset) -> None:
    done: list[int] = []
    measured = measure(bundle, data, data, RECIPE, done.append)

    assert measured.int8_shipped
    assert sum(done) == len(data)
    facts = measured.bundle.manifest.training["precisions"]
    assert facts["f32"]["map50_95"] > 0.3  # else there was nothing to lose
    assert facts["f32"]["boxes"] <= 1e-3
    assert (facts["f32"]["flips"], facts["f32"]["verdicts"]) == (0, len(data))
    assert facts["int8"]["passed"]
    assert facts["int8"]["map50_95_lost"] <= 0.15
    assert ("bf16" in facts) == has_bf16()
    assert "verdicts changed" in measured.lines[-1]
    assert measured.bundle.manifest.training["data"] == "squares"
    # It is 8 bits wide, and it runs.
    engine = choose(measured.bundle, "openvino", "cpu", precision="int8")
    assert engine.name == "openvino int8"
    size = {
        path: (measured.bundle.folder / path).with_suffix(".bin").stat().st_size
        for path in (OPENVINO_XML, OPENVINO_INT8_XML)
    }
    assert size[OPENVINO_INT8_XML] < size[OPENVINO_XML] / 2


def test_a_spoilt_int8_is_not_shipped_and_the_manifest_says_why(
    bundle: Bundle, data: Dataset, tmp_path: Path
) -> None:
    """Calibrated on pictures that are nearly black, it cuts off all that real ones hold."""
    dark = squares.make(tmp_path / "dark", 4)
    for sample in dark.samples:
        noise = np.random.default_rng(1).integers(0, 2, (64, 64)).astype(np.uint8)
        squares.write(sample.image, noise)

    measured = measure(bundle, dark, data, RECIPE)

    assert not measured.int8_shipped
    assert not (measured.bundle.folder / OPENVINO_INT8_XML).parent.exists()
    facts = measured.bundle.manifest.training["precisions"]["int8"]
    assert not facts["passed"]
    assert "points of mAP50-95 (limit 15)" in facts["reason"]
    assert measured.lines[-1] == f"int8: not shipped: {facts['reason']}"
    # What is left is a whole bundle as before.
    assert choose(measured.bundle, "openvino", "cpu", precision="auto").name == "openvino"


def test_without_a_box_to_measure_on_int8_is_not_shipped(bundle: Bundle, data: Dataset) -> None:
    good = data.where(lambda sample: not len(sample.boxes))
    measured = measure(bundle, data, good, RECIPE)
    assert measured.lines[-1] == "int8: not shipped: no validation image has a box to measure its loss on"


def test_int8_may_be_left_out(bundle: Bundle, data: Dataset) -> None:
    measured = measure(bundle, None, data, RECIPE)
    assert not measured.int8_shipped
    assert "int8" not in measured.bundle.manifest.training["precisions"]


def test_bf16_of_a_cuda_device_has_facts_of_its_own(
    bundle: Bundle, data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is none here: a CPU is in its place."""
    monkeypatch.setattr(precisions, "cuda_is_there", lambda: True)
    monkeypatch.setattr(precisions, "CudaDevice", lambda _: LateDevice())
    measured = measure(bundle, None, data, RECIPE)
    facts = measured.bundle.manifest.training["precisions"]["torch-bf16"]
    assert facts["passed"]
    assert facts["verdicts"] == len(data)
    assert 0 < facts["boxes"] < 0.1, "it is another one than f32"
    assert measured.lines[-1].startswith("torch-bf16: mAP50-95")


def test_an_export_of_other_weights_is_refused_and_the_bundle_stays(
    bundle: Bundle, data: Dataset, tmp_path: Path
) -> None:
    torch.manual_seed(5)
    network = load_network(bundle)
    with torch.no_grad():
        network.get_parameter("heads.0.distances.bias").add_(torch.randn(64))
    other = export(
        network,
        tmp_path / "other",
        architecture=bundle.manifest.architecture,
        classes=("square",),
        name="squares",
        version="2",
        nominal=(64, 64),
        training={},
    )
    engines: dict[str, Engine] = {"torch": TorchEngine(bundle), "f32": OpenVinoEngine(other)}
    said = compare(bundle, engines, data, RECIPE)
    assert said["f32"].boxes > 1e-3
    shutil.copytree(other.folder / "openvino", bundle.folder / "openvino", dirs_exist_ok=True)
    mixed = write_manifest(bundle.folder, bundle.manifest.model_dump(exclude={"files"}))
    with pytest.raises(BundleError, match="boxes are off by"):
        measure(mixed, None, data, RECIPE)
    assert Bundle.load(mixed.folder).sha256 == mixed.sha256
    assert [path.name for path in mixed.folder.parent.iterdir() if "measured" in path.name] == []


def test_a_bundle_exported_again_keeps_its_facts_and_says_the_same(bundle: Bundle, tmp_path: Path) -> None:
    again = export_again(bundle, tmp_path / "again")
    assert again.manifest.model_dump(exclude={"files"}) == bundle.manifest.model_dump(exclude={"files"})
    image = (grey(64, 64, seed=1)[None, None] / 255).astype(np.float32)
    one, other = (OpenVinoEngine(b, threads=1).infer(image) for b in (bundle, again))
    np.testing.assert_allclose(one.boxes, other.boxes, atol=1e-3)


def test_images_that_cannot_be_read_are_named(bundle: Bundle, tmp_path: Path) -> None:
    missing = squares.make(tmp_path / "missing", 1)
    missing.samples[0].image.unlink()
    with pytest.raises(DataError, match=r"0\.png"):
        measure(bundle, missing, missing, RECIPE)
