"""The CUDA engine on a device that is a CPU and as late as it may be: what can go wrong around a device."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
import torch

from inspector.engines.base import FloatArray, Sifted, Sifter, slots_of
from inspector.engines.cuda_device import CudaDevice
from inspector.engines.cuda_engine import MOST_SIZES, SLOTS, CudaEngine, Model, batch_sizes, padded
from inspector.engines.pipeline import Pipeline
from inspector.engines.torch_engine import TorchEngine
from inspector.engines.torch_sift import ROOM
from inspector.errors import EngineUnavailable, InspectionFailed
from inspector.imaging.files import facts_of
from inspector.imaging.preprocess import prepare
from inspector.models.bundle import Bundle, InputSpec
from tests.support import tiny_bundle as maker
from tests.support.images import grey, grey_png
from tests.support.late_device import LateDevice, LateStream

SIZE = (32, 64)
"""Of so few anchor points that all candidates find room."""

LARGE = (64, 96)
"""Of too many for that: the small bundle gives all of them a score."""


@pytest.fixture
def device() -> LateDevice:
    return LateDevice()


@pytest.fixture
def engine(tiny_bundle: Bundle, device: LateDevice) -> CudaEngine:
    return CudaEngine(Model.of(tiny_bundle, device, largest=4))


@pytest.fixture(scope="module")
def measure(tiny_bundle: Bundle) -> Pipeline:
    return Pipeline(tiny_bundle, TorchEngine(tiny_bundle))


def windows(count: int, size: tuple[int, int] = SIZE, seed: int = 0) -> list[np.ndarray]:
    return [grey(*size, seed=seed + number) for number in range(count)]


def floats(windows: list[np.ndarray]) -> FloatArray:
    made: FloatArray = np.multiply(np.stack(windows)[:, None], np.float32(1 / 255), dtype=np.float32)
    return made


def its_stream(engine: CudaEngine) -> LateStream:
    stream = engine._stream
    assert isinstance(stream, LateStream)
    return stream


def assert_same(some: list[Sifted], others: list[Sifted]) -> None:
    """Nearly: a batch of another size may add up in another order."""
    assert len(some) == len(others)
    for one, other in zip(some, others, strict=True):
        assert one.labels.tolist() == other.labels.tolist()
        for part in fields(Sifted):
            mine, theirs = getattr(one, part.name), getattr(other, part.name)
            np.testing.assert_allclose(mine, theirs, atol=1e-3 if part.name == "boxes" else 1e-5)


@pytest.mark.parametrize(
    ("largest", "sizes"), [(1, [1]), (2, [2, 1]), (8, [8, 4, 2, 1]), (24, [24, 16, 8, 4, 2, 1])]
)
def test_sizes_that_have_a_program(largest: int, sizes: list[int]) -> None:
    assert batch_sizes(largest) == sizes


@pytest.mark.parametrize(("count", "runs"), [(1, 1), (2, 2), (3, 4), (5, 8), (17, 24), (24, 24)])
def test_a_batch_runs_in_the_next_larger_program(count: int, runs: int) -> None:
    assert padded(count, 24) == runs


def test_it_is_a_sifter_and_says_what_it_is(engine: CudaEngine, tiny_bundle: Bundle) -> None:
    assert isinstance(engine, Sifter)
    assert (engine.name, engine.device, engine.largest) == ("torch", "late", 4)
    assert CudaEngine(Model.of(tiny_bundle, LateDevice(), precision="bf16")).name == "torch bf16"


def test_no_windows(engine: CudaEngine) -> None:
    assert engine.sift([], SIZE) == []


def test_a_pipeline_on_it_says_what_the_measure_says(engine: CudaEngine, measure: Pipeline) -> None:
    """All sizes, whole and in tiles, more images than one run takes."""
    sizes = [(128, 128), (30, 50), (128, 128), (520, 60), (64, 96), (128, 128), (128, 128), (128, 128)]
    images = [grey_png(*size, seed=index) for index, size in enumerate(sizes)]
    ours = Pipeline(measure.bundle, engine)
    runs: list[int] = []

    seen = ours.infer([ours.decode(one, facts_of(one)) for one in images], lambda: runs.append(1))
    wanted = measure.infer([measure.decode(one, facts_of(one)) for one in images])

    assert len(runs) > len(set(sizes)), "an image in tiles tells its progress"
    assert any(one.detections for one in wanted)
    for mine, theirs in zip(seen, wanted, strict=True):
        assert [d.defect_class for d in mine.detections] == [d.defect_class for d in theirs.detections]
        scores = [[d.score for d in one.detections] for one in (mine, theirs)]
        np.testing.assert_allclose(scores[0], scores[1], atol=1e-4)
        boxes = [np.array([d.box for d in one.detections]).reshape(-1, 4) for one in (mine, theirs)]
        np.testing.assert_allclose(boxes[0], boxes[1], atol=0.02)
        assert np.abs(mine.attention.astype(int) - theirs.attention).max() <= 1


def test_nothing_is_made_on_the_host_that_the_device_makes(engine: CudaEngine, measure: Pipeline) -> None:
    image = grey_png()
    assert Pipeline(measure.bundle, engine).decode(image, facts_of(image)).whole is None
    assert measure.decode(image, facts_of(image)).whole is not None


def test_what_another_batch_left_behind_changes_nothing(engine: CudaEngine) -> None:
    alone = engine.sift(windows(3), SIZE)
    engine.sift([np.full(SIZE, 255, np.uint8)] * 4, SIZE)
    assert_same(engine.sift(windows(3), SIZE), alone)


def test_a_smaller_picture_has_padding_where_a_larger_one_was(engine: CudaEngine) -> None:
    small = grey(20, 50)
    [fresh] = engine.sift([small], SIZE)
    engine.sift([np.full(SIZE, 255, np.uint8)], SIZE)
    assert_same(engine.sift([small], SIZE), [fresh])


def test_an_answer_is_not_written_over_by_the_next_batch(engine: CudaEngine) -> None:
    [first] = engine.sift(windows(1), SIZE)
    before = first.scores.copy(), first.attention.copy()
    engine.sift(windows(1, seed=9), SIZE)
    assert (first.scores == before[0]).all()
    assert (first.attention == before[1]).all()


def test_a_program_is_recorded_when_a_size_comes_again(engine: CudaEngine) -> None:
    stream = its_stream(engine)
    [plain] = engine.sift(windows(1), SIZE)
    assert (stream.recorded, stream.replayed) == (0, 0)
    for turn in range(1, 4):
        assert_same(engine.sift(windows(1), SIZE), [plain])
        assert (stream.recorded, stream.replayed) == (1, turn)
    engine.sift(windows(3), SIZE)
    assert stream.recorded == 1, "another size of the batch, for the first time"


def test_the_lines_size_is_recorded_ahead(engine: CudaEngine, tiny_bundle: Bundle) -> None:
    stream, nominal = its_stream(engine), tiny_bundle.manifest.input.nominal
    Pipeline(tiny_bundle, engine).warm_up()
    assert stream.recorded == len(batch_sizes(4))
    for count in (1, 2, 3, 4):
        engine.sift(windows(count, nominal), nominal)
    Pipeline(tiny_bundle, engine).warm_up()
    assert stream.recorded == len(batch_sizes(4)), "and no more than once"
    assert stream.replayed == 6


def test_sizes_come_and_go_and_the_answers_stay(engine: CudaEngine) -> None:
    sizes = [(32, 32 * number) for number in range(1, MOST_SIZES + 2)]
    for _ in range(2):
        for size in sizes:
            [one] = engine.sift(windows(1, size), size)
            assert one.attention.shape == (size[0] // 8, size[1] // 8)
    assert its_stream(engine).recorded == 0, "each had left before it came again"
    engine.sift(windows(1, sizes[-1]), sizes[-1])
    assert its_stream(engine).recorded == 1


def test_more_candidates_than_there_is_room_are_all_there(engine: CudaEngine) -> None:
    batch = windows(3, LARGE)
    seen = engine.sift(batch, LARGE)
    raw = engine.infer(floats(batch))
    for row, one in enumerate(seen):
        assert len(one.scores) == raw.scores[row].size > ROOM
        np.testing.assert_allclose(one.scores, raw.scores[row].ravel(), atol=1e-5)
        np.testing.assert_allclose(one.boxes[::6], raw.boxes[row], atol=1e-3)


def test_slots_side_by_side_give_what_one_gives_alone(engine: CudaEngine) -> None:
    slots = slots_of(engine)
    assert len(slots) == SLOTS
    assert slots[0] is engine
    batches = [windows(1 + number % 4, seed=number) for number in range(6 * SLOTS)]
    wanted = [engine.sift(batch, SIZE) for batch in batches]

    def work(number: int) -> list[list[Sifted]]:
        slot = slots[number]
        assert isinstance(slot, Sifter)
        return [slot.sift(batch, SIZE) for batch in batches[number::SLOTS]]

    with ThreadPoolExecutor(SLOTS) as threads:
        seen = list(threads.map(work, range(SLOTS)))
    for number, mine in enumerate(seen):
        for one, other in zip(mine, wanted[number::SLOTS], strict=True):
            assert_same(one, other)


def test_bf16_gives_nearly_what_f32_gives(tiny_bundle: Bundle, engine: CudaEngine) -> None:
    half = CudaEngine(Model.of(tiny_bundle, LateDevice(), precision="bf16"))
    batch = floats(windows(2))
    mine, theirs = half.infer(batch), engine.infer(batch)
    np.testing.assert_allclose(mine.boxes, theirs.boxes, atol=0.5)
    for name in ("scores", "classes", "attention"):
        np.testing.assert_allclose(getattr(mine, name), getattr(theirs, name), atol=0.03, err_msg=name)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate"), "no memory left.*--batch-size"),
        (RuntimeError("CUDA error: unspecified launch failure\nmore"), "failed on late: CUDA error"),
    ],
)
def test_a_device_that_fails_says_so_and_goes_on_if_it_can(
    engine: CudaEngine, error: Exception, said: str
) -> None:
    before = engine.sift(windows(2), SIZE)
    asks: list[Callable[[], object]] = [
        lambda: engine.sift(windows(2), SIZE),
        lambda: engine.infer(np.zeros((1, 1, *SIZE), np.float32)),
        lambda: engine.prepare(SIZE),
    ]
    for ask in asks:
        its_stream(engine).fails = error
        with pytest.raises(InspectionFailed, match=said):
            ask()
    its_stream(engine).fails = None
    assert_same(engine.sift(windows(2), SIZE), before)


@pytest.mark.parametrize(
    ("parameter", "said"),
    [
        ("image_head.linear.bias", "scores that are not within 0-1"),
        ("heads.0.distances.bias", "boxes that are not numbers"),
    ],
)
def test_what_is_not_a_number_is_an_error(
    tiny_bundle: Bundle, device: LateDevice, parameter: str, said: str
) -> None:
    model = Model.of(tiny_bundle, device)
    with torch.no_grad():
        model.network.module.get_parameter(parameter).fill_(float("nan"))
    with pytest.raises(InspectionFailed, match=said):
        CudaEngine(model).sift(windows(2), SIZE)


def test_sixteen_bits_go_over_as_they_are(tiny_bundle: Bundle, device: LateDevice) -> None:
    deep = tiny_bundle.manifest.input.model_copy(update={"bit_depth": 16, "white": 65535})
    bundle = Bundle(tiny_bundle.folder, tiny_bundle.manifest.model_copy(update={"input": deep}), "")
    image = prepare(np.random.default_rng(0).integers(0, 65536, SIZE, np.uint16), deep)
    ours, theirs = CudaEngine(Model.of(bundle, device)), TorchEngine(bundle)
    seen, wanted = (Pipeline(bundle, one).infer([image])[0] for one in (ours, theirs))
    assert seen.classification.defective == pytest.approx(wanted.classification.defective, abs=1e-4)
    assert [d.defect_class for d in seen.detections] == [d.defect_class for d in wanted.detections]


def test_colour_goes_over_as_it_is(tmp_path: Path) -> None:
    bundle = maker.make(tmp_path / "b", channels=3)
    image = prepare(np.random.default_rng(0).integers(0, 256, (*SIZE, 3), np.uint8), bundle.manifest.input)
    ours, theirs = CudaEngine(Model.of(bundle, LateDevice())), TorchEngine(bundle)
    seen, wanted = (Pipeline(bundle, one).infer([image])[0] for one in (ours, theirs))
    assert seen.classification.defective == pytest.approx(wanted.classification.defective, abs=1e-4)
    assert np.abs(seen.attention.astype(int) - wanted.attention).max() <= 1


def test_padding_that_no_level_stands_for_goes_over_as_numbers(
    tiny_bundle: Bundle, device: LateDevice
) -> None:
    spec = InputSpec(**{**tiny_bundle.manifest.input.model_dump(), "pad": 0.5})
    bundle = Bundle(tiny_bundle.folder, tiny_bundle.manifest.model_copy(update={"input": spec}), "")
    image = prepare(grey(40, 70), spec)
    ours, theirs = CudaEngine(Model.of(bundle, device)), TorchEngine(bundle)
    pipelines = [Pipeline(bundle, one) for one in (ours, theirs)]
    pipelines[0].warm_up()
    seen, wanted = (pipeline.infer([image])[0] for pipeline in pipelines)
    assert np.abs(seen.attention.astype(int) - wanted.attention).max() <= 1


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")
def test_without_a_device_it_says_what_torch_finds() -> None:
    with pytest.raises(EngineUnavailable, match=r"'cuda:1': torch finds (none|0 CUDA devices)"):
        CudaDevice("cuda:1")
