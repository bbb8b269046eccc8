"""One test of parity for every engine: the numbers of torch on the CPU are the measure."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from inspector.engines.base import Engine, RawOutput, lanes_of
from inspector.engines.openvino_engine import OpenVinoEngine
from inspector.engines.torch_engine import TorchEngine
from inspector.errors import BundleError
from inspector.models.bundle import OPENVINO_XML, WEIGHTS, Bundle, write_manifest
from tests.support.images import grey

SIZES = {"nominal": (128, 128), "wide": (64, 160), "smallest": (32, 32)}


@pytest.fixture(scope="module")
def measure(tiny_bundle: Bundle) -> Engine:
    return TorchEngine(tiny_bundle)


@pytest.fixture(scope="module")
def openvino(tiny_bundle: Bundle) -> Engine:
    return OpenVinoEngine(tiny_bundle, threads=1)


def batch_of(count: int, size: tuple[int, int]) -> np.ndarray:
    images = [grey(*size, seed=seed)[None] for seed in range(count)]
    return np.stack(images).astype(np.float32) / 255


@pytest.mark.parametrize("count", [1, 3, 8])
@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_openvino_gives_what_torch_gives(
    openvino: Engine, measure: Engine, size: tuple[int, int], count: int
) -> None:
    batch = batch_of(count, size)

    assert_alike(openvino.infer(batch), measure.infer(batch))


def test_an_image_gives_the_same_alone_and_among_others(openvino: Engine) -> None:
    batch = batch_of(4, (64, 160))

    together, alone = openvino.infer(batch), openvino.infer(batch[2:3])

    assert_alike(RawOutput(*(getattr(together, f.name)[2:3] for f in fields(RawOutput))), alone)


def test_an_output_is_not_written_over_by_the_next_image(openvino: Engine) -> None:
    first = openvino.infer(batch_of(1, (128, 128)))
    before = first.scores.copy()

    openvino.infer(1 - batch_of(1, (128, 128)))

    assert (first.scores == before).all()


def test_the_shapes_of_the_contract(openvino: Engine) -> None:
    raw = openvino.infer(batch_of(2, (64, 160)))

    anchors = 8 * 20 + 4 * 10
    assert raw.boxes.shape == (2, anchors, 4)
    assert raw.scores.shape == (2, anchors, 6)
    assert raw.classes.shape == (2, 7)
    assert raw.attention.shape == (2, 8, 20)


def test_a_broken_export_is_named(tiny_bundle: Bundle, tmp_path: Path) -> None:
    bundle = altered(tiny_bundle, tmp_path / "b", OPENVINO_XML, b"<net>")

    with pytest.raises(BundleError, match=r"model\.xml"):
        OpenVinoEngine(bundle)


def test_weights_that_do_not_fit_are_named(tiny_bundle: Bundle, tmp_path: Path) -> None:
    bundle = altered(tiny_bundle, tmp_path / "b", WEIGHTS, b"\0" * 64)

    with pytest.raises(BundleError, match=r"weights\.safetensors"):
        TorchEngine(bundle)


def altered(bundle: Bundle, folder: Path, name: str, content: bytes) -> Bundle:
    """Sealed again, so that only the engine can find out."""
    shutil.copytree(bundle.folder, folder)
    (folder / name).write_bytes(content)
    return write_manifest(folder, bundle.manifest.model_dump(exclude={"files"}))


def assert_alike(a: RawOutput, b: RawOutput) -> None:
    np.testing.assert_allclose(a.boxes, b.boxes, atol=1e-2)
    for name in ("scores", "classes", "attention"):
        np.testing.assert_allclose(getattr(a, name), getattr(b, name), atol=1e-4, err_msg=name)


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_lanes_side_by_side_give_what_the_engine_gives(
    tiny_bundle: Bundle, measure: Engine, size: tuple[int, int]
) -> None:
    lanes = OpenVinoEngine(tiny_bundle, threads=2).lanes()
    batches = [batch_of(3, size), 1 - batch_of(3, size)]
    with ThreadPoolExecutor(len(lanes)) as threads:
        results = list(threads.map(lambda lane, batch: lane.infer(batch), lanes, batches))

    assert len(lanes) == 2
    for result, batch in zip(results, batches, strict=True):
        assert_alike(result, measure.infer(batch))


def test_one_core_has_no_lanes_and_torch_has_none(openvino: Engine, measure: Engine) -> None:
    assert not lanes_of(openvino)
    assert not lanes_of(measure)


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_torch_in_bf16_gives_nearly_what_it_gives_in_f32(
    tiny_bundle: Bundle, measure: Engine, size: tuple[int, int]
) -> None:
    engine = TorchEngine(tiny_bundle, precision="bf16")
    batch = batch_of(2, size)

    half, whole = engine.infer(batch), measure.infer(batch)

    assert engine.name == "torch bf16"
    assert not np.array_equal(half.scores, whole.scores)
    np.testing.assert_allclose(half.boxes, whole.boxes, atol=0.5)
    for name in ("scores", "classes", "attention"):
        np.testing.assert_allclose(getattr(half, name), getattr(whole, name), atol=0.03, err_msg=name)
